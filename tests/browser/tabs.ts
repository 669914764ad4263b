/**
 * Tabs in a meeting, of any browser that can evaluate an expression. What is looked at is what a person would see: a
 * picture that moves in the tile with that name, and sound that comes in.
 */
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { until } from '../carillon.ts'

/** What Playwright's and Puppeteer's pages have in common. */
export interface Tab {
  evaluate(expression: string): Promise<unknown>
}

const flags = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream=fps=15',
  '--auto-select-desktop-capture-source=Entire screen',
  '--disable-background-networking',
  '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required',
]

export const launchChromium = (more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: [...flags, ...more] })

/** Small pictures, because many tabs share two cores (M25); and the connections, to ask for their figures. */
export const smallCamera = `(() => {
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices)
  if (ask) navigator.mediaDevices.getUserMedia = (wishes) =>
    ask({ ...wishes, ...(wishes.video && { video: { width: 320, height: 180, frameRate: 10 } }) })
  window.connections = []
  const Native = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super({ ...configuration, ...(window.isRelayed && { iceTransportPolicy: 'relay' }) })
      window.connections.push(this)
    }
    setConfiguration(configuration) {
      super.setConfiguration({ ...configuration, ...(window.isRelayed && { iceTransportPolicy: 'relay' }) })
    }
  }
})()`

interface Entry {
  readonly name: string
  /** Only through TURN. */
  readonly isRelayed?: boolean
  readonly options?: BrowserContextOptions
}

export async function enter(browser: Browser, link: string, entry: Entry): Promise<Page> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: 640, height: 400 },
    ignoreHTTPSErrors: true,
    permissions: ['camera', 'microphone'],
    ...entry.options,
  })
  if (entry.isRelayed) await context.addInitScript('window.isRelayed = true')
  await context.addInitScript(smallCamera)
  const page = await context.newPage()
  await page.goto(joinAddress(link, entry.name))
  return page
}

export function joinAddress(link: string, name: string): string {
  const url = new URL(link)
  url.searchParams.set('participantName', name)
  url.searchParams.set('skipJoinMeetingScreen', 'true')
  return url.href
}

/** The picture moves: three frames are shown, one after the other. */
export const sees = (tab: Tab, name: string, source: 'camera' | 'screen' = 'camera', ms = 20_000): Promise<void> =>
  seesAll(tab, [name], source, ms)

/** All of them at once: browsers that share two cores take a second to be asked anything. */
export async function seesAll(
  tab: Tab,
  names: readonly string[],
  source: 'camera' | 'screen' = 'camera',
  ms = 20_000,
): Promise<void> {
  const still = `Promise.all(${JSON.stringify(names)}.map((name) => new Promise((resolve) => {
    const video = document.querySelector('[data-tile="' + name + '"][data-source="${source}"] video')
    if (!video) return resolve([name])
    const timer = setTimeout(() => resolve([name]), 2_000)
    let frames = 0
    video.requestVideoFrameCallback(function next() {
      frames += 1
      if (frames < 3) return video.requestVideoFrameCallback(next)
      clearTimeout(timer)
      resolve([])
    })
  }))).then((all) => all.flat())`
  let left: readonly string[] = names
  const moves = async () => {
    left = (await tab.evaluate(still)) as string[]
    return left.length === 0
  }
  await until(moves, () => `the ${source} of ${left.join(', ')} moves`, ms)
}

/** How many voices come in, by what has been decoded and is not silence. */
export async function voices(tab: Tab): Promise<number> {
  const expression = `Promise.all(window.connections.map((one) => one.getStats())).then((all) =>
    all.flatMap((stats) => [...stats.values()])
      .filter((one) => one.type === 'inbound-rtp' && one.kind === 'audio' && one.totalAudioEnergy > 0).length)`
  return Number(await tab.evaluate(expression))
}

export const hears = (tab: Tab, count: number): Promise<boolean> =>
  until(async () => (await voices(tab)) >= count, `${count} voices`, 30_000)
