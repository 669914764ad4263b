/** The whole visit with the keyboard alone: every control has a name and is reached, and the focus is never lost. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { story } from '../attempts.ts'
import { Carillon, until } from '../carillon.ts'
import { enter, launchChromium, smallCamera } from './tabs.ts'

let carillon: Carillon
let browser: Browser
let page: Page

story()

beforeAll(async () => {
  carillon = await Carillon.start()
  browser = await launchChromium()
  const { joinUrl } = await carillon.meeting()
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } })
  await context.addInitScript(smallCamera)
  page = await context.newPage()
  await page.goto(joinUrl)
  await enter(browser, joinUrl, { name: 'Ben' })
})

afterAll(async () => {
  await browser?.close()
  await carillon?.destroy()
})

const focused = () =>
  page.evaluate<string>(`(() => {
    const one = document.activeElement
    return one.getAttribute('aria-label') ?? (one.labels?.[0]?.textContent || one.textContent)
  })()`)

/** The page has the focus there, or will have. */
const isFocused = (name: string) =>
  until(
    async () => (await focused()) === name,
    () => `the focus on ${name}`,
  )

async function tabTo(name: RegExp): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    if (name.test(await focused())) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach ${name}`)
}

it('joins', async () => {
  await page.getByRole('button', { name: 'Join', exact: true }).waitFor()
  await tabTo(/^Microphone, o/)
  await tabTo(/^Your name$/)
  await page.keyboard.type('Kay')
  await tabTo(/^Join$/)
  await page.keyboard.press('Enter')
  await page.locator('[data-tile="Ben"]').waitFor()
})

it('reaches every control of the room by Tab, in the order of the bar', async () => {
  for (const name of [/^You\./, /^Microphone/, /^Choose microphone/, /^Camera/, /^Choose camera/, /^Share/])
    await tabTo(name)
  for (const name of [/^Raise/, /^More$/, /^Leave$/, /^People/, /^Chat/]) await tabTo(name)
})

it('a menu opens on its first item, moves by arrows, and gives the focus back', async () => {
  await page.getByRole('button', { name: 'More', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  const first = await focused()
  await page.keyboard.press('ArrowDown')
  await until(async () => (await focused()) !== first, 'the next item')
  await page.keyboard.press('ArrowUp')
  await isFocused(first)
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'detached' })
  await isFocused('More')
})

it('a panel takes the focus and gives it back', async () => {
  await page.getByRole('button', { name: 'Chat', exact: true }).focus()
  await page.keyboard.press('Enter')
  await isFocused('Message')
  await page.keyboard.press('Escape')
  await isFocused('Chat')
  await page.keyboard.press('p')
  await isFocused('People')
  await page.keyboard.press('Escape')
  await page.locator('.panel').waitFor({ state: 'detached' })
})

it('shortcuts work, are listed, can be switched off, and never steal letters from a text', async () => {
  await page.keyboard.press('Control+d')
  await page.getByRole('button', { name: 'Microphone, off' }).waitFor()
  await page.keyboard.press('m')
  await page.getByRole('button', { name: 'Microphone, on' }).waitFor()
  await page.keyboard.press('Control+e')
  await page.getByRole('button', { name: 'Camera, off' }).waitFor()
  await page.keyboard.press('r')
  await page.getByRole('button', { name: 'Lower your hand' }).waitFor()
  await page.keyboard.press('c')
  await page.getByRole('textbox', { name: 'Message' }).waitFor()
  await page.keyboard.type('mrvcps')
  expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('mrvcps')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Shift+?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.getByLabel('Use shortcuts of a single key').press('Space')
  await page.keyboard.press('Escape')
  await page.keyboard.press('m')
  await page.keyboard.press('Control+e')
  await page.getByRole('button', { name: 'Camera, on' }).waitFor()
  expect(await page.getByRole('button', { name: 'Microphone, on' }).count()).toBe(1)
})

it('moves my own picture to another corner', async () => {
  const mine = page.locator('[data-self]')
  const before = await mine.boundingBox()
  await mine.press('ArrowLeft')
  await until(async () => ((await mine.boundingBox())?.x ?? 0) < (before?.x ?? 0), 'it is further left')
})

it('leaves, and everything is let go', async () => {
  await page.getByRole('button', { name: 'Leave', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'You left the meeting' }).waitFor()
  await isFocused('You left the meeting')
  expect(await page.evaluate(`window.connections.every((one) => one.connectionState === 'closed')`)).toBe(true)
  await tabTo(/^Rejoin$/)
})
