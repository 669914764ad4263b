import { describe, expect, it } from 'vitest'
import { SimulatedCamera, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import { subscribeAnswer } from '../testing/description.ts'
import { Meeting, type Page } from '../testing/meeting.ts'
import { compound, fir, pli, receiverReport, referenceTime, remb } from '../testing/rtcp-packet.ts'
import { bytes32 } from '../testing/packet.ts'

const cam = (peerId: string, height = 180) => ({ peerId, source: 'camera', height }) as const

/** Somebody who sends sound and picture. */
function speaker(meeting: Meeting, peerId: string, ssrc: number): Page {
  const page = meeting.page(peerId).join()
  const sections = [
    { mid: '0', kind: 'audio' },
    { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] },
  ] as const
  page.publish(sections, { 0: 'microphone', 1: 'camera' })
  page.camera = new SimulatedCamera('1', threeLayers(ssrc))
  page.microphone = new SimulatedMicrophone('0', ssrc - 1_000)
  return page
}

const midsOf = (sdp: string) => [...sdp.matchAll(/^a=mid:(\S+)/gm)].map((match) => match[1])
const streamsOf = (sdp: string) => [...sdp.matchAll(/^a=ssrc:(\d+)/gm)].map((match) => match[1])

describe('M1: one negotiation, and no more than needed', () => {
  it('the first offer comes at once, with m-lines to spare for the first people', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join()
    bob.subscribe()
    expect(bob.offers.length).toBe(1)
    const offer = bob.offers[0]?.sdp ?? ''
    expect(offer.match(/^m=audio 9/gm)?.length).toBe(4)
    expect(offer.match(/^m=video 9/gm)?.length).toBe(4)
    for (const peerId of ['a', 'b', 'c', 'd']) speaker(meeting, peerId, 5_000 + 100 * peerId.charCodeAt(0))
    bob.want(cam('a'), cam('b'), cam('c'), cam('d'))
    meeting.run(500)
    expect(bob.offers.length).toBe(1)
  })

  it('what comes within 30 ms is one offer', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    bob.isAnswering = false
    for (let i = 0; i < 5; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    meeting.run(20)
    for (let i = 5; i < 9; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    expect(bob.offers.length).toBe(1)
    meeting.run(30)
    expect(bob.offers.length).toBe(2)
    expect(bob.offers[1]?.sdp.match(/^m=audio 9/gm)?.length).toBe(12)
  })

  it('no offer while one is in flight; then one for all that came', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join()
    bob.isAnswering = false
    meeting.orderOf({ type: 'subscribe', peerId: 'bob', fresh: false })
    for (let i = 0; i < 9; i++) {
      speaker(meeting, `a${i}`, 5_000 + 100 * i)
      meeting.run(100)
    }
    expect(bob.offers.length).toBe(1)
    bob.answer()
    meeting.run(50)
    expect(bob.offers.length).toBe(2)
    expect(bob.offers.map(({ revision }) => revision)).toEqual([0, 1])
  })

  it('an answer to an older offer is accepted and changes nothing', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    for (let i = 0; i < 5; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    bob.isAnswering = false
    meeting.run(50)
    const [first] = bob.offers
    if (!first) throw new Error('no offer')
    const answer = { type: 'answer', request: 70, peerId: 'bob', revision: 0, sdp: subscribeAnswer(first.sdp) } as const
    expect(meeting.say(answer)).toEqual([{ type: 'accepted', request: 70, peerId: 'bob' }])
    expect(meeting.say({ ...answer, request: 71, sdp: 'garbage' })).toEqual([
      { type: 'accepted', request: 71, peerId: 'bob' },
    ])
    for (let i = 5; i < 12; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    meeting.run(100)
    expect(bob.offers.length).toBe(2)
  })

  it('an answer that is none is refused, and the offer stays open', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join()
    bob.isAnswering = false
    meeting.orderOf({ type: 'subscribe', peerId: 'bob', fresh: false })
    const answer = { type: 'answer', request: 70, peerId: 'bob', revision: 0, sdp: 'v=0' } as const
    expect(meeting.say(answer)).toEqual([
      { type: 'refused', request: 70, peerId: 'bob', reason: expect.stringContaining('media') },
    ])
    expect(bob.answer()).toContainEqual(expect.objectContaining({ type: 'accepted', peerId: 'bob' }))
  })

  it('a page that asks again gets the open offer again, and every slot', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join()
    bob.isAnswering = false
    meeting.orderOf({ type: 'subscribe', peerId: 'bob', fresh: false })
    const again = meeting.orderOf({ type: 'subscribe', peerId: 'bob', fresh: false })
    expect(again.map(({ type }) => type)).toEqual(['offer', 'slots'])
    expect(again[0]).toEqual(bob.offers[0])
  })

  it('a fresh one begins anew with another transport', () => {
    const meeting = new Meeting()
    speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(300)
    const old = { pipe: bob.subscribePipe, streams: streamsOf(bob.offers[0]?.sdp ?? '') }
    bob.subscribe(true)
    meeting.run(300)
    expect(meeting.closedPipes).toEqual([old.pipe])
    expect(bob.subscribePipe).not.toBe(old.pipe)
    expect(streamsOf(bob.offers.at(-1)?.sdp ?? '')).not.toEqual(old.streams)
    const { ssrc } = bob.streamOf(bob.slotOf('ada', 'camera') ?? '')
    expect(bob.of(ssrc).length).toBeGreaterThan(0)
  })
})

describe('M2: slots', () => {
  it('grow by need and are never renumbered', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    for (let i = 0; i < 20; i++) {
      speaker(meeting, `a${i}`, 5_000 + 100 * i)
      bob.want(...Array.from({ length: i + 1 }, (_, one) => cam(`a${one}`)))
      meeting.run(100)
    }
    for (let i = 1; i < bob.offers.length; i++) {
      const [before, next] = [bob.offers[i - 1]?.sdp ?? '', bob.offers[i]?.sdp ?? '']
      expect(midsOf(next).slice(0, midsOf(before).length)).toEqual(midsOf(before))
      expect(streamsOf(next).slice(0, streamsOf(before).length)).toEqual(streamsOf(before))
    }
    for (let i = 0; i < 20; i++) {
      const { ssrc } = bob.streamOf(bob.slotOf(`a${i}`, 'camera') ?? '')
      expect(bob.of(ssrc).length, `camera of a${i}`).toBeGreaterThan(0)
    }
  })

  it('of who left are used again, without negotiation', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    for (let i = 0; i < 4; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    meeting.run(100)
    const offers = bob.offers.length
    for (let i = 4; i < 12; i++) {
      const freed = bob.slotOf(`a${i - 4}`, 'microphone')
      meeting.say({ type: 'leave', peerId: `a${i - 4}` })
      meeting.pages.delete(`a${i - 4}`)
      speaker(meeting, `a${i}`, 5_000 + 100 * i)
      meeting.run(100)
      expect(bob.slotOf(`a${i}`, 'microphone')).toBe(freed)
    }
    expect(bob.offers.length).toBe(offers)
  })

  it('of pictures that stay are not moved when others come and go', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    for (let i = 0; i < 4; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    bob.want(cam('a0'), cam('a1'), cam('a2'))
    meeting.run(200)
    const kept = bob.slotOf('a1', 'camera')
    bob.want(cam('a3'), cam('a1'))
    meeting.run(200)
    expect(bob.slotOf('a1', 'camera')).toBe(kept)
    expect(bob.slotOf('a0', 'camera')).toBeUndefined()
  })

  it('end somewhere: sixty', () => {
    const meeting = new Meeting()
    const bob = meeting.page('bob').join().subscribe()
    for (let i = 0; i < 80; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    meeting.run(500)
    expect(midsOf(bob.offers.at(-1)?.sdp ?? '').length).toBe(60)
  })

  it('a height of 0 is no wish', () => {
    const meeting = new Meeting()
    speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada', 0))
    meeting.run(300)
    expect(bob.slotOf('ada', 'camera')).toBeUndefined()
  })
})

describe('M14: who comes first on a narrow path', () => {
  it('the large wishes: they are paused last, and sound never', () => {
    const meeting = new Meeting()
    for (let i = 0; i < 4; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('a0', 90), cam('a1', 180), cam('a2', 720), cam('a3', 360))
    meeting.run(3_000)
    bob.tell(remb(420_000))
    meeting.run(5_000)
    const quality = meeting.reportsOf('quality').findLast(({ peerId }) => peerId === 'bob')
    expect(quality?.pausedVideos.map(({ peerId }) => peerId)).toEqual(
      ['a0', 'a1'].slice(0, quality?.pausedVideos.length),
    )
    expect(quality?.pausedVideos.length).toBeGreaterThan(0)
    expect(quality?.level).toBe('poor')
    const from = meeting.nowMs - 1_000
    for (let i = 0; i < 4; i++) {
      const { ssrc } = bob.streamOf(bob.slotOf(`a${i}`, 'microphone') ?? '')
      expect(bob.of(ssrc).filter(({ atMs }) => atMs > from).length).toBeGreaterThan(45)
    }
    const { ssrc } = bob.streamOf(bob.slotOf('a0', 'camera') ?? '')
    expect(bob.of(ssrc).filter(({ atMs }) => atMs > from)).toEqual([])
  })

  it('M11: a loop that stalls twice costs everybody the large layers, until it keeps up for ten seconds', () => {
    const meeting = new Meeting()
    speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada', 720))
    meeting.run(3_000)
    const ssrc = bob.streamOf(bob.slotOf('ada', 'camera') ?? '').ssrc
    const bytesOf = (ms: number) => {
      const from = bob.received.length
      meeting.run(ms)
      return bob.received.slice(from).reduce((sum, one) => sum + (one.ssrc === ssrc ? one.payload.length : 0), 0)
    }
    const before = bytesOf(1_000)
    meeting.sfu.onStall(meeting.nowMs)
    expect(bytesOf(1_000)).toBeGreaterThan(0.8 * before)
    meeting.sfu.onStall(meeting.nowMs)
    meeting.run(500)
    expect(bytesOf(1_000)).toBeLessThan(0.3 * before)
    meeting.run(10_000)
    expect(bytesOf(1_000)).toBeGreaterThan(0.8 * before)
  })

  it('M11: one that stalls on refuses new video, and goes on with what is shown', () => {
    const meeting = new Meeting()
    for (let i = 0; i < 3; i++) speaker(meeting, `a${i}`, 5_000 + 100 * i)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('a0'))
    meeting.run(1_000)
    for (let i = 0; i < 5; i++) meeting.sfu.onStall(meeting.nowMs)
    meeting.run(200)
    bob.want(cam('a0'), cam('a1'), cam('a2'))
    const shown = (peerId: string) => {
      const from = bob.received.length
      meeting.run(1_000)
      const { ssrc } = bob.streamOf(bob.slotOf(peerId, 'camera') ?? '')
      return bob.received.slice(from).some((one) => one.ssrc === ssrc)
    }
    const quality = () => meeting.reportsOf('quality').findLast(({ peerId }) => peerId === 'bob')
    expect(['a0', 'a1', 'a2'].map(shown)).toEqual([true, false, false])
    expect(quality()).toMatchObject({ level: 'poor', isServerBusy: true })
    meeting.run(10_000)
    expect(['a0', 'a1', 'a2'].map(shown)).toEqual([true, true, true])
    expect(quality()).toMatchObject({ level: 'good', isServerBusy: false, pausedVideos: [] })
  })
})

describe('feedback of a page', () => {
  function watching() {
    const meeting = new Meeting()
    const ada = speaker(meeting, 'ada', 5_000)
    const bob = meeting.page('bob').join().subscribe()
    bob.want(cam('ada'))
    meeting.run(1_500)
    return { meeting, ada, bob, stream: bob.streamOf(bob.slotOf('ada', 'camera') ?? '') }
  }

  it.each([
    ['RFC 4585 §6.3.1: PLI', pli],
    ['RFC 5104 §4.3.1: FIR', fir],
  ])('%s asks the publisher for a key frame of that layer', (_name, request) => {
    const { meeting, ada, bob, stream } = watching()
    const { keyFrames } = ada.camera?.layer('q') ?? { keyFrames: 0 }
    bob.tell(request(stream.ssrc))
    meeting.run(100)
    expect(ada.camera?.layer('q').keyFrames).toBe(keyFrames + 1)
    expect(ada.camera?.layer('f').keyFrames).toBe(1)
  })

  it('M15: a flood of requests becomes one every 300 ms, and the last is granted', () => {
    const { meeting, ada, bob, stream } = watching()
    meeting.run(1_000)
    const before = ada.camera?.layer('q').keyFrames ?? 0
    meeting.run(1_500, () => bob.tell(pli(stream.ssrc)))
    meeting.run(400)
    const requested = (ada.camera?.layer('q').keyFrames ?? 0) - before
    expect(requested).toBeGreaterThanOrEqual(5)
    expect(requested).toBeLessThanOrEqual(7)
  })

  it('RFC 3611 §4.5, M13: a reference time is answered at once with DLRR', () => {
    const { bob } = watching()
    const before = bob.rtcp.length
    bob.tell(referenceTime(0xabcdef01, 0x00012345, 0x67890000))
    const [answer] = bob.rtcp.slice(before)
    expect(answer?.[1]).toBe(207)
    expect([...(answer?.subarray(8, 20) ?? [])]).toEqual([5, 0, 0, 3, ...bytes32(0xabcdef01), ...bytes32(0x23456789)])
  })

  it('RFC 3550 §6.4.1: sender reports follow the slot’s own timeline; their echo tells the round trip', () => {
    const { meeting, bob, stream } = watching()
    meeting.run(2_500)
    const at = (bytes: Uint8Array, offset: number) => new DataView(bytes.buffer).getUint32(offset)
    const report = bob.rtcp.flatMap((bytes) => {
      const found: Uint8Array[] = []
      for (let from = 0; from + 28 <= bytes.length && bytes[from + 1] === 200; from += 28)
        found.push(bytes.slice(from, from + 28))
      return found
    })
    const last = report.findLast((bytes) => at(bytes, 4) === stream.ssrc)
    if (!last) throw new Error('no sender report')
    const near = bob.of(stream.ssrc).map(({ timestamp }) => Math.abs((timestamp - at(last, 16)) | 0))
    expect(Math.min(...near)).toBeLessThan(90_000 * 0.05)
    const lsr = ((at(last, 8) << 16) | (at(last, 12) >>> 16)) >>> 0
    bob.tell(compound(receiverReport({ ssrc: stream.ssrc, fraction: 26, lsr, dlsr: 0 })))
    meeting.run(2_100)
    const quality = meeting.reportsOf('quality').filter(({ peerId }) => peerId === 'bob')
    expect(quality.at(-1)?.rttMs).toBeGreaterThanOrEqual(0)
    expect(quality.map(({ downlinkLoss }) => downlinkLoss)).toContain(0.1)
  })

  it('M9: about streams that are not its own it is not heard', () => {
    const { meeting, ada, bob } = watching()
    const before = ada.camera?.layers.map(({ keyFrames }) => keyFrames)
    for (const ssrc of [0, 1, 5_000, 5_002, 0xffffffff])
      bob.tell(compound(pli(ssrc), fir(ssrc), receiverReport({ ssrc })))
    meeting.run(500)
    expect(ada.camera?.layers.map(({ keyFrames }) => keyFrames)).toEqual(before)
  })
})
