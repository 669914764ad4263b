import { describe, expect, it } from 'vitest'
import { SimulatedCamera, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import type { AnswerOptions } from '../testing/description.ts'
import { Meeting, type Page, type Received } from '../testing/meeting.ts'
import { rtpPacket, vp8Payload } from '../testing/packet.ts'
import { nack } from '../testing/rtcp-packet.ts'
import { ahead16, ahead32 } from './sequence.ts'
import { Vp8Descriptor } from './vp8.ts'

const cameraSection = { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] } as const
const q = { peerId: 'ada', source: 'camera', height: 180 } as const
const f = { ...q, height: 720 }

function publishing(meeting: Meeting, peerId: string, ssrc: number): { page: Page; camera: SimulatedCamera } {
  const page = meeting.page(peerId).join()
  page.publish([{ mid: '0', kind: 'audio' }, cameraSection], { 0: 'microphone', 1: 'camera' })
  const camera = new SimulatedCamera('1', threeLayers(ssrc))
  page.camera = camera
  return { page, camera }
}

/** Ada shows her camera and Bob watches; everything arrives. */
function watching(options: AnswerOptions = {}) {
  const meeting = new Meeting()
  const { page: ada, camera } = publishing(meeting, 'ada', 5_000)
  const bob = meeting.page('bob', options).join().subscribe()
  bob.want(q)
  meeting.run(300)
  const mid = bob.slotOf('ada', 'camera') ?? ''
  return { meeting, ada, camera, bob, mid, stream: bob.streamOf(mid) }
}

interface Picture {
  readonly pictureId: number
  readonly tl0PicIdx: number
  readonly isKey: boolean
  readonly height: number
}

function pictureOf({ payload }: Received): Picture {
  const vp8 = new Vp8Descriptor()
  expect(vp8.parse(payload, 0, payload.length)).toBe(true)
  return { pictureId: vp8.pictureId, tl0PicIdx: vp8.tl0PicIdx, isKey: vp8.isKeyFrame, height: vp8.height }
}

/** M2: what a decoder needs to see one stream: numbers without a gap, time that only grows, one picture after another. */
function expectUnbroken(packets: readonly Received[]): void {
  expect(packets.length).toBeGreaterThan(10)
  for (let i = 1; i < packets.length; i++) {
    const [before, next] = [packets[i - 1], packets[i]]
    if (!before || !next) throw new Error('no packet')
    expect(ahead16(next.sequence, before.sequence), `number ${i}`).toBe(1)
    const [last, picture] = [pictureOf(before), pictureOf(next)]
    if (next.payload.at(-1) !== before.payload.at(-1)) expect(picture.isKey, `switch ${i}`).toBe(true)
    const isSameFrame = next.timestamp === before.timestamp
    expect(ahead32(next.timestamp, before.timestamp), `time ${i}`).toBeGreaterThanOrEqual(0)
    expect((picture.pictureId - last.pictureId) & 0x7fff, `picture ${i}`).toBe(isSameFrame ? 0 : 1)
    expect((picture.tl0PicIdx - last.tl0PicIdx) & 0xff, `TL0 ${i}`).toBe(isSameFrame ? 0 : 1)
  }
}

const heights = (packets: readonly Received[]) =>
  packets
    .map(pictureOf)
    .filter(({ isKey }) => isKey)
    .map(({ height }) => height)

describe('M2: one unbroken stream', () => {
  it('begins with a key frame, and its first timestamp is told', () => {
    const { meeting, bob, stream, mid } = watching()
    const [first] = bob.of(stream.ssrc)
    expect(first && pictureOf(first).isKey).toBe(true)
    const told = meeting.reportsOf('slots').flatMap(({ peerId, slots }) => (peerId === 'bob' ? slots : []))
    expect(told.findLast((slot) => slot.mid === mid)).toMatchObject({ peerId: 'ada', rtpTimestamp: first?.timestamp })
  })

  it('goes on over changes of the layer, each at a key frame', () => {
    const { meeting, bob, stream } = watching()
    meeting.run(1_500)
    for (const want of [f, q, f]) {
      bob.want(want)
      meeting.run(1_500)
    }
    const packets = bob.of(stream.ssrc)
    expectUnbroken(packets)
    expect([...new Set(heights(packets))].toSorted()).toEqual([180, 720])
    expect(pictureOf(packets.at(-1) ?? expect.fail('nothing came')).isKey).toBe(false)
  })

  it('M15: time goes on by both layers’ sender reports, whatever their own clocks say', () => {
    const { meeting, bob, stream } = watching()
    meeting.run(1_500)
    bob.want(f)
    meeting.run(1_500)
    bob.want(q)
    meeting.run(1_500)
    const packets = bob.of(stream.ssrc)
    const base = packets[0] ?? expect.fail('nothing came')
    for (const { timestamp, atMs } of packets) {
      expect(Math.abs(ahead32(timestamp, base.timestamp) / 90 - (atMs - base.atMs))).toBeLessThan(2)
    }
  })

  it('M15: without sender reports time goes on by the clock', () => {
    const { meeting, ada, bob, stream } = watching()
    ada.passes = (bytes) => bytes[1] !== 200
    bob.want(f)
    meeting.run(1_500)
    const packets = bob.of(stream.ssrc)
    expectUnbroken(packets)
    const [first, last] = [packets[0], packets.at(-1)]
    const span = ahead32(last?.timestamp ?? 0, first?.timestamp ?? 0) / 90
    expect(Math.abs(span - ((last?.atMs ?? 0) - (first?.atMs ?? 0)))).toBeLessThan(50)
  })

  it('goes on over a change of who is in it, and tells that one’s first frame', () => {
    const { meeting, bob, stream, mid } = watching()
    publishing(meeting, 'cem', 9_000)
    const offers = bob.offers.length
    bob.want({ peerId: 'cem', source: 'camera', height: 180 })
    meeting.run(1_000)
    expect(bob.slotOf('cem', 'camera')).toBe(mid)
    expectUnbroken(bob.of(stream.ssrc))
    const shown = meeting.reportsOf('slots').flatMap(({ slots }) => slots)
    const told = shown.findLast((slot) => slot.peerId === 'cem' && slot.rtpTimestamp !== null)
    const first = bob.of(stream.ssrc).find(({ timestamp }) => timestamp === told?.rtpTimestamp)
    expect(first && pictureOf(first).isKey).toBe(true)
    expect(bob.offers.length).toBe(offers)
  })

  it('goes on after the path was gone: what was held back is not made up for', () => {
    const { meeting, bob, stream } = watching()
    const state = (now: 'disconnected' | 'connected') =>
      meeting.say({ type: 'pipe_state', pipe: bob.subscribePipe, state: now })
    state('disconnected')
    const before = bob.received.length
    meeting.run(2_000)
    expect(bob.received.length).toBe(before)
    state('connected')
    meeting.run(500)
    expectUnbroken(bob.of(stream.ssrc))
    expect(bob.received.length).toBeGreaterThan(before)
  })

  it('RFC 7741 §4.2: a late packet right before a switch does not set picture ids back', () => {
    const { meeting, ada, camera, bob, stream } = watching()
    const held: Uint8Array[] = []
    const isOf = (bytes: Uint8Array, rid: string) => bytes[1] !== 200 && bytes[11] === (camera.layer(rid).ssrc & 0xff)
    ada.passes = (bytes) => !isOf(bytes, 'q') || held.length >= 8 || held.push(bytes) % 2 === 0
    meeting.run(250)
    bob.want(f)
    const late = held.filter((_, i) => i % 2 === 0)
    let frame = -1
    ada.passes = (bytes) => {
      const isFrame = isOf(bytes, 'f') && bytes[7] !== frame
      if (isFrame) frame = bytes[7] ?? -1
      const next = isFrame ? late.shift() : undefined
      if (next) meeting.packet(ada.publishPipe, next)
      return true
    }
    const before = bob.of(stream.ssrc).length
    meeting.run(80)
    const packets = bob.of(stream.ssrc)
    const at = packets.findIndex(({ payload }) => payload.at(-1) === (camera.layer('f').ssrc & 0xff))
    expect(at).toBeGreaterThan(before)
    const newest = Math.max(...packets.slice(0, at).map((packet) => pictureOf(packet).pictureId))
    expect(pictureOf(packets[at - 1] ?? expect.fail('nothing came')).pictureId).toBeLessThan(newest)
    expect(pictureOf(packets[at] ?? expect.fail('nothing came')).pictureId).toBe(newest + 1)
  })

  it('wraps picture ids, TL0 and numbers', () => {
    const { meeting, camera, bob, stream } = watching()
    const layer = camera.layer('q')
    Object.assign(layer, { pictureId: 0x7ffa, tl0PicIdx: 250, sequence: 65_530 })
    bob.want()
    meeting.run(100)
    bob.want(q)
    meeting.run(1_000)
    expect(layer.sequence).toBeLessThan(100)
    expectUnbroken(bob.of(stream.ssrc))
  })
})

describe('M15: what is not sent on', () => {
  const padding = (camera: SimulatedCamera, rid = 'q') => {
    const layer = camera.layer(rid)
    layer.sequence = (layer.sequence + 1) & 0xffff
    const timestamp = layer.timestampAt(0)
    return rtpPacket({ ssrc: layer.ssrc, sequence: layer.sequence, timestamp, payload: [], padding: 200 })
  }

  it('padding alone, and the numbers close over it', () => {
    const { meeting, ada, camera, bob, stream } = watching()
    for (let i = 0; i < 5; i++) {
      for (let count = 0; count <= i; count++) ada.send(padding(camera))
      meeting.run(100)
    }
    const packets = bob.of(stream.ssrc)
    expectUnbroken(packets)
    expect(packets.every(({ payload }) => payload.length > 0)).toBe(true)
  })

  it('a packet that was lost before padding keeps its number, and still fits when it comes', () => {
    const { meeting, ada, camera, bob, stream } = watching()
    const held: Uint8Array[] = []
    ada.passes = (bytes) => bytes[1] === 200 || held.push(bytes) > 1 || bytes.length < 20
    meeting.run(80)
    ada.passes = () => true
    ada.send(padding(camera))
    meeting.run(200)
    const before = bob.of(stream.ssrc).map(({ sequence }) => sequence)
    ada.send(held[0] ?? expect.fail('nothing was lost'))
    const packets = bob.of(stream.ssrc)
    const late = packets.at(-1)?.sequence ?? -1
    expect(before).not.toContain(late)
    expectUnbroken(packets.toSorted((a, b) => ahead16(a.sequence, b.sequence)))
  })

  it('packets from before the switch that come after it, of either layer', () => {
    const { meeting, ada, camera, bob, stream } = watching()
    meeting.run(500)
    const held: Uint8Array[] = []
    ada.passes = (bytes) => bytes[1] === 200 || held.push(bytes) === 0
    meeting.run(40)
    ada.passes = () => true
    expect(held.length).toBeGreaterThan(3)
    bob.want(f)
    meeting.run(300)
    expect(heights(bob.of(stream.ssrc)).at(-1)).toBe(720)
    const count = bob.of(stream.ssrc).length
    for (const bytes of held) ada.send(bytes)
    expect(bob.of(stream.ssrc).length).toBe(count)
    expect(camera.layer('f').sent.has(((held.at(-1)?.[2] ?? 0) << 8) | (held.at(-1)?.[3] ?? 0))).toBe(true)
  })

  it('a jump of the publisher’s numbers: ours go on', () => {
    const { meeting, camera, bob, stream } = watching()
    for (const jump of [20_000, -15_000]) {
      const layer = camera.layer('q')
      layer.sequence = (layer.sequence + jump) & 0xffff
      meeting.run(300)
    }
    expectUnbroken(bob.of(stream.ssrc))
    expect(bob.of(stream.ssrc).at(-1)?.atMs).toBeGreaterThan(meeting.nowMs - 50)
  })
})

describe('RFC 4588: what was lost on the way down is sent again', () => {
  const repairs = (bob: Page, ask: readonly number[], ssrc: number) => {
    const before = bob.received.length
    for (const sequence of ask) bob.tell(nack(ssrc, [sequence, 0]))
    return bob.received.slice(before)
  }
  const original = (repair: Received) => ({
    sequence: ((repair.payload[0] ?? 0) << 8) | (repair.payload[1] ?? 0),
    payload: [...repair.payload.subarray(2)],
  })

  it('as RTX, the same to the byte behind its number', () => {
    const { bob, stream } = watching()
    const [first, second] = bob.of(stream.ssrc)
    if (!first || !second) throw new Error('nothing came')
    const again = repairs(bob, [second.sequence, first.sequence], stream.ssrc)
    expect(again.map(original)).toEqual(
      [second, first].map(({ sequence, payload }) => ({ sequence, payload: [...payload] })),
    )
    expect(again.map(({ ssrc, payloadType, timestamp }) => ({ ssrc, payloadType, timestamp }))).toEqual(
      [second, first].map(({ timestamp }) => ({ ssrc: stream.rtxSsrc, payloadType: 97, timestamp })),
    )
    expect(ahead16(again[1]?.sequence ?? 0, again[0]?.sequence ?? 0)).toBe(1)
  })

  it('on its own stream with its own number where the page takes no RTX', () => {
    const { bob, stream } = watching({ without: [97, 103] })
    const [first] = bob.of(stream.ssrc)
    if (!first) throw new Error('nothing came')
    const [again] = repairs(bob, [first.sequence], stream.ssrc)
    expect(again).toMatchObject({
      ssrc: stream.ssrc,
      sequence: first.sequence,
      timestamp: first.timestamp,
      payloadType: 96,
    })
    expect(again?.payload).toEqual(first.payload)
  })

  it('also what was sent before a switch of the layer, or of who is in it', () => {
    const { meeting, bob, stream } = watching()
    publishing(meeting, 'cem', 9_000)
    meeting.run(200)
    const before = bob.of(stream.ssrc).slice(-3)
    bob.want(f)
    meeting.run(200)
    const between = bob.of(stream.ssrc).slice(-3)
    bob.want({ peerId: 'cem', source: 'camera', height: 180 })
    meeting.run(200)
    const sent = [...before, ...between]
    const again = repairs(
      bob,
      sent.map(({ sequence }) => sequence),
      stream.ssrc,
    )
    expect(again.map(original)).toEqual(sent.map(({ sequence, payload }) => ({ sequence, payload: [...payload] })))
    expect(again.map(({ timestamp }) => timestamp)).toEqual(sent.map(({ timestamp }) => timestamp))
  })

  it('not in the numbers of another switch, after so many that its own are forgotten', () => {
    const { meeting, bob, stream } = watching()
    const old = bob.of(stream.ssrc).at(-1)
    for (let count = 0; count < 17; count++) {
      bob.want()
      bob.want(q)
      meeting.run(360)
    }
    const recent = bob.of(stream.ssrc).at(-1)
    expect(repairs(bob, [old?.sequence ?? 0], stream.ssrc)).toEqual([])
    expect(repairs(bob, [recent?.sequence ?? 0], stream.ssrc).length).toBe(1)
    expectUnbroken(bob.of(stream.ssrc))
  })

  it('and does not disturb what follows', () => {
    const { meeting, bob, stream } = watching()
    const old = bob.of(stream.ssrc).slice(0, 3)
    repairs(
      bob,
      old.map(({ sequence }) => sequence),
      stream.ssrc,
    )
    bob.want(f)
    meeting.run(500)
    expectUnbroken(bob.of(stream.ssrc))
  })

  it('not what was never sent: neither the future, nor the distant past, nor another’s number', () => {
    const { bob, stream } = watching()
    const packets = bob.of(stream.ssrc)
    const [first, last] = [packets[0], packets.at(-1)]
    if (!first || !last) throw new Error('nothing came')
    const asked = [last.sequence + 1, first.sequence - 1, last.sequence - 20_000].map((one) => one & 0xffff)
    expect(repairs(bob, asked, stream.ssrc)).toEqual([])
    expect(repairs(bob, [first.sequence], stream.rtxSsrc)).toEqual([])
  })

  it('not another packet in place of one that never came up: its place held an older one', () => {
    const { meeting, ada, camera, bob, stream } = watching()
    const sent = bob.of(stream.ssrc)[3]
    if (!sent) throw new Error('nothing came')
    bob.want(f)
    meeting.run(200)
    camera.activate(['f'])
    ada.followsLayers = false
    const hole = (sent.sequence + 1_024) & 0xffff
    let isHolding = false
    meeting.run(20_000, () => {
      const last = bob.of(stream.ssrc).at(-1)
      const distance = ahead16(hole, last?.sequence ?? 0)
      if (distance < 8 && distance > 0 && !isHolding) {
        isHolding = true
        const upcoming = (camera.layer('f').sequence + distance) & 0xffff
        ada.passes = (bytes) => (((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) !== upcoming || bytes[1] === 200
      }
      if (distance < -20) camera.activate([])
    })
    const came = bob.of(stream.ssrc).map(({ sequence }) => sequence)
    expect(came).not.toContain(hole)
    expect(came).toContain((hole + 1) & 0xffff)
    expect(repairs(bob, [hole], stream.ssrc)).toEqual([])
  })
})

describe('M12, M16: payload types are those of the page', () => {
  function listening(options: AnswerOptions = {}) {
    const { meeting, ada, bob } = watching(options)
    const microphone = new SimulatedMicrophone('0', 4_000)
    ada.microphone = microphone
    meeting.run(200)
    const stream = bob.streamOf(bob.slotOf('ada', 'microphone') ?? '')
    return { meeting, microphone, bob, ssrc: stream.ssrc }
  }

  it('RED as it is for who takes it, and Opus between', () => {
    const { meeting, microphone, bob, ssrc } = listening()
    microphone.hasRed = true
    meeting.run(200)
    const packets = bob.of(ssrc)
    expect(new Set(packets.map(({ payloadType }) => payloadType))).toEqual(new Set([111, 63]))
    expect(packets.findLast(({ payloadType }) => payloadType === 63)?.payload.length).toBe(85)
  })

  it('RFC 2198: RED cut to its primary block for who does not', () => {
    const { meeting, microphone, bob, ssrc } = listening({ without: [63] })
    microphone.hasRed = true
    meeting.run(200)
    const packets = bob.of(ssrc)
    expect(new Set(packets.map(({ payloadType }) => payloadType))).toEqual(new Set([111]))
    expect(new Set(packets.map(({ payload }) => payload.length))).toEqual(new Set([60]))
    for (let i = 1; i < packets.length; i++) {
      expect(ahead16(packets[i]?.sequence ?? 0, packets[i - 1]?.sequence ?? 0)).toBe(1)
    }
    const again = packets.at(-1)
    bob.tell(nack(ssrc, [again?.sequence ?? 0, 0]))
    expect(bob.received.at(-1)?.payload).toEqual(again?.payload)
    expect(bob.received.at(-1)).toMatchObject({ payloadType: 111, ssrc, sequence: again?.sequence })
  })

  it('a payload type that was not agreed goes nowhere', () => {
    const { ada, bob, camera } = watching()
    const layer = camera.layer('q')
    const before = bob.received.length
    layer.sequence = (layer.sequence + 1) & 0xffff
    const payload = vp8Payload({ isKey: true, pictureId: 1 })
    ada.send(rtpPacket({ ssrc: layer.ssrc, sequence: layer.sequence, payloadType: 120, payload }))
    expect(bob.received.length).toBe(before)
  })

  it('M13: every packet has its transport-wide number, one after another, over all slots', () => {
    const { meeting, bob } = listening()
    meeting.run(500)
    const numbers = bob.received.map(({ number }) => number)
    expect(numbers).toEqual(numbers.map((_, i) => ((numbers[0] ?? 0) + i) & 0xffff))
  })

  it('none for a page that does not take it', () => {
    const { bob } = watching({ hasTransportFeedback: false })
    expect(new Set(bob.received.map(({ number }) => number))).toEqual(new Set([-1]))
  })
})
