/** Chromium against a worker, over a path that loses: it sees, hears, changes layers and asks again. */
import { afterAll, beforeAll, it } from 'vitest'
import { UdpRelay } from '../../dev/udp-relay.ts'
import { Chromium, type ChromiumPeer, type InboundStats } from './chromium.ts'
import { freeUdpPort, startWorker, type TestWorker } from './worker.ts'

const layers = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_200_000 },
]

let relay: UdpRelay
let worker: TestWorker
let browser: Chromium
let seen: ChromiumPeer
let watcher: ChromiumPeer

beforeAll(async () => {
  const udpPort = await freeUdpPort()
  relay = await UdpRelay.open({ host: '127.0.0.1', upstreamPort: udpPort, seed: 3 })
  worker = await startWorker({ udpPort, candidatePort: relay.port })
  browser = await Chromium.launch()
  seen = await browser.enter(worker.link, 'seen', 'room', { publish: true, width: 1280, height: 720, rate: 10, layers })
  watcher = await browser.enter(worker.link, 'watcher', 'room', { publish: false })
}, 60_000)
afterAll(async () => {
  await browser.close()
  await worker.stop()
  relay.close()
}, 30_000)

async function inbound(kind: 'audio' | 'video'): Promise<InboundStats | undefined> {
  return (await watcher.stats()).inbound.find((one) => one.kind === kind && one.slot?.peerId === 'seen')
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: never; ${JSON.stringify(await inbound('video'))}`)
  }
}

const isHigh = async (height: number) => (await inbound('video'))?.frameHeight === height

it('hears without being asked', async () => {
  await until('sound', async () => ((await inbound('audio'))?.totalAudioEnergy ?? 0) > 0)
}, 40_000)

it('sees what it wants, small and large', async () => {
  await watcher.wanted([{ peerId: 'seen', source: 'camera', height: 180 }])
  await until('the small picture', () => isHigh(180))
  await watcher.wanted([{ peerId: 'seen', source: 'camera', height: 360 }])
  await until('the large picture', () => isHigh(360))
}, 70_000)

it('what is lost on either way is asked for and sent again', async () => {
  relay.set({ loss: 0.1 })
  await until('repairs', async () => ((await inbound('video'))?.retransmittedPacketsReceived ?? 0) > 10)
  await until('the publisher is asked', async () => {
    const publisher = (await seen.stats()).outbound.filter(({ kind }) => kind === 'video')
    return publisher.some(({ nackCount }) => (nackCount ?? 0) > 0)
  })
  relay.set({ loss: 0 })
  const frames = (await inbound('video'))?.framesDecoded ?? 0
  await until('pictures go on', async () => ((await inbound('video'))?.framesDecoded ?? 0) > frames + 30)
}, 100_000)

it('a picture that stops for three seconds goes on by itself', async () => {
  relay.set({ isCut: true })
  await new Promise((resolve) => setTimeout(resolve, 3_000)) // a cut is a span of time
  const frames = (await inbound('video'))?.framesDecoded ?? 0
  relay.set({ isCut: false })
  await until('pictures go on', async () => ((await inbound('video'))?.framesDecoded ?? 0) > frames + 30)
}, 50_000)
