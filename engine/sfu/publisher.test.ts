import { describe, expect, it } from 'vitest'
import { SimulatedCamera, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import { types } from '../testing/description.ts'
import { Meeting, type Page } from '../testing/meeting.ts'
import { rtpPacket, vp8Payload } from '../testing/packet.ts'
import { ahead16 } from './sequence.ts'

const sections = [
  { mid: '0', kind: 'audio' },
  { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] },
] as const

function publishing() {
  const meeting = new Meeting()
  const ada = meeting.page('ada').join()
  ada.publish(sections, { 0: 'microphone', 1: 'camera' })
  const camera = new SimulatedCamera('1', threeLayers(5_000))
  Object.assign(ada, { camera, microphone: new SimulatedMicrophone('0', 4_000) })
  const bob = meeting.page('bob').join().subscribe()
  bob.want({ peerId: 'ada', source: 'camera', height: 180 })
  return { meeting, ada, camera, bob }
}

const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
const u16 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(at)
const ofType = (page: Page, type: number, format: number) =>
  page.feedback.filter((bytes) => bytes[1] === type && ((bytes[0] ?? 0) & 0x1f) === format)
const isMedia = (bytes: Uint8Array, ssrc: number) => bytes[1] !== 200 && u32(bytes, 8) === ssrc
const cameraOf = (bob: Page) => bob.of(bob.streamOf(bob.slotOf('ada', 'camera') ?? '').ssrc)

describe('what a publisher is told', () => {
  it('transport-wide feedback: of every packet, twenty times a second', () => {
    const { meeting, ada } = publishing()
    meeting.run(2_000)
    const feedbacks = ofType(ada, 205, 15)
    expect(feedbacks.length).toBeGreaterThan(30)
    expect(feedbacks.length).toBeLessThanOrEqual(41)
    for (let i = 1; i < feedbacks.length; i++) {
      const [before, next] = [feedbacks[i - 1], feedbacks[i]]
      if (before && next) expect(u16(next, 12)).toBe((u16(before, 12) + u16(before, 14)) & 0xffff)
    }
  })

  it('RFC 3550 §6.4.2: each second how every stream of it arrives', () => {
    const { meeting, ada } = publishing()
    ada.passes = (bytes) => !isMedia(bytes, 4_000) || u16(bytes, 2) % 10 !== 0
    ada.followsLayers = false
    meeting.run(5_000)
    const report = ada.feedback.findLast((bytes) => bytes[1] === 201)
    if (!report) throw new Error('no receiver report')
    const blocks = Array.from({ length: (report[0] ?? 0) & 0x1f }, (_, i) => report.subarray(8 + i * 24, 32 + i * 24))
    const byStream = new Map(blocks.map((block) => [u32(block, 0), block]))
    expect([...byStream.keys()].toSorted()).toEqual([4_000, 5_000, 5_001, 5_002])
    expect((byStream.get(4_000)?.[4] ?? 0) / 256).toBeCloseTo(0.1, 1)
    expect(byStream.get(5_002)?.[4]).toBe(0)
    expect(u32(byStream.get(5_002) ?? report, 16)).not.toBe(0)
    expect(meeting.reportsOf('quality').some(({ peerId, uplinkLoss }) => peerId === 'ada' && uplinkLoss > 0)).toBe(
      false,
    )
    ada.subscribe()
    meeting.run(2_500)
    expect(meeting.reportsOf('quality').find(({ peerId }) => peerId === 'ada')?.uplinkLoss).toBeCloseTo(0.1, 1)
  })

  it('M15: asked for a key frame again, as long as those that it sent were lost', () => {
    const { meeting, ada, camera } = publishing()
    meeting.run(1_000)
    const layer = camera.layer('q')
    const before = layer.keyFrames
    let seen = before
    ada.passes = (bytes) => {
      if (!isMedia(bytes, layer.ssrc) || layer.keyFrames === seen || layer.keyFrames > before + 2) return true
      seen = layer.keyFrames
      return false
    }
    const cem = meeting.page('cem').join().subscribe()
    cem.want({ peerId: 'ada', source: 'camera', height: 180 })
    meeting.run(3_500)
    expect(layer.keyFrames).toBe(before + 3)
    expect(cameraOf(cem).length).toBeGreaterThan(5)
  })
})

describe('what it sends', () => {
  it('M13: the packet that begins a key frame comes late: what followed it is sent on behind it', () => {
    const { meeting, ada, camera, bob } = publishing()
    meeting.run(1_000)
    bob.want({ peerId: 'ada', source: 'camera', height: 720 })
    const layer = camera.layer('f')
    let held: Uint8Array | undefined
    const { keyFrames } = layer
    ada.passes = (bytes) => {
      const isBegin = !held && isMedia(bytes, layer.ssrc) && layer.keyFrames > keyFrames
      if (isBegin) held = bytes
      return !isBegin
    }
    meeting.run(200)
    if (!held) throw new Error('no key frame was made')
    const before = cameraOf(bob).length
    const size = (packets: ReturnType<typeof cameraOf>) =>
      packets.filter(({ payload }) => payload.at(-1) === (layer.ssrc & 0xff)).length
    expect(size(cameraOf(bob))).toBe(0)
    ada.send(held)
    const packets = cameraOf(bob)
    expect(packets.length - before).toBeGreaterThan(7)
    for (let i = 1; i < packets.length; i++) {
      expect(ahead16(packets[i]?.sequence ?? 0, packets[i - 1]?.sequence ?? 0)).toBe(1)
    }
  })

  it('M9: a packet of 15 bytes whose VP8 descriptor is cut is counted, and nothing else', () => {
    const { meeting, ada, camera, bob } = publishing()
    meeting.run(500)
    const before = { sent: bob.received.length, malformed: meeting.sfu.counters.malformed }
    const { ssrc, sequence } = camera.layer('q')
    const cut = rtpPacket({
      ssrc,
      sequence: (sequence + 1) & 0xffff,
      payloadType: types.video,
      payload: [0x90, 0x80, 0x81],
    })
    expect(cut.length).toBe(15)
    ada.send(cut)
    expect(meeting.sfu.counters.malformed).toBe(before.malformed + 1)
    expect(bob.received.length).toBe(before.sent)
    meeting.run(200)
    expect(bob.received.length).toBeGreaterThan(before.sent)
  })

  it('M9: what claims to be a stream of an m-line or layer that was not agreed goes nowhere', () => {
    const { meeting, ada, bob } = publishing()
    meeting.run(500)
    const before = bob.received.length
    for (const [mid, rid] of [
      ['7', 'q'],
      ['1', 'x'],
      ['', ''],
    ] as const) {
      const extensions = new Map<number, readonly number[] | string>([
        [4, mid || [0]],
        [10, rid || [0]],
      ])
      const payload = vp8Payload({ isKey: true, pictureId: 1 })
      ada.send(rtpPacket({ ssrc: 77_777, sequence: 1, payloadType: types.video, extensions, payload }))
    }
    expect(bob.received.length).toBe(before)
  })

  it.each([
    [[], 102],
    [[102, 103], 0],
  ])('M16: H264 passes through to who takes it (without %j: %d)', (without, payloadType) => {
    const meeting = new Meeting()
    const ada = meeting.page('ada').join()
    ada.publish([{ mid: '1', kind: 'video', ssrc: 3_000, codec: 'H264' }], { 1: 'camera' })
    const bob = meeting.page('bob', { without }).join().subscribe()
    bob.want({ peerId: 'ada', source: 'camera', height: 720 })
    meeting.run(50)
    const payloads = [
      [0x61, 1, 2],
      [0x67, 1, 2],
      [0x7c, 0x85, 3],
      [0x7c, 0x45, 4],
    ]
    payloads.forEach((payload, i) => {
      ada.send(rtpPacket({ ssrc: 3_000, sequence: 10 + i, timestamp: 900, payloadType: types.video, payload }))
    })
    const came = bob.received.map((packet) => ({ payloadType: packet.payloadType, payload: [...packet.payload] }))
    expect(came).toEqual(payloadType === 0 ? [] : payloads.slice(1).map((payload) => ({ payloadType, payload })))
  })
})
