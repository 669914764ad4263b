/**
 * `npm run bench:join`: how long until somebody who comes in sees the first picture of somebody who is there, on
 * loopback, in Chromium. Cold: from the navigation (empty cache, `skipJoinMeetingScreen`) to the picture. Warmed: from
 * the click on Join to the picture. Each in a fresh browser context; the room's other participant is a Chromium tab.
 * Share: from the stream that the browser gives to its first picture in two other tabs.
 */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { Carillon } from '../carillon.ts'

const rounds = Number(process.argv[2] ?? 30)
/** A person looks at the card; the transports connect meanwhile. */
const lookMs = 1_500
const flags = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
  '--disable-background-networking',
]

/** Runs in the page: notes when a tile shows its first picture. */
const watchForPicture = `requestAnimationFrame(function look() {
  const videos = [...document.querySelectorAll('[data-tile] video')]
  if (videos.some((video) => video.videoWidth > 0 && video.currentTime > 0)) window.pictureAt = performance.now()
  else requestAnimationFrame(look)
})`
const untilScreen = `new Promise((resolve) => requestAnimationFrame(function look() {
  const video = document.querySelector('[data-tile=Alice][data-source=screen] video')
  if (video?.videoWidth > 0 && video.currentTime > 0) resolve(Date.now())
  else requestAnimationFrame(look)
}))`
const share = `new Promise((resolve) => {
  const ask = window.getDisplayMedia ??= navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getDisplayMedia = async (wishes) => {
    const stream = await ask(wishes)
    resolve(Date.now())
    return stream
  }
  document.querySelector('[data-control=share]').click()
})`
const click = `window.clickedAt = performance.now(); document.querySelector('[data-control=join]').click()`

const carillon = await Carillon.start()
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
try {
  const meeting = await carillon.meeting()
  const link = String(meeting.joinUrl)
  const first = await browser.newContext({ permissions: ['camera', 'microphone'], bypassCSP: true })
  const alice = await first.newPage()
  await alice.goto(`${link}?participantName=Alice&skipJoinMeetingScreen=true`)
  await alice.getByRole('region', { name: 'Participants' }).waitFor()
  report('cold', await repeat(browser, (context) => cold(context, link)), 250, 450)
  report('share', await shares(browser, alice, link), 1_000, 1_000)
  report('warmed', await repeat(browser, (context) => warmed(context, link)), 120, 250)
} finally {
  await browser.close()
  await carillon.destroy()
}

async function repeat(of: Browser, run: (context: BrowserContext) => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const context = await of.newContext({ permissions: ['camera', 'microphone'], bypassCSP: true })
    await context.addInitScript(watchForPicture)
    const ms = await run(context)
    if (round > 0) times.push(ms) // the first warms what the operating system keeps
    await context.close()
  }
  return times
}

async function cold(context: BrowserContext, link: string): Promise<number> {
  const page = await context.newPage()
  await page.goto(`${link}?participantName=Bob&skipJoinMeetingScreen=true`)
  await page.waitForFunction('window.pictureAt')
  const at = await page.evaluate<number>('window.pictureAt')
  await page.getByRole('button', { name: 'Leave' }).first().click()
  return at
}

async function warmed(context: BrowserContext, link: string): Promise<number> {
  const page = await context.newPage()
  await page.goto(`${link}?participantName=Bob`)
  await page.getByRole('button', { name: 'Join', exact: true }).waitFor()
  await page.waitForTimeout(lookMs)
  await page.evaluate(click)
  await page.waitForFunction('window.pictureAt')
  const ms = await page.evaluate<number>('window.pictureAt - window.clickedAt')
  await page.getByRole('button', { name: 'Leave' }).first().click()
  return ms
}

/** How long until the last of two tabs shows the screen that Alice shares. */
async function shares(of: Browser, alice: Page, link: string): Promise<number[]> {
  const context = await of.newContext({ permissions: ['camera', 'microphone'], bypassCSP: true })
  const watchers: Page[] = []
  for (const name of ['Bob', 'Carol']) {
    const page = await context.newPage()
    await page.goto(`${link}?participantName=${name}&skipJoinMeetingScreen=true`)
    await page.locator('[data-tile=Alice][data-has-video=true]').waitFor()
    watchers.push(page)
  }
  const times: number[] = []
  for (let round = 0; round < Math.ceil(rounds / 3); round++) {
    const seen = Promise.all(watchers.map((page) => page.evaluate<number>(untilScreen)))
    const sharedAt = await alice.evaluate<number>(share)
    times.push(Math.max(...(await seen)) - sharedAt)
    await alice.locator('[data-control=share]').click()
    for (const page of watchers) await page.locator('[data-source=screen]').waitFor({ state: 'detached' })
  }
  await context.close()
  return times
}

function report(what: string, times: readonly number[], p50: number, p95: number): void {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  const verdict = at(0.5) <= p50 && at(0.95) <= p95 ? 'reached' : 'not reached'
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms of ${times.length} (goal ${p50} / ${p95}: ${verdict})`)
}
