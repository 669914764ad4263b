/**
 * Browsers in a meeting with a tone for a voice, and what they hear: Chromium plays a file as its microphone, and the page
 * itself looks for the loudest frequency of what comes in.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { formatWavHeader } from '../../engine/rtp/wav.ts'
import { sine } from '../../engine/testing/goertzel.ts'
import { launchChromium } from '../browser/tabs.ts'
import { until } from '../carillon.ts'

const sampleRate = 8_000
const seconds = 20

/** A tone is what the filters of a browser take away first. */
const withoutFilters = `(() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  navigator.mediaDevices.getUserMedia = (wishes) => ask({ ...wishes, ...(wishes.audio && { audio }) })
  window.connections = []
  const Native = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration)
      window.connections.push(this)
    }
  }
})()`

/** The loudest frequency of each voice that comes in; 0: silence. */
const listen = `(async () => {
  window.ears ??= new Map()
  window.air ??= new AudioContext()
  await window.air.resume()
  // Another connection may have tracks of the same names.
  for (const track of window.ears.keys()) if (track.readyState === 'ended') window.ears.delete(track)
  const receivers = window.connections.filter((one) => one.connectionState !== 'closed')
    .flatMap((one) => one.getReceivers()).filter(({ track }) => track.kind === 'audio')
  for (const { track } of receivers) {
    if (window.ears.has(track)) continue
    const analyser = window.air.createAnalyser()
    analyser.fftSize = 8192
    analyser.smoothingTimeConstant = 0
    window.air.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    window.ears.set(track, analyser)
  }
  return [...window.ears.values()].map((analyser) => {
    const bins = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(bins)
    const loudest = bins.reduce((best, value, i) => (value > bins[best] ? i : best), 0)
    return bins[loudest] < -60 ? 0 : (loudest * window.air.sampleRate) / analyser.fftSize
  })
})()`

export class SingingBrowser {
  readonly page: Page
  readonly #browser: Browser
  readonly #folder: string

  private constructor(browser: Browser, page: Page, folder: string) {
    this.#browser = browser
    this.page = page
    this.#folder = folder
  }

  static async enter(link: string, name: string, hz: number): Promise<SingingBrowser> {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-singing-'))
    const file = join(folder, 'tone.wav')
    const samples = sine(hz, seconds * sampleRate)
    const bytes = new Uint8Array(samples.buffer)
    writeFileSync(file, Buffer.concat([formatWavHeader(1, sampleRate, bytes.length), bytes]))
    const browser = await launchChromium([`--use-file-for-fake-audio-capture=${file}`])
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 900, height: 600 } })
    await context.grantPermissions(['camera', 'microphone'])
    await context.addInitScript(withoutFilters)
    const page = await context.newPage()
    const url = new URL(link)
    url.searchParams.set('participantName', name)
    url.searchParams.set('skipJoinMeetingScreen', 'true')
    await page.goto(url.href)
    return new SingingBrowser(browser, page, folder)
  }

  /** Waits for that person's tile. */
  async sees(name: string): Promise<void> {
    try {
      await this.page.locator(`[data-tile="${name}"]`).waitFor()
    } catch (cause) {
      const shown = await this.page.locator('body').innerText()
      throw new Error(`${name} is not there; the page shows: ${shown}`, { cause })
    }
  }

  /** What comes in now. */
  async tones(): Promise<number[]> {
    return (await this.page.evaluate(listen)) as number[]
  }

  hears(hz: number): Promise<boolean> {
    return until(async () => (await this.tones()).some((one) => Math.abs(one - hz) < 12), `a browser hears ${hz} Hz`)
  }

  hearsNot(hz: number): Promise<boolean> {
    return until(
      async () => (await this.tones()).every((one) => Math.abs(one - hz) > 12),
      `a browser hears no ${hz} Hz`,
    )
  }

  async close(): Promise<void> {
    await this.#browser.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
