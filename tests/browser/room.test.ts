/** What people do to each other in a meeting: write, raise hands, mute, remove, end; and what stops when one leaves. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, type Json, until } from '../carillon.ts'
import { violations, viewports } from './axe.ts'
import { enter, hears, launchChromium, sees, voices } from './tabs.ts'

let carillon: Carillon
let browser: Browser
let meeting: Json
let host: Page
let ben: Page
let carol: Page

beforeAll(async () => {
  carillon = await Carillon.start()
  browser = await launchChromium()
  meeting = await carillon.meeting({ topic: 'Weekly planning' })
  const options = { locale: 'en-GB', viewport: viewports[0] }
  host = await enter(browser, meeting.hostUrl, { name: 'Hanna', options })
  ben = await enter(browser, meeting.joinUrl, { name: 'Ben', options: { ...options, viewport: viewports[1] } })
  carol = await enter(browser, meeting.joinUrl, { name: 'Carol', options })
  await Promise.all([sees(host, 'Ben'), sees(ben, 'Carol'), sees(carol, 'Hanna'), hears(carol, 2)])
})

afterAll(async () => {
  await browser?.close()
  await carillon?.destroy()
})

const control = (page: Page, name: string) => page.locator(`[data-control="${name}"]`)
const write = async (page: Page, text: string) => {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.keyboard.press('Enter')
}

it('chat is text with links, reaches all, and a private one only its reader', async () => {
  await control(carol, 'chat').click()
  await write(carol, '<img src=x onerror="document.title=1"> see https://example.com/a.')
  await control(host, 'chat').click()
  const message = host.locator('.message-text').last()
  expect(await message.textContent()).toBe('<img src=x onerror="document.title=1"> see https://example.com/a.')
  expect(await message.locator('img').count()).toBe(0)
  expect(await message.locator('a').getAttribute('href')).toBe('https://example.com/a')
  expect(await message.locator('a').getAttribute('rel')).toBe('noopener noreferrer')
  await ben.getByRole('button', { name: 'Chat, 1 new' }).click()
  await carol.getByRole('combobox', { name: 'To' }).selectOption({ label: 'Hanna' })
  await write(carol, 'only you')
  await host.getByText('only you', { exact: true }).waitFor()
  await carol.getByRole('combobox', { name: 'To' }).selectOption({ label: 'Everybody' })
  await write(carol, 'all again')
  await ben.locator('.message-text', { hasText: 'all again' }).waitFor()
  expect(await ben.locator('.message-text', { hasText: 'only you' }).count()).toBe(0)
  await ben.getByRole('button', { name: 'Close panel' }).click()
  await host.keyboard.press('Escape')
  await carol.keyboard.press('Escape')
})

it('raised hands stand first, in their order', async () => {
  await control(carol, 'hand').click()
  await host.locator('[data-tile="Carol"] .plate .icon').first().waitFor()
  await control(ben, 'hand').click()
  await control(host, 'people').click()
  await until(async () => (await host.locator('ol [data-person]').count()) === 2, 'two hands')
  const hands = await host
    .locator('ol [data-person]')
    .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-person')))
  expect(hands).toEqual(['Carol', 'Ben'])
  await control(carol, 'hand').click()
  await control(ben, 'hand').click()
  await until(async () => (await host.locator('ol [data-person]').count()) === 0, 'no hands')
})

it('the host mutes: it is off there, told by whom, and its owner alone switches it on', async () => {
  await host.getByRole('button', { name: 'More for Ben' }).click()
  await host.getByRole('menuitem', { name: 'Mute' }).click()
  await ben.getByRole('button', { name: 'Microphone, off' }).waitFor()
  await ben.locator('.toast', { hasText: 'Hanna muted your microphone' }).waitFor()
  await host.locator('[data-tile="Ben"]').getByText('microphone off').waitFor({ state: 'attached' })
  await control(ben, 'microphone').getByRole('button').first().click()
  await host.locator('[data-tile="Ben"]').getByText('microphone off').waitFor({ state: 'detached' })
})

it('a guest has no power over others', async () => {
  await control(carol, 'people').click()
  await carol.getByRole('button', { name: 'More for Ben' }).click()
  expect(await carol.getByRole('menuitem').allTextContents()).toEqual(['Write a private message'])
  await carol.keyboard.press('Escape')
  await carol.keyboard.press('Escape')
})

it('a camera that is off is released, and comes back without a new negotiation', async () => {
  const isLive = `window.connections.flatMap((one) => one.getSenders()).some(({ track }) => track?.kind === 'video')`
  await control(carol, 'camera').getByRole('button').first().click()
  await host.locator('[data-tile="Carol"][data-has-video="false"]').waitFor()
  expect(await carol.evaluate(isLive)).toBe(false)
  await control(carol, 'camera').getByRole('button').first().click()
  await sees(host, 'Carol')
})

it('a shared screen takes the stage with people beside it, and gives it back', async () => {
  await control(carol, 'share').click()
  await sees(host, 'Carol', 'screen')
  await host.locator('[data-tile="Carol"][data-source="camera"]').waitFor()
  const [screen, face] = await Promise.all(
    ['screen', 'camera'].map((source) => host.locator(`[data-tile="Carol"][data-source="${source}"]`).boundingBox()),
  )
  expect(screen?.width).toBeGreaterThan(3 * (face?.width ?? Number.POSITIVE_INFINITY))
  await carol.getByText('Everybody sees your screen').waitFor()
  await carol.locator('.banner').getByRole('button', { name: 'Stop sharing' }).click()
  await host.locator('[data-source="screen"]').waitFor({ state: 'detached' })
})

it.each(viewports)('has nothing that axe objects to at $width x $height, with each panel', async (viewport) => {
  await host.setViewportSize(viewport)
  expect(await violations(host)).toEqual([])
  for (const name of ['people', 'chat']) {
    if ((await control(host, name).getAttribute('aria-expanded')) !== 'true') await control(host, name).click()
    await host.locator('.panel').waitFor()
    expect(await violations(host), name).toEqual([])
    await host.getByRole('button', { name: 'Close panel' }).click()
  }
  await host.setViewportSize(viewports[0])
})

it('a reload takes the same place: no left, no second joined, the same things off', async () => {
  await control(ben, 'microphone').getByRole('button').first().click()
  await ben.getByRole('button', { name: 'Microphone, off' }).waitFor()
  await ben.reload()
  await sees(ben, 'Hanna')
  await sees(host, 'Ben')
  expect(await ben.getByRole('button', { name: 'Microphone, off' }).count()).toBe(1)
  expect(await carillon.events('meeting.participant_left')).toEqual([])
  expect(await carillon.events('meeting.participant_joined')).toHaveLength(3)
  expect(await host.locator('[data-tile]').count()).toBe(2)
})

it('the network away: the page says so and comes back to its place', async () => {
  await carol.evaluate(`(() => {
    const Native = WebSocket
    const send = Native.prototype.send
    Native.prototype.send = function (text) { window.socket = this; return send.call(this, text) }
    window.WebSocket = class { constructor() { this.readyState = 0; window.waiting = this } close() {} }
    window.restore = () => { window.WebSocket = Native }
  })()`)
  await until(() => carol.evaluate('window.socket !== undefined'), 'the next ping')
  await carol.evaluate('window.socket.close()')
  await carol.getByText('Reconnecting since').waitFor()
  await host.locator('[data-tile="Carol"]').getByText('reconnecting').waitFor()
  await carol.evaluate('window.restore(), window.waiting.onclose()')
  await carol.getByText('Reconnecting since').waitFor({ state: 'detached' })
  await sees(host, 'Carol')
  expect(await carillon.events('meeting.participant_left')).toEqual([])
})

it('a hidden tab is sent no pictures and goes on hearing', async () => {
  const frames = `Promise.all(window.connections.map((one) => one.getStats())).then((all) => all
    .flatMap((stats) => [...stats.values()]).filter((one) => one.type === 'inbound-rtp' && one.kind === 'video')
    .reduce((sum, one) => sum + one.packetsReceived, 0))`
  const setVisibility = (state: string) =>
    carol.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true }),
      document.dispatchEvent(new Event('visibilitychange'))`)
  await setVisibility('hidden')
  let before = -1
  await until(async () => {
    const now = Number(await carol.evaluate(frames))
    const isStill = now === before
    before = now
    await new Promise((resolve) => setTimeout(resolve, 300))
    return isStill
  }, 'no more pictures')
  expect(await voices(carol)).toBeGreaterThan(0)
  await setVisibility('visible')
  await sees(carol, 'Hanna')
})

it('the host removes: told by whom, every device is let go, and the way back is offered', async () => {
  await control(host, 'people').click()
  await host.getByRole('button', { name: 'More for Ben' }).click()
  await host.getByRole('menuitem', { name: 'Remove' }).click()
  await host.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await ben.getByRole('heading', { name: 'Hanna removed you from the meeting' }).waitFor()
  await host.locator('[data-tile="Ben"]').waitFor({ state: 'detached' })
  expect(await ben.evaluate(`window.connections.every((one) => one.connectionState === 'closed')`)).toBe(true)
  expect(await ben.getByRole('button', { name: 'Rejoin' }).isVisible()).toBe(true)
  await host.keyboard.press('Escape')
})

it('the host ends it for everybody, once', async () => {
  await host.getByRole('button', { name: 'Leave or end' }).click()
  await host.getByRole('menuitem', { name: 'End for everybody' }).click()
  await host.getByRole('dialog').getByRole('button', { name: 'End for everybody' }).click()
  await carol.getByRole('heading', { name: 'Hanna ended the meeting' }).waitFor()
  await host.getByRole('heading', { name: 'Hanna ended the meeting' }).waitFor()
  await until(async () => (await carillon.events('meeting.ended')).length > 0, 'the end')
  expect(await carillon.events('meeting.ended')).toHaveLength(1)
})
