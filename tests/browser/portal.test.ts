/**
 * The portal as an administrator has it: sign in, add a phone, watch a call of two baresips come and go, look at it in the
 * explorer, have it sent to a program and sent again. Everything is done by what is on the page.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { story } from '../attempts.ts'
import { Carillon, until } from '../carillon.ts'
import { Baresip } from '../interop/baresip.ts'
import { Organisation } from '../interop/organisation.ts'
import { viewports, violations } from './axe.ts'
import { launchChromium } from './tabs.ts'

const administrator = { email: 'ada@example.com', password: 'correct horse battery' }
const pages = [
  '/',
  '/people',
  '/people/new',
  '/phones',
  '/meetings',
  '/history',
  '/developers/events',
  '/developers/webhooks',
  '/developers/webhooks/new',
  '/developers/keys',
  '/developers/keys/new',
  '/developers/reference',
  '/settings',
]

let carillon: Carillon
let browser: Browser
let context: BrowserContext
let page: Page
let receiver: Server
/** What the program of the webhook was sent. */
const received: { readonly id: string; readonly type: string }[] = []
const phones: Baresip[] = []
let organisation: Organisation

story()

beforeAll(async () => {
  carillon = await Carillon.start({
    CARILLON_ADMIN_EMAIL: administrator.email,
    CARILLON_ADMIN_PASSWORD: administrator.password,
    CARILLON_WEBHOOK_ALLOW: '127.0.0.0/8',
  })
  const { data } = await carillon.call('GET', '/v3.0/whoami')
  const changed = await carillon.call('POST', '/v3.0/accounts', {
    data: { id: data.account_id, telephony_enabled: true, name: 'Bell Founders' },
  })
  organisation = Organisation.of(carillon, data.account_id, changed.data.realm)
  receiver = createServer((request, answer) => {
    let body = ''
    request.on('data', (text) => (body += text))
    request.on('end', () => {
      received.push({ id: String(request.headers['webhook-id']), type: JSON.parse(body).type })
      answer.end('thanks')
    })
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  browser = await launchChromium()
  context = await browser.newContext({ locale: 'en-GB', viewport: viewports[0] })
  page = await context.newPage()
})

afterAll(async () => {
  await browser?.close()
  receiver?.close()
  received.length = 0
  await Promise.all(phones.splice(0).map((phone) => phone.stop()))
  organisation?.close()
  await carillon?.destroy()
})

const inAccount = () => ({ 'x-account-id': organisation.accountId })

async function signIn(
  at: Page,
  address = '/',
  password = administrator.password,
  email = administrator.email,
): Promise<void> {
  await at.goto(carillon.url + address)
  await at.getByLabel('E-mail address or user name').fill(email)
  await at.getByRole('textbox', { name: 'Password' }).fill(password)
  await at.getByRole('button', { name: 'Sign in' }).click()
}

/** On the page that is there, without loading it anew. */
const go = (name: string) => page.getByRole('link', { name, exact: true }).click()

describe('signing in', () => {
  it('says what is wrong, and leads to where one was going', async () => {
    await signIn(page, '/settings', 'not the password')
    await page.getByRole('alert').getByText('The name or the password is wrong.').waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('textbox', { name: 'Password' }).fill(administrator.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' })
    expect(await page.evaluate('document.cookie')).toBe('')
  })
})

/** At each page, once it is there. German has the longest words, so it is what the dark is looked at in. */
async function visit(
  options: BrowserContextOptions,
  setUp: string,
  look: (at: Page, address: string) => Promise<void>,
) {
  const other = await browser.newContext({ ...options, storageState: await context.storageState() })
  await other.addInitScript(setUp)
  const one = await other.newPage()
  for (const address of pages) {
    await one.goto(carillon.url + address)
    await one.getByRole('heading', { level: 1 }).waitFor()
    await one.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
    await look(one, address)
    expect(await one.evaluate('document.documentElement.scrollWidth <= innerWidth'), address).toBe(true)
  }
  await other.close()
}

describe.each(viewports)('at $width', ({ width, height }) => {
  it.each([
    ['light', 'en-GB'],
    ['dark', 'de-DE'],
  ] as const)('each page is for everybody, in the %s', async (theme, locale) => {
    const setUp = `localStorage.setItem('carillon.portal.theme', '${theme}')`
    await visit({ viewport: { width, height }, locale }, setUp, async (one, address) => {
      expect(await violations(one), address).toEqual([])
    })
  })
})

describe('each page', () => {
  it('fits with text twice as large, also written from right to left', async () => {
    const mirrored = `new MutationObserver(() => {
      if (document.documentElement?.dir === '') document.documentElement.dir = 'rtl'
    }).observe(document, { childList: true, subtree: true })`
    await visit({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }, mirrored, async (one) => {
      expect(await one.evaluate('getComputedStyle(document.body).direction')).toBe('rtl')
    })
  })
})

describe('phones', () => {
  it('are added, seen once with their password, and are registered before one’s eyes', async () => {
    await page.goto(`${carillon.url}/phones`)
    await page.getByRole('main').getByRole('link', { name: 'Add a phone' }).first().click()
    await page.getByLabel('Name', { exact: false }).first().fill('Desk')
    await page.getByLabel('SIP user name').fill('desk')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const secret = page.getByRole('dialog').locator('.secret code')
    await secret.waitFor()
    const password = (await secret.textContent()) ?? ''
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByRole('heading', { name: 'Desk' }).waitFor()
    await page.locator('aside').getByText('not registered').waitFor()
    const domain = organisation.realm
    phones.push(await Baresip.start({ username: 'desk', password, domain, port: carillon.sipPort, tone: 440 }))
    await page.locator('aside').getByText('registered', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('aside').waitFor({ state: 'detached' })
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Desk')
  })

  it('are not changed unseen over what somebody else changed: what was written is put on it', async () => {
    await page.getByRole('link', { name: 'Desk' }).click()
    await page.getByLabel('Forward to').fill('1009')
    const address = `/v3.0/devices/${new URL(page.url()).pathname.split('/').at(-1)}`
    const change = (data: object) => carillon.call('PATCH', address, { data }, inAccount())
    await change({ do_not_disturb: true })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('It was changed meanwhile').waitFor()
    expect(await page.getByLabel('Do not disturb').isChecked()).toBe(true)
    expect(await page.getByLabel('Forward to').inputValue()).toBe('1009')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Save' }).waitFor({ state: 'detached' })
    const { data } = await carillon.call('GET', address, undefined, inAccount())
    expect(data).toMatchObject({ do_not_disturb: true, call_forward: { number: '1009' } })
    await change({ do_not_disturb: false, call_forward: { number: null } })
    await page.keyboard.press('Escape')
    await page.locator('aside').waitFor({ state: 'detached' })
  })
})

describe('a call', () => {
  it('appears, rings, is talked and ends on one line; the explorer and a webhook have it', async () => {
    const bob = await organisation.person('1002', { user: { first_name: 'Bob' }, timeout: 120 })
    const login = { username: bob.username, password: bob.password, domain: organisation.realm }
    phones.push(await Baresip.start({ ...login, port: carillon.sipPort, tone: 700 }))
    const [desk, other] = phones
    await addWebhook()
    await go('Home')
    await page.getByText('Nobody is on the phone.').waitFor()
    await page.getByText('live', { exact: true }).waitFor()

    desk?.dial('1002')
    const line = page.locator('[data-call]')
    await line.getByText('ringing').waitFor()
    expect(await page.locator('[data-call]').count()).toBe(1)
    await other?.event('CALL_INCOMING')
    other?.answer()
    await line.getByText('talking').waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: /^Hang up the call/ }).click()
    await line.getByText('ended').waitFor()

    await line.getByRole('link').click()
    await page.locator('aside').getByText('call.ended').waitFor()
    await page.getByRole('tab', { name: 'Ladder' }).click()
    await page.locator('aside').getByText('INVITE').first().waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('link', { name: 'Open in the explorer' }).click()
    const events = page.getByRole('region', { name: 'Events, newest first' })
    for (const type of ['call.started', 'call.ringing', 'call.answered', 'call.ended']) {
      await events.getByText(type, { exact: true }).waitFor()
    }
    await events.getByText('call.ended', { exact: true }).click()
    await page.locator('aside').getByText('"hangup_cause"').waitFor()
    expect(await violations(page)).toEqual([])
  })

  it('was delivered, and is sent again with the same id', async () => {
    await until(() => received.some(({ type }) => type === 'call.ended'), 'the delivery of call.ended')
    await go('Webhooks')
    await page.getByRole('link', { name: 'Of the test' }).click()
    const ended = page.locator('aside').getByRole('button', { name: 'call.ended' })
    await ended.click()
    await page.locator('aside').getByText('thanks').waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Send again', exact: true }).click()
    await until(() => received.filter(({ type }) => type === 'call.ended').length === 2, 'it is sent again')
    await page.getByRole('checkbox', { name: /^Choose call.ended/ }).check()
    await page.locator('.chosen-bar').getByRole('button', { name: 'Send again' }).click()
    await until(() => received.filter(({ type }) => type === 'call.ended').length === 3, 'those that were chosen')
    const ids = received.filter(({ type }) => type === 'call.ended').map(({ id }) => id)
    expect(new Set(ids).size).toBe(1)
  })

  it('stops being sent when webhooks are paused together, and goes on so', async () => {
    await page.keyboard.press('Escape')
    await page.getByRole('checkbox', { name: 'Choose all' }).check()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('cell', { name: 'paused' }).waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Resume and catch up' }).click()
    await page.getByRole('cell', { name: 'active' }).waitFor()
  })

  it('is in the history, and whoever was called is called from there: held, talked to again, hung up', async () => {
    await go('History')
    await page.getByRole('link', { name: 'desk', exact: false }).first().waitFor()
    expect(await page.getByRole('cell', { name: 'answered', exact: true }).count()).toBe(1)
    await page.getByRole('button', { name: /^Call Bob/ }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Which phone rings first').first().click()
    await page.getByRole('option', { name: 'Desk' }).click()
    await dialog.getByRole('button', { name: 'Call', exact: true }).click()
    await dialog.getByText('calling').waitFor()
    const [desk, other] = phones
    await desk?.event('CALL_INCOMING')
    desk?.answer()
    await dialog.getByText('ringing').waitFor()
    other?.answer()
    await dialog.getByText('talking').waitFor()
    expect(await violations(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await go('Home')
    await page.locator('[data-call][data-status=answered]').getByRole('link').click()
    await page.getByRole('button', { name: 'Hold' }).first().click()
    await page.locator('aside').getByText('holds the other side').waitFor()
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Go on talking' }).click()
    await page.locator('aside').getByText('holds the other side').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Hang up the call/ }).click()
    await page.locator('aside').getByText('Outcome').waitFor()
  })

  async function addWebhook(): Promise<void> {
    await go('Webhooks')
    await page.getByRole('main').getByRole('link', { name: 'Add a webhook' }).first().click()
    await page.getByLabel('Name', { exact: false }).first().fill('Of the test')
    await page.getByLabel('Address', { exact: false }).fill('no address')
    await page.keyboard.press('Tab')
    await page.getByText('This does not have the form that is needed.').waitFor()
    const { port } = receiver.address() as AddressInfo
    await page.getByLabel('Address', { exact: false }).fill(`http://127.0.0.1:${port}/hook`)
    for (const [name, value] of [
      ['host', 'elsewhere.example'],
      ['x-tenant', 'bells'],
    ] as const) {
      await page.getByRole('button', { name: 'Add a header' }).click()
      await page.getByLabel('Name of the header').last().fill(name)
      await page.getByLabel('Value of the header').last().fill(value)
    }
    await page.getByRole('checkbox', { name: 'call.*' }).uncheck()
    await page.getByRole('button', { name: 'Single types of call.*' }).click()
    await page.getByRole('checkbox', { name: 'call.ended' }).check()
    await page.getByRole('button', { name: 'Add a condition' }).click()
    await page.getByLabel('Field of the event').fill('data.call.direction')
    await page.getByLabel('Value', { exact: true }).fill('internal')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    // What the server says stands at its field.
    await page.getByText('host: is a header that we send ourselves').waitFor()
    await page.getByRole('button', { name: 'Take the header host away' }).click()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByRole('heading', { name: 'Of the test' }).waitFor()
    const [made] = (await carillon.call('GET', '/v3.0/webhooks', undefined, inAccount())).data
    expect(made).toMatchObject({ event_types: ['call.ended'], headers: { 'x-tenant': expect.any(String) } })
    expect(made.filters).toEqual([{ path: 'data.call.direction', op: 'eq', value: 'internal' }])
  }
})

describe('the keyboard alone', () => {
  it('goes anywhere, walks through a list, and finds back', async () => {
    await page.keyboard.press('Control+k')
    await page.locator('.palette-input:focus').waitFor()
    await page.keyboard.type('pho')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Phones' }).waitFor()
    await page.getByRole('link', { name: 'Desk' }).waitFor()
    await page.keyboard.press('j')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Desk')
    await page.keyboard.press('j')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Phone 1002')
    await page.keyboard.press('k')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Desk' }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('aside').waitFor({ state: 'detached' })
    expect(new URL(page.url()).pathname).toBe('/phones')
  })
})

describe('keys', () => {
  it('are made, shown once, rotated and deleted', async () => {
    await go('Keys')
    await page.getByRole('main').getByRole('link', { name: 'Make a key' }).first().click()
    await page.getByLabel('Name', { exact: false }).first().fill('CRM')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const secret = page.getByRole('dialog').locator('.secret code')
    const key = (await secret.textContent()) ?? ''
    const who = await carillon.call('GET', '/v3.0/whoami', undefined, { 'x-api-key': key })
    expect(who.data.scopes).toEqual(['telephony:read', 'events'])
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByRole('heading', { name: 'CRM' }).waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete CRM' }).click()
    await page.locator('aside').waitFor({ state: 'detached' })
    expect((await carillon.call('GET', '/v3.0/whoami', undefined, { 'x-api-key': key })).status).toBe(401)
  })
})

describe('a person who is no administrator', () => {
  it('sees their own, and nothing that would be refused', async () => {
    const email = 'bea@example.com'
    const person = { first_name: 'Bea', email, password: administrator.password }
    await carillon.call('PUT', '/v3.0/users', { data: person }, inAccount())
    const other = await browser.newContext({ locale: 'en-GB', viewport: viewports[0] })
    const one = await other.newPage()
    const refused: string[] = []
    one.on('response', (answer) => {
      if (answer.status() === 403) refused.push(answer.url())
    })
    await signIn(one, '/', administrator.password, email)
    const nav = one.getByRole('navigation', { name: 'Main navigation' })
    await nav.getByRole('link', { name: 'Home' }).waitFor()
    const names = (await nav.getByRole('link').allTextContents()).map((text) => text.trim())
    expect(names).toEqual(['Home', 'Meetings', 'History', 'Events', 'API reference', 'Settings'])
    for (const address of ['/', '/meetings', '/history', '/developers/events', '/settings', '/people', ...adminPages]) {
      await one.goto(carillon.url + address)
      await one.getByRole('heading', { level: 1 }).waitFor()
      await one.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
      expect(await one.getByRole('heading', { name: 'For administrators' }).count(), address).toBe(
        ['/people', ...adminPages].includes(address) ? 1 : 0,
      )
    }
    expect(refused).toEqual([])
    await one.goto(`${carillon.url}/settings`)
    await one.getByLabel('Do not disturb').click()
    await one.getByRole('button', { name: 'Save' }).click()
    await one.getByRole('button', { name: 'Save' }).waitFor({ state: 'detached' })
    const { data } = await carillon.call('GET', '/v3.0/users?search=Bea', undefined, inAccount())
    expect(data[0].do_not_disturb).toBe(true)
    await other.close()
  })

  const adminPages = ['/phones', '/developers/webhooks/new', '/developers/keys']
})

describe('an organisation below the own one', () => {
  it('is there to be chosen soon after it was made elsewhere', async () => {
    const other = await browser.newContext({ locale: 'en-GB', viewport: viewports[0] })
    const one = await other.newPage()
    await one.clock.install()
    await signIn(one)
    await one.locator('.org-only').getByText('Bell Founders').waitFor()
    await carillon.account()
    await one.clock.fastForward(20_000)
    await one.getByRole('button', { name: 'Organisation: Bell Founders' }).click()
    await one.getByRole('menuitem').nth(1).waitFor()
    await other.close()
  })
})

describe('signing out', () => {
  it('ends the session everywhere', async () => {
    await page.getByRole('button', { name: 'Administrator' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.goto(`${carillon.url}/phones`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})
