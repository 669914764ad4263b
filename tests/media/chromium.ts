/** Headless Chromium tabs that publish to and subscribe from a worker, by the smallest page there can be. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Source, WantedVideo } from '../../engine/sfu/messages.ts'
import type { WorkerLink } from '../../dev/synthetic-worker-signalling.ts'

export interface InboundStats {
  readonly kind: 'audio' | 'video'
  readonly slot: { readonly peerId: string | null } | null
  readonly framesDecoded?: number
  readonly framesReceived?: number
  readonly frameHeight?: number
  readonly keyFramesDecoded?: number
  readonly totalFreezesDuration?: number
  readonly bytesReceived: number
  readonly packetsReceived: number
  readonly retransmittedPacketsReceived?: number
  readonly nackCount?: number
  readonly pliCount?: number
  readonly concealedSamples?: number
  readonly totalSamplesReceived?: number
  readonly totalAudioEnergy?: number
}
interface OutboundStats {
  readonly kind: 'audio' | 'video'
  readonly rid?: string
  readonly framesSent?: number
  readonly bytesSent: number
  readonly retransmittedBytesSent?: number
  readonly nackCount?: number
  readonly pliCount?: number
  readonly targetBitrate?: number
  readonly qualityLimitationReason?: string
}
export interface PageStats {
  readonly inbound: InboundStats[]
  readonly outbound: OutboundStats[]
  readonly atMs: number
}

export interface PublishOptions {
  readonly publish: boolean
  readonly width?: number
  readonly height?: number
  readonly rate?: number
  readonly layers?: readonly {
    readonly rid?: string
    readonly maxBitrate?: number
    readonly scaleResolutionDownBy?: number
  }[]
}

/** What the script of the page defines; it runs there. */
declare global {
  function start(options: PublishOptions): Promise<void>
  function stats(): Promise<PageStats>
  function onOffer(revision: number, sdp: string): void
  function onSlots(slots: readonly unknown[]): void
  function setLayers(active: readonly string[]): Promise<void>
}

export interface ChromiumPeer {
  readonly page: Page
  stats(): Promise<PageStats>
  wanted(wanted: readonly WantedVideo[]): Promise<void>
}

export class Chromium {
  readonly #browser: Browser
  readonly #server: Server
  readonly #url: string

  private constructor(browser: Browser, server: Server, url: string) {
    this.#browser = browser
    this.#server = server
    this.#url = url
  }

  static async launch(capture: { readonly video?: string; readonly audio?: string } = {}): Promise<Chromium> {
    const html = readFileSync(join(import.meta.dirname, 'page.html'))
    const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        ...['--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
        ...['--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection'],
        ...['--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-renderer-backgrounding'],
        ...['--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows'],
        ...(capture.video ? [`--use-file-for-fake-video-capture=${capture.video}`] : []),
        ...(capture.audio ? [`--use-file-for-fake-audio-capture=${capture.audio}`] : []),
      ],
    })
    return new Chromium(browser, server, `http://localhost:${port}/`)
  }

  async enter(link: WorkerLink, name: string, roomId: string, options: PublishOptions): Promise<ChromiumPeer> {
    const context = await this.#browser.newContext({ permissions: ['camera', 'microphone'] })
    const page = await context.newPage()
    page.on('pageerror', (error) => console.error(`${name}: ${error.message}`))
    const signalling = link.signalling(name, roomId)
    const sent = (sdp: string, sources: Record<string, Source>) => signalling.publish(sdp, sources)
    await page.exposeFunction('publishOffer', sent)
    await page.exposeFunction('subscribe', () => signalling.subscribe())
    await page.exposeFunction('answer', (revision: number, sdp: string) => signalling.answer(revision, sdp))
    await page.exposeFunction('join', () => signalling.join())
    await page.goto(this.#url)
    const ignore = () => {} // a page that closes meanwhile
    await signalling.open({
      offer: (revision, sdp) => page.evaluate(([r, s]) => onOffer(r, s), [revision, sdp] as const).catch(ignore),
      slots: (slots) => page.evaluate((changed) => onSlots(changed), slots).catch(ignore),
      layers: (_source, active) => page.evaluate((rids) => setLayers(rids), active).catch(ignore),
    })
    await page.evaluate((one) => start(one), options)
    return {
      page,
      stats: () => page.evaluate(() => stats()),
      wanted: (wanted) => signalling.wanted(wanted),
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
