/**
 * What the portal makes of a call that goes on, with phones that nobody here wrote: it is recorded and listened to, one side
 * is parked, retrieved and taken into a meeting. An administrator may all of it, others what is their own.
 */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { story } from '../attempts.ts'
import { Carillon, type Json, until } from '../carillon.ts'
import { Baresip } from '../interop/baresip.ts'
import { Organisation, type Person } from '../interop/organisation.ts'
import { viewports, violations } from './axe.ts'
import { launchChromium } from './tabs.ts'

const password = 'correct horse battery'
const names = {
  '1001': ['Alice', 'Vandenbroucke-Peeters'],
  '1002': ['Bob', 'Schoonebeeke'],
  '1003': ['Carol', ''],
} as const
const tones = { '1001': 440, '1002': 700, '1003': 1000 } as const
type Number = keyof typeof names

let carillon: Carillon
let browser: Browser
let organisation: Organisation
let page: Page
const people = new Map<Number, Person>()
const phones = new Map<Number, Baresip>()
const phone = (number: Number) => phones.get(number) as Baresip

story()

beforeAll(async () => {
  carillon = await Carillon.start({ CARILLON_ADMIN_EMAIL: 'ada@example.com', CARILLON_ADMIN_PASSWORD: password })
  const { data } = await carillon.call('GET', '/v3.0/whoami')
  const change = { id: data.account_id, telephony_enabled: true }
  const { realm } = (await carillon.call('POST', '/v3.0/accounts', { data: change })).data
  organisation = Organisation.of(carillon, data.account_id, realm)
  browser = await launchChromium()
  page = await signIn('ada@example.com')
  await page.getByText('live', { exact: true }).waitFor()
  // After the page: an interface that comes makes a browser begin its requests again.
  for (const number of ['1001', '1002', '1003'] as const) await startPhone(number)
})

afterAll(async () => {
  await browser?.close()
  await Promise.all([...phones.values()].map((one) => one.stop()))
  await carillon?.destroy()
})

/** Alice takes her calls herself, the two others answer. */
async function startPhone(number: Number): Promise<void> {
  const [first_name, last_name] = names[number]
  const user = { first_name, last_name, email: `${first_name}@example.com`, password }
  const person = await organisation.person(number, { user })
  const { username, password: secret } = person
  const login = { username, password: secret, domain: organisation.realm, port: carillon.sipPort }
  people.set(number, person)
  phones.set(number, await Baresip.start({ ...login, tone: tones[number], isAnswering: number !== '1001' }))
}

async function signIn(email: string): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: viewports[0] })
  const one = await context.newPage()
  await one.goto(carillon.url)
  await one.getByLabel('E-mail address or user name').fill(email)
  await one.getByRole('textbox', { name: 'Password' }).fill(password)
  await one.getByRole('button', { name: 'Sign in' }).click()
  return one
}

/** Its panel is open. */
async function callBob(at: Page = page): Promise<void> {
  phone('1001').dial('1002')
  await at.locator('[data-call][data-status=answered]').getByRole('link').click()
  await at.locator('aside').getByText('is in the call').nth(1).waitFor()
}

const panel = () => page.locator('aside')
const press = (name: string) => panel().getByRole('button', { name, exact: true }).click()
const side = (name: string, at: Page = page) => at.locator('aside').getByRole('group', { name })

async function choose(label: string, option: string): Promise<void> {
  await page.getByRole('dialog').getByRole('combobox', { name: label }).click()
  await page.getByRole('option', { name: option }).click()
}

it('is recorded, with a pause, and says so to whoever sees it', async () => {
  await callBob()
  await press('Record')
  await panel().getByText('recorded', { exact: true }).waitFor()
  expect(await page.locator('[data-call]').getByText('recorded', { exact: true }).count()).toBe(1)
  await press('Pause recording')
  await panel().getByText('recording paused').waitFor()
  expect(await violations(page)).toEqual([])
  await press('Resume recording')
  await press('Stop recording')
  await panel().getByRole('button', { name: 'Record', exact: true }).waitFor()
  await until(async () => (await organisation.call('GET', 'recordings'))[0]?.status === 'ready', 'the recording')
})

it('is listened to by a phone that whispers to one side, speaks to all, and leaves', async () => {
  await press('Listen')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('radio', { name: 'Whisper' }).check()
  await choose('Who hears you', 'Bob')
  await choose('Which phone listens', 'Phone 1003')
  expect(await violations(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Call the phone' }).click()
  await panel().getByText('whispers to one side').waitFor()
  await panel().getByText('somebody listens').waitFor()
  expect(await violations(page)).toEqual([])
  await Promise.all([phone('1003').hearsAll([440, 700]), phone('1002').hearsAll([440, 1000])])
  await side('Carol').getByRole('button', { name: 'Speak to all' }).click()
  await panel().getByText('speaks to all').waitFor()
  await phone('1001').hearsAll([700, 1000])
  await side('Carol').getByRole('button', { name: 'Stop listening' }).click()
  await panel().getByText('somebody listens').waitFor({ state: 'detached' })
})

it('leaves one side parked; by the keyboard alone a phone is called that refuses, then one that takes it', async () => {
  await side('Alice').getByRole('button', { name: 'Park' }).click()
  await panel().getByText('waits with music').waitFor()
  expect(await violations(page)).toEqual([])
  await phone('1001').event('CALL_CLOSED')
  await panel().getByRole('button', { name: 'Retrieve' }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  const field = dialog.getByRole('combobox', { name: 'Which phone takes it' })
  await field.focus()
  await page.keyboard.press('ArrowDown')
  await page.getByRole('option', { name: 'Phone 1001', selected: false }).waitFor()
  await page.keyboard.press('Enter')
  expect(await field.inputValue()).toBe('Phone 1001')
  await dialog.getByRole('button', { name: 'Retrieve' }).focus()
  await page.keyboard.press('Enter')
  await phone('1001').event('CALL_INCOMING')
  phone('1001').hangUp()
  await dialog.getByRole('alert').getByText('The call is still parked.').waitFor()
  expect(await violations(page)).toEqual([])
  await choose('Which phone takes it', 'Phone 1003')
  await dialog.getByRole('button', { name: 'Retrieve' }).click()
  await dialog.waitFor({ state: 'detached' })
  await side('Carol').waitFor()
  expect(await panel().getByText('is in the call').count()).toBe(2)
})

it('goes on in a meeting, which the call and the meeting show', async () => {
  const { userId } = people.get('1001') as Person
  const meeting = { topic: 'Weekly', startTime: new Date().toISOString(), duration: 60 }
  const made = await carillon.call('POST', '/api/v6/meeting', meeting, { 'x-user-id': userId })
  expect(made).toMatchObject({ responseCode: 0 })
  await side('Carol').getByRole('button', { name: 'To a meeting' }).click()
  await choose('Which meeting', 'Weekly')
  expect(await violations(page)).toEqual([])
  await page.getByRole('dialog').getByRole('button', { name: 'Move to the meeting' }).click()
  await panel().getByText('is in the meeting').waitFor()
  await page.locator('[data-call]').getByText('in a meeting').waitFor()
  await page.getByText('1 person').waitFor()
  phone('1002').hangUp()
  await panel().getByText('Outcome').waitFor()
})

it('is in the history, which at the width of a phone shows when it began', async () => {
  await page.setViewportSize(viewports[1])
  await page.goto(`${carillon.url}/history`)
  await page.getByRole('cell', { name: 'Bob Schoonebeeke' }).waitFor()
  const hidden = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.list-scroll'))"
  expect(await page.evaluate(hidden)).toBe(0)
})

it('offers a person what is their own', async () => {
  const alice = await signIn('alice@example.com')
  await callBob(alice)
  const buttons = async (of: ReturnType<typeof side>) =>
    (await of.getByRole('button').allTextContents()).map((text) => text.trim())
  expect(await buttons(side('Alice', alice))).toEqual(['Hold', 'Mute', 'Transfer', 'Park', 'To a meeting'])
  expect(await side('Bob', alice).count()).toBe(0)
  expect(await alice.getByRole('button', { name: 'Listen' }).count()).toBe(0)
  await alice.locator('aside').getByRole('button', { name: 'Record', exact: true }).click()
  await alice.locator('aside').getByText('recorded', { exact: true }).waitFor()
  const [recording] = (await organisation.call('GET', 'recordings')) as Json[]
  expect(recording).toMatchObject({ status: 'recording', owner_id: people.get('1001')?.userId })
})
