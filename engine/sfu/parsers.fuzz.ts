/**
 * Hostile bytes for every parser (M9): none may throw, run on, or point outside what it was given. A fault is an exception
 * that carries its input in hexadecimal.
 */
import { mutate, mutateLines } from '../testing/mutation.ts'
import { bytes16, rtpPacket, vp8Payload } from '../testing/packet.ts'
import { drawInteger } from '../testing/random.ts'
import * as rtcp from '../testing/rtcp-packet.ts'
import { agree, type Agreed, extensionIds, formatAnswer } from './answer.ts'
import { BandwidthEstimate } from './bandwidth.ts'
import { isH264KeyFrame } from './h264.ts'
import { readAccepted } from './offer.ts'
import { primaryAt } from './red.ts'
import { readRtcp } from './rtcp.ts'
import { RtpPacket } from './rtp.ts'
import { parseSdp } from './sdp.ts'
import { Vp8Descriptor } from './vp8.ts'

type Random = () => number

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[drawInteger(random, items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

function demand(isRight: boolean, what: string, bytes: Uint8Array): void {
  if (isRight) return
  throw new Error(`${what}: ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`)
}

const extensions = new Map<number, readonly number[] | string>([
  [4, '1'],
  [10, 'q'],
  [3, [1, 2]],
])
const base = { ssrc: 7, sequence: 65_535, timestamp: 1 }
const validRtp = [
  rtpPacket({ ...base, extensions, csrcs: [1, 2], payload: vp8Payload({ isKey: true, pictureId: 5, tl0PicIdx: 6 }) }),
  rtpPacket({ ...base, extensions, isTwoByte: true, padding: 9 }),
  rtpPacket({ ...base, payload: [] }),
]

export function fuzzRtp(random: Random, rounds: number): void {
  const packet = new RtpPacket()
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(random, pick(random, validRtp))
    if (!packet.parse(bytes)) continue
    const isInside = packet.payloadAt >= 12 && packet.payloadLength >= 0
    demand(isInside && packet.payloadAt + packet.payloadLength <= bytes.length, 'payload outside', bytes)
    for (let id = 1; id < 256; id += id < 16 ? 1 : 17) {
      const at = packet.extension(id)
      demand(at === 0 || (at > 12 && at + packet.extensionLength <= packet.payloadAt), 'extension outside', bytes)
      packet.text(id)
    }
  }
}

const validRtcp = [
  rtcp.compound(rtcp.senderReport(5, { ntpHigh: 1, timestamp: 2 }, { ssrc: 7 }), rtcp.nack(7, [1, 0xffff])),
  rtcp.compound(rtcp.receiverReport({ ssrc: 7, fraction: 9 }), rtcp.remb(300_000, 7), rtcp.fir(7, 8)),
  rtcp.compound(rtcp.referenceTime(9, 1, 2), rtcp.pli(7)),
  rtcp.transportFeedback({ base: 65_530, arrivedUs: [1_000, null, 90_000, 80_000, null, null, 100_000] }),
]

export function fuzzRtcp(random: Random, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(random, pick(random, validRtcp))
    let items = 0
    const count = () => {
      items += 1
    }
    readRtcp(bytes, {
      ...{ senderReport: count, reportBlock: count, nack: count, keyFrameRequest: count, referenceTime: count },
      maximumBitrate: (bps) => demand(Number.isFinite(bps) && bps >= 0, 'a rate that is none', bytes),
      transportFeedback: (_bytes, from, end) => demand(from < end && end <= bytes.length, 'feedback outside', bytes),
    })
    demand(items <= bytes.length * 5, 'more items than bytes can name', bytes)
  }
}

export function fuzzFeedback(random: Random, rounds: number): void {
  const estimate = new BandwidthEstimate()
  let nowUs = 1_000_000
  for (let round = 0; round < rounds; round++) {
    nowUs += drawInteger(random, 60_000)
    const sent = Array.from({ length: 8 }, () => estimate.onSent(drawInteger(random, 1_400), nowUs))
    const arrivedUs = sent.map((_, i) => (random() < 0.2 ? null : nowUs + i * drawInteger(random, 9_000)))
    const valid = rtcp.transportFeedback({ base: sent[0] ?? 0, arrivedUs })
    const bytes = random() < 0.3 ? valid : mutate(random, valid)
    estimate.onFeedback(bytes, 12, bytes.length, nowUs)
    const { bps, loss, ackedBps } = estimate
    demand(bps >= 80_000 && bps <= 100_000_000 && loss >= 0 && loss <= 1 && ackedBps >= 0, 'no estimate', bytes)
  }
}

const red = [0x80 | 111, 0x0f, 0x00, 4, 111, 9, 9, 9, 9, 1, 2, 3]
const validPayloads = [
  vp8Payload({ isKey: true, pictureId: 0x7fff, tl0PicIdx: 255 }),
  vp8Payload({ pictureId: 3, isShort: true }),
  Uint8Array.from([0x78, ...bytes16(2), 0x67, 1, ...bytes16(2), 0x68, 1]),
  Uint8Array.from([0x7c, 0x85, 1, 2]),
  Uint8Array.from(red),
]

export function fuzzPayloads(random: Random, rounds: number): void {
  const vp8 = new Vp8Descriptor()
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(random, pick(random, validPayloads))
    const from = Math.min(bytes.length, drawInteger(random, 3))
    const length = drawInteger(random, bytes.length - from + 1)
    const end = from + length
    if (vp8.parse(bytes, from, length)) {
      const { pictureIdAt, pictureIdBits, tl0PicIdxAt } = vp8
      demand(pictureIdAt + (pictureIdBits === 15 ? 2 : 1) <= end && tl0PicIdxAt < end, 'descriptor outside', bytes)
    }
    const primary = primaryAt(bytes, from, length)
    demand(primary === -1 || (primary > from && primary <= end), 'primary outside', bytes)
    isH264KeyFrame(bytes, from, length)
  }
}

/** `golden`: descriptions that browsers wrote. */
export function fuzzSdp(random: Random, rounds: number, golden: readonly string[]): void {
  const local = {
    ufrag: 'ours',
    pwd: 'p'.repeat(22),
    fingerprint: `sha-256 ${'0A:'.repeat(31)}0A`,
    setup: 'passive',
  } as const
  for (let round = 0; round < rounds; round++) {
    const sdp = mutateLines(random, pick(random, golden))
    const result = parseSdp(sdp)
    if ('reason' in result) continue
    const offer = result.description
    readAccepted(offer)
    extensionIds(offer)
    const agreed = new Map<string, Agreed>()
    for (const section of offer.sections) {
      const media = agree(section)
      if (media) agreed.set(section.mid, media)
    }
    const answer = formatAnswer({ offer, agreed, local, candidates: [], version: 1 })
    const lines = answer.split('\r\n')
    // What the page wrote never begins a line of ours.
    const isOurs = lines.every((line) => line === '' || /^[vostcma]=[\x20-\x7e]*$/.test(line))
    if (!isOurs || /[\r\n]/.test(lines.join(''))) throw new Error(`a line that is none: ${JSON.stringify(sdp)}`)
    if (lines.filter((line) => line.startsWith('m=')).length !== offer.sections.length) {
      throw new Error(`an m-line more or less: ${JSON.stringify(sdp)}`)
    }
  }
}
