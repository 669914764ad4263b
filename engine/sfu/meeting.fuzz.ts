/**
 * A whole room with somebody hostile in it (M9): spoiled packets of every kind from inside both transports, at any time,
 * and orders in any order. Nothing throws, what leaves is RTP or RTCP of a size that fits, and the others go on.
 */
import { SimulatedCamera, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import { publishOffer, subscribeAnswer } from '../testing/description.ts'
import { Meeting, type Page } from '../testing/meeting.ts'
import { mutate, mutateLines } from '../testing/mutation.ts'
import { drawInteger } from '../testing/random.ts'
import * as rtcp from '../testing/rtcp-packet.ts'
import type { Order, PeerId } from './messages.ts'
import { isRtcp, RtpPacket } from './rtp.ts'

type Random = () => number

const sections = [
  { mid: '0', kind: 'audio' },
  { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] },
] as const
const sources = { 0: 'microphone', 1: 'camera' } as const
const names = ['ada', 'bob', 'mal'] as const

/** Ada and Bob mean well. What Bob got of Ada since the last look shows that they go on. */
export class HostileRoom {
  readonly meeting: Meeting
  readonly #random: Random
  readonly #packet = new RtpPacket()
  readonly #kept: Uint8Array[] = []
  delivered = 0

  constructor(random: Random) {
    this.#random = random
    this.meeting = new Meeting(drawInteger(random, 2 ** 32))
    this.meeting.deliver = (page, bytes) => this.#check(page, bytes)
    for (const [i, name] of names.entries()) {
      const page = this.meeting.page(name).join()
      page.publish(sections, sources)
      page.camera = new SimulatedCamera('1', threeLayers(5_000 + i * 100))
      page.microphone = new SimulatedMicrophone('0', 4_000 + i)
      page.subscribe()
      page.want(...names.map((peerId) => ({ peerId, source: 'camera', height: 360 }) as const))
    }
    this.meeting.run(500)
  }

  get #mal(): Page {
    const page = this.meeting.pages.get('mal')
    if (!page) throw new Error('nobody is hostile')
    return page
  }

  #check(page: Page, bytes: Uint8Array): void {
    if (bytes.length < 8 || bytes.length > 1_500) throw new Error(`${bytes.length} bytes left`)
    if (!isRtcp(bytes) && !this.#packet.parse(bytes)) throw new Error('what left was no RTP')
    if (page.peerId === 'bob') this.delivered += 1
    if (this.#kept.length < 50) this.#kept.push(bytes)
    else this.#kept[drawInteger(this.#random, 50)] = bytes
  }

  /** Ten milliseconds, with so many spoiled packets in them. */
  round(count: number): void {
    this.meeting.run(10, () => {
      for (let i = 0; i < count; i++) this.#spoil()
    })
    for (const page of this.meeting.pages.values()) {
      page.feedback.length = 0
      for (const { sent } of page.camera?.layers ?? []) if (sent.size > 200) sent.clear()
    }
    this.meeting.reports.length = 0
    this.meeting.closedPipes.length = 0
  }

  #spoil(): void {
    const random = this.#random
    const mal = this.#mal
    const layer = mal.camera?.layers[drawInteger(random, 3)]
    const sent = [...(layer?.sent.values() ?? [])]
    const media = sent[drawInteger(random, sent.length)] ?? this.#kept[0]
    if (media && random() < 0.6) return this.meeting.packet(mal.publishPipe, mutate(random, media))
    const ssrc = layer?.ssrc ?? 1
    const received = this.#kept[drawInteger(random, this.#kept.length)] ?? Uint8Array.of(0)
    const own = new DataView(received.buffer).getUint32(Math.min(8, received.length - 4))
    const reports = [
      rtcp.nack(own, [drawInteger(random, 65_536), 0xffff]),
      rtcp.compound(rtcp.pli(own), rtcp.fir(own)),
      rtcp.receiverReport({ ssrc: own, fraction: drawInteger(random, 256), lsr: drawInteger(random, 2 ** 32) }),
      rtcp.senderReport(ssrc, { ntpHigh: drawInteger(random, 2 ** 32), timestamp: drawInteger(random, 2 ** 32) }),
      rtcp.transportFeedback({ base: drawInteger(random, 65_536), arrivedUs: [0, 1e6, null, 5e5, 2e9] }),
      rtcp.remb(drawInteger(random, 2 ** 32), own),
      rtcp.referenceTime(ssrc, 1, 2),
      received,
    ]
    const report = reports[drawInteger(random, reports.length)] ?? received
    const pipe = random() < 0.5 ? mal.publishPipe : mal.subscribePipe
    this.meeting.packet(pipe, random() < 0.3 ? report : mutate(random, report))
  }

  /** Orders of a page that follows no protocol. */
  disturb(): void {
    const random = this.#random
    const { meeting } = this
    const peerId: PeerId = random() < 0.9 ? 'mal' : 'nobody'
    const offer = publishOffer(sections, `u${drawInteger(random, 9_999)}ab`)
    const spoiled = mutateLines(random, offer)
    const answer = subscribeAnswer(this.#mal.offers.at(-1)?.sdp ?? offer)
    const request = meeting.nextRequest
    const orders: Extract<Order, { peerId: PeerId }>[] = [
      { type: 'publish', request, peerId, sdp: random() < 0.5 ? offer : spoiled, sources },
      { type: 'publish', request, peerId, sdp: spoiled, sources: { 0: 'screen', 1: 'microphone' } },
      { type: 'subscribe', peerId, fresh: random() < 0.3 },
      { type: 'answer', request, peerId, revision: drawInteger(random, 4), sdp: mutateLines(random, answer) },
      { type: 'mute', peerId, sources: random() < 0.5 ? ['camera'] : [] },
      { type: 'wanted', peerId, wanted: [{ peerId: 'ada', source: 'screen', height: 1e9 }] },
      { type: 'wanted', peerId, wanted: names.map((name) => ({ peerId: name, source: 'camera', height: 360 })) },
      { type: 'join', peerId, roomId: 'elsewhere' },
    ]
    const order = orders[drawInteger(random, orders.length)]
    if (order) meeting.orderOf(order)
  }
}

export function fuzzMeeting(random: Random, rounds: number): void {
  const room = new HostileRoom(random)
  for (let round = 1; round <= rounds; round++) {
    room.round(10)
    if (random() < 0.1) room.disturb()
    if (round % 100 !== 0) continue
    if (room.delivered < 100) throw new Error(`after ${round} rounds the others had stopped: ${room.delivered} packets`)
    room.delivered = 0
  }
}
