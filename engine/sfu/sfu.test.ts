import { describe, expect, it } from 'vitest'
import { SimulatedCamera, SimulatedLayer, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import { publishOffer, types } from '../testing/description.ts'
import { Meeting, type Page } from '../testing/meeting.ts'
import { bytes16, rtpPacket, vp8Payload } from '../testing/packet.ts'
import { nack, pli } from '../testing/rtcp-packet.ts'

const cam = (peerId: string, height = 180) => ({ peerId, source: 'camera', height }) as const
const sections = [
  { mid: '0', kind: 'audio' },
  { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] },
] as const
const sources = { 0: 'microphone', 1: 'camera' } as const

interface Speaker {
  readonly page: Page
  readonly camera: SimulatedCamera
  readonly microphone: SimulatedMicrophone
}

function speaker(meeting: Meeting, peerId: string, ssrc: number, roomId = 'room'): Speaker {
  const page = meeting.page(peerId).join(roomId)
  page.publish(sections, sources)
  const camera = new SimulatedCamera('1', threeLayers(ssrc))
  const microphone = new SimulatedMicrophone('0', ssrc - 1_000)
  Object.assign(page, { camera, microphone })
  return { page, camera, microphone }
}

/** What `watcher` got of that source within the next milliseconds. */
function got(meeting: Meeting, watcher: Page, peerId: string, source: 'camera' | 'microphone', ms = 300): number {
  const from = watcher.received.length
  meeting.run(ms)
  const { ssrc } = watcher.streamOf(watcher.slotOf(peerId, source) ?? 'none')
  return watcher.received.slice(from).filter((one) => one.ssrc === ssrc).length
}

describe('rooms', () => {
  it('everybody hears everybody of their own room and sees what they want, whoever came first', () => {
    const meeting = new Meeting()
    const names = ['ada', 'bob', 'cem']
    const people = names.map((name, i) => speaker(meeting, name, 5_000 + 100 * i).page)
    for (const page of people) page.subscribe()
    const other = speaker(meeting, 'dan', 7_000, 'elsewhere').page.subscribe()
    for (const page of [...people, other]) page.want(...names.map((name) => cam(name)))
    meeting.run(500)
    for (const page of people) {
      for (const name of names.filter((one) => one !== page.peerId)) {
        expect(got(meeting, page, name, 'microphone')).toBeGreaterThan(10)
        expect(got(meeting, page, name, 'camera')).toBeGreaterThan(5)
      }
      expect(page.slotOf(page.peerId, 'microphone')).toBeUndefined()
      expect(page.slotOf('dan', 'microphone')).toBeUndefined()
    }
    expect(other.received).toEqual([])
  })

  it('nobody receives before joining, and what was prepared before flows from then on', () => {
    const meeting = new Meeting()
    const { page: ada } = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').subscribe()
    bob.want(cam('ada'))
    meeting.run(500)
    expect(bob.received).toEqual([])
    bob.join()
    expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(0)
    expect(bob.offers.length).toBe(1)
    expect(ada.received).toEqual([])
  })

  it('M15: a late joiner is shown a picture within 300 ms: its key frame was asked for', () => {
    const meeting = new Meeting()
    const { camera } = speaker(meeting, 'ada', 5_000)
    const early = meeting.page('eve').join().subscribe()
    early.want(cam('ada'))
    meeting.run(5_000)
    const { keyFrames } = camera.layer('q')
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(300)
    expect(got(meeting, bob, 'ada', 'camera', 10)).toBeGreaterThanOrEqual(0)
    const { ssrc } = bob.streamOf(bob.slotOf('ada', 'camera') ?? '')
    expect(bob.of(ssrc).length).toBeGreaterThan(3)
    expect(camera.layer('q').keyFrames).toBe(keyFrames + 1)
  })

  it('who leaves is gone: slots empty, transports closed, the room forgotten with its last', () => {
    const meeting = new Meeting()
    const { page: ada } = speaker(meeting, 'ada', 5_000)
    ada.subscribe()
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(300)
    expect(meeting.say({ type: 'leave', peerId: 'ada' })).toContainEqual({
      type: 'closed',
      peerId: 'ada',
      reason: 'left',
    })
    expect(bob.slotOf('ada', 'camera')).toBeUndefined()
    expect(bob.slotOf('ada', 'microphone')).toBeUndefined()
    expect(meeting.closedPipes.toSorted()).toEqual([ada.publishPipe, ada.subscribePipe].toSorted())
    const { length } = bob.received
    meeting.run(200)
    expect(bob.received.length).toBe(length)
    meeting.say({ type: 'leave', peerId: 'bob' })
    expect(meeting.sfu.counters).toMatchObject({ peers: 0, rooms: 0, pipes: 0 })
    expect(meeting.sfu.peers()).toEqual([])
  })

  it('a room that is closed closes everybody in it, and nobody else', () => {
    const meeting = new Meeting()
    for (const [i, name] of ['ada', 'bob'].entries()) speaker(meeting, name, 5_000 + 100 * i).page.subscribe()
    speaker(meeting, 'dan', 7_000, 'elsewhere')
    meeting.say({ type: 'close_room', roomId: 'room' })
    expect(meeting.reportsOf('closed').map(({ peerId }) => peerId)).toEqual(['ada', 'bob'])
    expect(meeting.sfu.peers()).toEqual([{ peerId: 'dan', roomId: 'elsewhere' }])
  })

  it('muted is not sent on, and back at once with a key frame', () => {
    const meeting = new Meeting()
    const { camera } = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(1_000)
    meeting.say({ type: 'mute', peerId: 'ada', sources: ['camera'] })
    expect(got(meeting, bob, 'ada', 'camera')).toBe(0)
    expect(got(meeting, bob, 'ada', 'microphone')).toBeGreaterThan(10)
    const { keyFrames } = camera.layer('q')
    meeting.say({ type: 'mute', peerId: 'ada', sources: ['microphone'] })
    expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(5)
    expect(camera.layer('q').keyFrames).toBeGreaterThan(keyFrames)
    expect(got(meeting, bob, 'ada', 'microphone')).toBe(0)
  })

  it('M16: the first syllable is not cut: sound of who is no speaker yet is sent on, after any silence', () => {
    const meeting = new Meeting()
    const { microphone } = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    microphone.level = null
    meeting.run(5_000)
    microphone.level = 20
    expect(got(meeting, bob, 'ada', 'microphone', 100)).toBe(5)
    expect(meeting.reportsOf('speaker')).toEqual([])
    meeting.run(1_000)
    expect(meeting.reportsOf('speaker').at(-1)).toEqual({ type: 'speaker', roomId: 'room', peerIds: ['ada'] })
  })

  it('M4: speakers are told at most five times a second', () => {
    const meeting = new Meeting()
    const people = ['ada', 'bob', 'cem'].map((name, i) => speaker(meeting, name, 5_000 + 100 * i))
    let turn = 0
    meeting.run(10_000, () => {
      turn += 1
      people.forEach(({ microphone }, i) => {
        microphone.level = turn % 3 === i ? 5 : 90
      })
    })
    expect(meeting.reportsOf('speaker').length).toBeLessThanOrEqual(50)
    expect(meeting.reportsOf('speaker').length).toBeGreaterThan(0)
  })
})

describe('M17: layers', () => {
  const active = (meeting: Meeting) => meeting.reportsOf('layers').at(-1)?.active

  it('nobody watches: off after two seconds, not before', () => {
    const meeting = new Meeting()
    speaker(meeting, 'ada', 5_000)
    meeting.run(1_900)
    expect(active(meeting)).toBeUndefined()
    meeting.run(600)
    expect(active(meeting)).toEqual([])
  })

  it('what nobody wants goes off; what somebody wants comes on at once, and is shown within 300 ms', () => {
    const meeting = new Meeting()
    const { camera } = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(3_130)
    expect(active(meeting)).toEqual(['q'])
    expect(camera.layer('f').isActive).toBe(false)
    bob.want(cam('ada', 720))
    meeting.run(20)
    expect(active(meeting)).toEqual(['q', 'f'])
    const { length } = bob.received
    meeting.run(280)
    const key = bob.received.slice(length).find(({ payload }) => payload[5] === 0x10 && payload[8] === 0x9d)
    expect(key && ((key.payload[14] ?? 0) << 8) | (key?.payload[13] ?? 0)).toBe(720)
    meeting.run(3_000)
    expect(active(meeting)).toEqual(['f'])
  })

  it('each watcher gets its own: one layer more for one more wish', () => {
    const meeting = new Meeting()
    speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    const cem = meeting.page('cem').join().subscribe()
    bob.want(cam('ada', 180))
    cem.want(cam('ada', 720))
    meeting.run(3_000)
    expect(active(meeting)).toEqual(['q', 'f'])
    const bytes = (page: Page) =>
      page.received.reduce((sum, { atMs, payload }) => sum + (atMs > meeting.nowMs - 1_000 ? payload.length : 0), 0)
    expect(bytes(cem)).toBeGreaterThan(4 * bytes(bob))
  })

  it('RIDs that never arrive are normal: the nearest that does is shown', () => {
    const meeting = new Meeting()
    const { page, camera } = speaker(meeting, 'ada', 5_000)
    page.followsLayers = false
    camera.activate(['q', 'h'])
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada', 720))
    meeting.run(2_000)
    expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(5)
    expect(bob.received.some(({ payload }) => payload[5] === 0x10 && payload[13] === 360 - 256)).toBe(true)
  })
})

describe('M17: a browser caps its layers by size', () => {
  it('the large one never comes: the publisher is asked for the middle one too, and it is shown', () => {
    const meeting = new Meeting()
    const { page } = speaker(meeting, 'ada', 5_000)
    page.camera = new SimulatedCamera(
      '1',
      threeLayers(5_000).filter(({ rid }) => rid !== 'f'),
    )
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada', 180))
    meeting.run(6_000) // long enough for the middle one to be forgotten
    expect(meeting.reportsOf('layers').at(-1)?.active).toEqual(['q'])
    bob.want(cam('ada', 720))
    meeting.run(2_000)
    expect(meeting.reportsOf('layers').at(-1)?.active).toEqual(expect.arrayContaining(['h', 'f']))
    const { length } = bob.received
    meeting.run(1_000)
    const isKeyOf = (payload: Uint8Array, height: number) =>
      payload[5] === 0x10 && payload[8] === 0x9d && (((payload[14] ?? 0) << 8) | (payload[13] ?? 0)) === height
    const shown = bob.received.filter(({ payload }) => isKeyOf(payload, 360))
    expect(shown.length).toBeGreaterThan(0)
    expect(bob.received.length).toBeGreaterThan(length)
  })
})

describe('M3: which stream is what', () => {
  function watching() {
    const meeting = new Meeting()
    const ada = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(500)
    return { meeting, ...ada, bob }
  }
  /** As Chromium after its first packets were acknowledged: no MID and no RID. */
  const withoutExtensions = (page: Page) => {
    page.passes = (bytes) => {
      if (bytes[1] === 200) return true
      const plain = Uint8Array.from(bytes)
      plain[0] = 0x80
      const end = 16 + (((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0)) * 4
      page.meeting.packet(page.publishPipe, Uint8Array.from([...plain.subarray(0, 12), ...plain.subarray(end)]))
      return false
    }
  }

  it('is kept over an ICE restart: the old transport is closed before the new one answers', () => {
    const { meeting, page, bob } = watching()
    const before = page.publishPipe
    const outputs = page.publish(sections, sources, 'restarted')
    expect(outputs.map(({ type }) => type).slice(0, 2)).toEqual(['close_pipe', 'open_pipe'])
    expect(page.publishPipe).not.toBe(before)
    withoutExtensions(page)
    meeting.run(100)
    expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(5)
    expect(got(meeting, bob, 'ada', 'microphone')).toBeGreaterThan(10)
  })

  it('is learned from the first packets alone', () => {
    const meeting = new Meeting()
    const { page, microphone } = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    withoutExtensions(page)
    meeting.run(300)
    expect(bob.received).toEqual([])
    page.passes = () => true
    meeting.run(40)
    withoutExtensions(page)
    meeting.run(100)
    expect(got(meeting, bob, 'ada', 'microphone')).toBeGreaterThan(10)
    expect(microphone.sequence).toBeGreaterThan(100)
  })

  it('a RID that moves to another SSRC begins anew there, and the old one is heard no more', () => {
    const { meeting, page, camera, bob } = watching()
    const layer = camera.layer('q')
    const old = layer.ssrc
    Object.assign(layer, { ssrc: 9_999, sequence: 77, isKeyDue: true })
    meeting.run(200)
    expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(5)
    const { length } = bob.received
    const packet = {
      ssrc: old,
      sequence: 500,
      payloadType: types.video,
      payload: vp8Payload({ isKey: true, pictureId: 5 }),
    }
    page.send(rtpPacket(packet))
    expect(bob.received.length).toBe(length)
  })

  it('a page that loads again within its time is the same peer: new streams in the same slots', () => {
    const { meeting, page, bob } = watching()
    const slots = ['camera', 'microphone'] as const
    const before = slots.map((source) => bob.slotOf('ada', source))
    page.publish(sections, sources, 'reloaded')
    page.camera = new SimulatedCamera('1', threeLayers(6_000))
    page.microphone = new SimulatedMicrophone('0', 6_500)
    meeting.run(200)
    expect(slots.map((source) => bob.slotOf('ada', source))).toEqual(before)
    for (const source of slots) expect(got(meeting, bob, 'ada', source)).toBeGreaterThan(5)
    expect(meeting.reportsOf('closed')).toEqual([])
  })

  it('RFC 5576 §4.2: streams without RID are known by the SSRC that the offer names', () => {
    const meeting = new Meeting()
    const page = meeting.page('ada').join()
    page.publish([{ mid: '1', kind: 'video', ssrc: 3_000 }], { 1: 'screen' })
    const bob = meeting.page('bob').join().subscribe()
    bob.want({ peerId: 'ada', source: 'screen', height: 720 })
    meeting.run(50)
    const layer = new SimulatedLayer({ rid: '', ssrc: 3_000, height: 720, bps: 500_000 })
    for (const bytes of layer.frame('1', meeting.nowMs, () => 0)) page.send(bytes)
    meeting.run(10)
    const { ssrc } = bob.streamOf(bob.slotOf('ada', 'screen') ?? '')
    expect(bob.of(ssrc).length).toBeGreaterThan(0)
    expect(layer.keyFrames).toBe(1)
  })

  it('M17: a screen that somebody is about to share has a line at every watcher before its first picture', () => {
    const meeting = new Meeting()
    const names = ['ada', 'bob', 'cem', 'dan', 'eve']
    const [ada] = names.map((name, i) => speaker(meeting, name, 5_000 + 100 * i).page)
    if (!ada) throw new Error('nobody is there')
    const watcher = meeting.page('zoe').join().subscribe()
    watcher.want(...names.slice(0, 4).map((name) => cam(name)))
    meeting.run(200)
    const offers = watcher.offers.length
    ada.publish([...sections, { mid: '2', kind: 'video', ssrc: 3_000 }], { ...sources, 2: 'screen' })
    meeting.run(200)
    expect(watcher.offers.length).toBe(offers + 1)
    watcher.want({ peerId: 'ada', source: 'screen', height: 720 }, ...names.slice(0, 4).map((name) => cam(name)))
    const layer = new SimulatedLayer({ rid: '', ssrc: 3_000, height: 720, bps: 500_000 })
    for (const bytes of layer.frame('2', meeting.nowMs, () => 0)) ada.send(bytes)
    meeting.run(200)
    expect(watcher.slotOf('ada', 'screen')).toBeDefined()
    expect(watcher.offers.length).toBe(offers + 1)
  })

  it('RFC 4588 §4, M13: what was lost on the way up is asked for, and its repair is sent on in its place', () => {
    const { meeting, page, camera, bob } = watching()
    const { ssrc } = bob.streamOf(bob.slotOf('ada', 'camera') ?? '')
    const lost = (camera.layer('q').sequence + 2) & 0xffff
    page.passes = (bytes) =>
      bytes[1] === 200 || bytes[11] !== 5_000 % 256 || (((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) !== lost
    meeting.run(150)
    expect(camera.nacked).toContainEqual({ ssrc: 5_000, sequence: lost })
    const original = camera.layer('q').sent.get(lost)
    if (!original) throw new Error('it was not sent')
    const numbers = () => bob.of(ssrc).map(({ sequence }) => sequence)
    const hole = numbers().find((one, i) => i > 0 && one !== (((numbers()[i - 1] ?? 0) + 1) & 0xffff))
    const at = 16 + (((original[14] ?? 0) << 8) | (original[15] ?? 0)) * 4
    const extensions = new Map([
      [4, '1'],
      [11, 'q'],
    ])
    const payload = [...bytes16(lost), ...original.subarray(at)]
    const timestamp = new DataView(original.buffer).getUint32(4)
    page.send(rtpPacket({ ssrc: 8_888, sequence: 1, timestamp, payloadType: types.rtx, extensions, payload }))
    expect(numbers().at(-1)).toBe(((hole ?? 0) - 1) & 0xffff)
    expect([...(bob.of(ssrc).at(-1)?.payload.subarray(6) ?? [])]).toEqual([...original.subarray(at + 6)])
  })
})

describe('what cannot be done is refused, and nothing changed', () => {
  it.each([
    ['an offer that is none', 'ada', 'v=0', 'no media'],
    ['a peer that does not exist', 'zoe', publishOffer(sections), 'no such peer'],
  ])('%s', (_name, peerId, sdp, reason) => {
    const meeting = new Meeting()
    meeting.page('ada').join()
    const outputs = meeting.say({ type: 'publish', request: 9, peerId, sdp, sources })
    expect(outputs).toEqual([{ type: 'refused', request: 9, peerId, reason: expect.stringContaining(reason) }])
    expect(meeting.sfu.counters.pipes).toBe(0)
  })

  it('an answer without an offer', () => {
    const meeting = new Meeting()
    meeting.page('ada')
    const outputs = meeting.say({ type: 'answer', request: 9, peerId: 'ada', revision: 0, sdp: '' })
    expect(outputs).toMatchObject([{ type: 'refused', request: 9 }])
  })

  it('an offer whose transport could not be made; the next one can', () => {
    const meeting = new Meeting()
    const page = meeting.page('ada').join()
    meeting.isOpening = false
    page.publish(sections, sources)
    const outputs = meeting.say({ type: 'pipe_refused', pipe: page.publishPipe, reason: 'no more ports' })
    expect(outputs).toMatchObject([
      { type: 'refused', peerId: 'ada', reason: expect.stringContaining('no more ports') },
    ])
    meeting.isOpening = true
    page.publish(sections, sources)
    expect(meeting.reportsOf('published').length).toBe(1)
    expect(meeting.sfu.counters.pipes).toBe(1)
  })

  it('an offer that a newer one overtook: its transport is closed, and when it opens nothing comes of it', () => {
    const meeting = new Meeting()
    const page = meeting.page('ada').join()
    meeting.isOpening = false
    page.publish(sections, sources, 'first')
    const stale = page.publishPipe
    page.publish(sections, sources, 'second')
    expect(meeting.reportsOf('refused').map(({ request }) => request)).toEqual([1])
    expect(meeting.closedPipes).toEqual([stale])
    meeting.open(stale)
    expect(meeting.drain()).toEqual([])
    meeting.open(page.publishPipe)
    expect(meeting.drain().map(({ type }) => type)).toContain('published')
    expect(meeting.reportsOf('published').map(({ request }) => request)).toEqual([2])
  })

  it('who leaves while an offer waits is told', () => {
    const meeting = new Meeting()
    const page = meeting.page('ada').join()
    meeting.isOpening = false
    page.publish(sections, sources)
    const outputs = meeting.say({ type: 'leave', peerId: 'ada' })
    expect(outputs.map(({ type }) => type).toSorted()).toEqual(['close_pipe', 'closed', 'refused'])
  })

  it('orders for nobody, and events and packets of transports that are gone, do nothing', () => {
    const meeting = new Meeting()
    const { page } = speaker(meeting, 'ada', 5_000)
    const { publishPipe } = page
    meeting.run(100)
    const packet = page.camera?.layer('q').sent.values().next().value
    meeting.say({ type: 'leave', peerId: 'ada' })
    meeting.pages.delete('ada')
    const before = meeting.sfu.counters.packetsIn
    if (packet) meeting.packet(publishPipe, packet)
    for (const peerId of ['ada', 'zoe']) {
      meeting.say({ type: 'join', peerId, roomId: 'room' })
      meeting.say({ type: 'wanted', peerId, wanted: [cam('ada')] })
      meeting.say({ type: 'mute', peerId, sources: ['camera'] })
      meeting.say({ type: 'subscribe', peerId, fresh: true })
      meeting.say({ type: 'leave', peerId })
    }
    meeting.open(publishPipe)
    expect(meeting.say({ type: 'pipe_state', pipe: publishPipe, state: 'failed' })).toEqual([])
    expect(meeting.sfu.counters).toMatchObject({ packetsIn: before, peers: 0, rooms: 0, pipes: 0 })
  })

  it('M19: candidates that a page filters are not offered to it', () => {
    const meeting = new Meeting()
    const page = meeting.page('ada')
    meeting.say({ type: 'open_peer', peerId: 'bob', filter: ['2001:db8'] })
    page.subscribe()
    const offers = meeting.orderOf({ type: 'subscribe', peerId: 'bob', fresh: false })
    const sdp = offers.find((output) => output.type === 'offer')?.sdp ?? ''
    expect(page.offers[0]?.sdp).toContain('2001:db8::1')
    expect(sdp).toContain('192.0.2.1')
    expect(sdp).not.toContain('2001:db8')
  })
})

it('a source that ends is taken from everybody, and its m-line can send again', () => {
  const meeting = new Meeting()
  const { page } = speaker(meeting, 'ada', 5_000)
  const bob = meeting.page('bob').join().subscribe()
  bob.want(cam('ada'))
  meeting.run(300)
  page.publish([sections[0], { ...sections[1], direction: 'inactive' }], sources)
  expect(bob.slotOf('ada', 'camera')).toBeUndefined()
  expect(bob.slotOf('ada', 'microphone')).toBeDefined()
  page.publish(sections, sources)
  meeting.run(400)
  expect(got(meeting, bob, 'ada', 'camera')).toBeGreaterThan(5)
})

it('counts what it did', () => {
  const meeting = new Meeting()
  const { page } = speaker(meeting, 'ada', 5_000)
  const bob = meeting.page('bob').join().subscribe()
  bob.want(cam('ada'))
  meeting.run(1_000)
  const { ssrc } = bob.streamOf(bob.slotOf('ada', 'camera') ?? '')
  bob.tell(nack(ssrc, [bob.of(ssrc).at(-1)?.sequence ?? 0, 0]))
  page.send(Uint8Array.of(0x80, 96, 0))
  bob.tell(pli(ssrc))
  bob.tell(Uint8Array.of(0x80, 200, 0, 9))
  expect(meeting.sfu.counters).toMatchObject({
    nacksReceived: 1,
    retransmitted: 1,
    malformed: 2,
    peers: 2,
    rooms: 1,
    pipes: 2,
  })
  expect(meeting.sfu.counters.packetsOut).toBe(bob.received.length)
  expect(meeting.sfu.counters.keyFrameRequests).toBeGreaterThan(0)
})
