import { beforeEach, describe, expect, it } from 'vitest'
import { aes, Bench, codec, events, pcma, pcmu, plain } from '../../tests/media/media-bench.ts'
import { loudness, sine, toneShare } from '../testing/goertzel.ts'
import { RtpPhone } from '../testing/rtp-phone.ts'
import type { MediaOrder } from './messages.ts'
import { soundOf } from './sound.ts'
import { SrtpReceiver, SrtpSender } from './srtp.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
const bridge = () => bench.order({ type: 'bridge', a: 'a', b: 'b' })

describe('orders', () => {
  it('a port is opened and reported, once more when it is asked for again', () => {
    const open: MediaOrder = { type: 'open', endpoint: 'a', port: 30_000, address: '0.0.0.0' }
    bench.order(open, open)
    expect(bench.reports).toEqual([
      { type: 'opened', endpoint: 'a' },
      { type: 'opened', endpoint: 'a' },
    ])
    expect(bench.board.endpoints()).toEqual([{ endpoint: 'a', port: 30_000, address: '0.0.0.0' }])
    bench.order({ ...open, port: 30_002 })
    expect(bench.of('open_failed')).toHaveLength(1)
  })

  it('a port that is taken', () => {
    bench.failing = 'UDP port 30002 is taken.'
    bench.leg('a', 1)
    expect(bench.reports).toEqual([{ type: 'open_failed', endpoint: 'a', message: 'UDP port 30002 is taken.' }])
    expect(bench.board.endpoints()).toEqual([])
  })

  it('those of an endpoint that is gone do nothing', () => {
    bench.leg('a', 1)
    expect(bench.close('a')).not.toBeNull()
    bench.order({ type: 'dtmf', endpoint: 'a', digit: '1', durationMs: 100 }, { type: 'bridge', a: 'a', b: 'b' })
    bench.order({ type: 'close', endpoint: 'a' })
    expect(bench.of('closed')).toHaveLength(1)
    expect(bench.open.size).toBe(0)
  })
})

describe('relay', () => {
  it('two phones hear each other as they are', () => {
    bench.leg('a', 1)
    bench.leg('b', 2)
    bridge()
    const [a, b] = [new RtpPhone({ hz: 440 }), new RtpPhone({ hz: 700 })]
    bench.talk(a, b)
    expect(toneShare(b.heard(), 440)).toBeGreaterThan(0.99)
    expect(toneShare(a.heard(), 700)).toBeGreaterThan(0.99)
    expect(new Set(b.packets.map(({ ssrc }) => ssrc)).size).toBe(1)
  })

  it('A-law to µ-law and back', () => {
    bench.leg('a', 1, { codecs: [pcma] })
    bench.leg('b', 2, { codecs: [pcmu] })
    bridge()
    const [a, b] = [new RtpPhone({ hz: 440 }), new RtpPhone({ hz: 700, law: 'PCMU' })]
    bench.talk(a, b)
    expect(toneShare(b.heard(), 440)).toBeGreaterThan(0.99)
    expect(toneShare(a.heard(), 700)).toBeGreaterThan(0.99)
    expect(new Set(b.packets.map(({ payload }) => payload))).toEqual(new Set([0]))
  })

  it('T22: payload types are those of each leg, G.729 passes through', () => {
    bench.leg('a', 1, { codecs: [codec('G729', 18)], dtmf: events(96) })
    bench.leg('b', 2, { codecs: [codec('G729', 18, 118)], dtmf: codec('TELEPHONE-EVENT', 101, 105) })
    bridge()
    bench.forget('a', 'b')
    const a = new RtpPhone()
    const frame = Array.from({ length: 20 }, (_, i) => i)
    bench.from('a', a.packet(18, frame))
    for (const packet of a.key(5, 96)) bench.from('a', packet)
    const b = new RtpPhone()
    bench.listen('b', b)
    expect(b.packets.map(({ payload }) => payload)).toEqual([118, 105, 105, 105, 105, 105, 105])
    expect([...(b.packets[0]?.bytes.subarray(12) ?? [])]).toEqual(frame)
    expect(new Set(b.packets.slice(1).map(({ timestamp }) => timestamp)).size).toBe(1)
  })

  it('T22: events of 48 kHz on one leg and 8 kHz on the other', () => {
    bench.leg('a', 1, { dtmf: { ...events(110), clockRate: 48_000 } })
    bench.leg('b', 2)
    bridge()
    const a = new RtpPhone()
    bench.forget('b')
    bench.from('a', a.packet(110, [3, 0x8a, 4_800 >> 8, 4_800 & 0xff], 999))
    const [sent] = bench.rtp.get('b') ?? []
    expect([...(sent?.bytes.subarray(12) ?? [])]).toEqual([3, 0x8a, 800 >> 8, 800 & 0xff])
    expect(bench.of('dtmf')).toEqual([{ type: 'dtmf', endpoint: 'a', digit: '3', durationMs: 100 }])
  })

  it('what the other side has no codec for leaves no gap', () => {
    bench.leg('a', 1, { codecs: [pcma, codec('G722', 9)] })
    bench.leg('b', 2, { codecs: [pcma], dtmf: null })
    bridge()
    const a = new RtpPhone()
    bench.from('b', new RtpPhone().speech())
    bench.from('a', a.speech())
    bench.forget('b')
    bench.from('a', a.packet(9, [1, 2, 3]))
    bench.from('a', a.packet(13, [70]))
    for (const packet of a.key(1, 101)) bench.from('a', packet)
    bench.pass(180)
    bench.from('a', a.speech())
    bench.from('a', a.speech())
    const b = new RtpPhone()
    bench.listen('b', b)
    expect(b.packets.map(({ payload }) => payload)).toEqual([8, 8])
    expect(((b.packets[1]?.sequence ?? 0) - (b.packets[0]?.sequence ?? 0)) & 0xffff).toBe(1)
    expect(bench.of('dtmf').map(({ digit }) => digit)).toEqual(['1'])
  })

  it('muted: silence takes the place of its speech, its keys go on; what has no silence is left out', () => {
    for (const [name, n] of [
      ['a', 1],
      ['b', 2],
    ] as const)
      bench.leg(name, n, { codecs: [pcma, codec('G729', 18)] })
    bridge()
    bench.order({ type: 'mute', endpoint: 'a', isMuted: true })
    const [a, b] = [new RtpPhone(), new RtpPhone()]
    bench.talk(a, null, 20)
    for (const packet of a.key(5, 101)) bench.from('a', packet)
    bench.from('a', a.packet(18, [1, 2, 3]))
    bench.listen('b', b)
    expect(b.packets.filter(({ payload }) => payload === 8)).toHaveLength(20)
    expect(loudness(b.heard())).toBeLessThan(10)
    expect(b.packets.filter(({ payload }) => payload === 101)).toHaveLength(6)
    expect(b.packets.some(({ payload }) => payload === 18)).toBe(false)
    bench.order({ type: 'mute', endpoint: 'a', isMuted: false })
    bench.talk(a, null, 20)
    bench.listen('b', b)
    expect(loudness(b.heard(26))).toBeGreaterThan(4_000)
    const steps = b.packets.slice(1).map(({ sequence }, i) => (sequence - (b.packets[i]?.sequence ?? 0)) & 0xffff)
    expect(new Set(steps)).toEqual(new Set([1]))
  })

  it('another bridge takes the place of the first', () => {
    for (const [endpoint, n] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      bench.leg(endpoint, n)
    bridge()
    bench.order({ type: 'bridge', a: 'a', b: 'c' })
    bench.forget('a', 'b', 'c')
    bench.from('a', new RtpPhone().speech())
    expect([bench.rtp.get('b')?.length, bench.rtp.get('c')?.length]).toEqual([0, 1])
    bench.order({ type: 'unbridge', endpoint: 'c' })
    bench.from('a', new RtpPhone().speech())
    expect(bench.rtp.get('c')?.length).toBe(1)
  })

  it('video and T.38 pass as they are', () => {
    bench.leg('a', 1, { codecs: [], dtmf: null, isOpaque: true })
    bench.leg('b', 2, { codecs: [], dtmf: null, isOpaque: true })
    bridge()
    bench.from('a', Uint8Array.of(0, 1, 2))
    bench.open.get('a')?.onRtcp(Uint8Array.of(9, 9), '10.0.0.1', 4_001, bench.nowMs)
    bench.pass(3_000)
    expect(bench.rtp.get('b')).toEqual([{ bytes: Uint8Array.of(0, 1, 2), to: '10.0.0.2 4000' }])
    expect(bench.rtcp.get('b')).toEqual([{ bytes: Uint8Array.of(9, 9), to: '10.0.0.2 4001' }])
  })
})

describe('T10', () => {
  it('we send first, until the peer is heard, for two seconds at most', () => {
    bench.leg('a', 1)
    const sent = [10, 100, 100, 100, 500, 1_000, 3_000].map((ms) => {
      bench.pass(ms)
      return bench.rtp.get('a')?.length
    })
    // At once and after 100, 300, 700 and 1,500 ms.
    expect(sent).toEqual([1, 2, 2, 3, 4, 5, 5])
    bench.order({ type: 'remote', endpoint: 'a', remote: plain(1) })
    bench.forget('a')
    bench.pass(10)
    bench.from('a', new RtpPhone().speech())
    bench.pass(2_000)
    expect(bench.rtp.get('a')?.length).toBe(1)
  })

  it('a stranger is not heard, not relayed and counted; the peer behind NAT is found', () => {
    bench.leg('a', 1)
    bench.leg('b', 2)
    bridge()
    bench.forget('a', 'b')
    bench.from('a', new RtpPhone().speech(), '198.51.100.66')
    expect(bench.rtp.get('b')).toEqual([])
    bench.from('a', new RtpPhone().speech(), '192.0.2.1', 61_000)
    bench.from('b', new RtpPhone().speech())
    expect(bench.rtp.get('a')?.map(({ to }) => to)).toEqual(['192.0.2.1 61000'])
    expect(bench.close('a')?.packetsRefused).toBe(1)
  })
})

it('T10: packets on their way from the port of before a re-INVITE do not keep the sound there', () => {
  bench.leg('a', 1)
  bench.leg('b', 2)
  bridge()
  const [a, b] = [new RtpPhone(), new RtpPhone()]
  bench.talk(a, b, 5)
  bench.order({ type: 'remote', endpoint: 'a', remote: { ...plain(1), port: 6_000, rtcpPort: 6_001 } })
  bench.from('a', a.speech())
  bench.forget('a', 'b')
  bench.from('b', b.speech())
  bench.from('a', a.speech(), '10.0.0.1', 6_000)
  bench.from('b', b.speech())
  expect(bench.rtp.get('a')?.map(({ to }) => to)).toEqual(['10.0.0.1 6000', '10.0.0.1 6000'])
  expect(bench.rtp.get('b')).toHaveLength(1)
})

describe('directions', () => {
  it.each([
    ['sendonly', false, true],
    ['recvonly', true, false],
    ['inactive', false, false],
  ] as const)('%s', (direction, hears, sends) => {
    bench.leg('a', 1, { direction })
    bench.leg('b', 2)
    bridge()
    bench.forget('a', 'b')
    bench.from('a', new RtpPhone().speech())
    bench.from('b', new RtpPhone().speech())
    expect([bench.rtp.get('b')?.length === 1, bench.rtp.get('a')?.length === 1]).toEqual([hears, sends])
  })

  it('nothing goes to 0.0.0.0', () => {
    bench.leg('a', 1, { address: '0.0.0.0', direction: 'sendrecv' })
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'silence' } })
    bench.pass(30_000)
    expect([bench.rtp.get('a'), bench.rtcp.get('a')]).toEqual([[], []])
  })
})

describe('playing', () => {
  it('a tone, on the clock', () => {
    bench.leg('a', 1, { codecs: [pcmu] })
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'tone', tone: 'dial', country: 'fr' } })
    bench.pass(1_000)
    const a = new RtpPhone({ law: 'PCMU' })
    bench.listen('a', a)
    expect(a.packets.length).toBe(51)
    expect(toneShare(a.heard(), 440)).toBeGreaterThan(0.99)
    expect(a.packets.map(({ isMarked }) => isMarked).lastIndexOf(true)).toBe(0)
    bench.order({ type: 'stop', endpoint: 'a' })
    expect(bench.of('played')).toEqual([{ type: 'played', endpoint: 'a', play: 'p', reason: 'stopped' }])
  })

  it.each([10, 20, 30, 60])('packets of %d ms', (ptimeMs) => {
    bench.leg('a', 1, { ptimeMs })
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'tone', tone: 'dial', country: 'fr' } })
    bench.pass(1_200)
    const a = new RtpPhone()
    bench.listen('a', a)
    expect(a.packets.length).toBe(1_200 / ptimeMs + 1)
    expect(a.packets[0]?.bytes.length).toBe(12 + ptimeMs * 8)
  })

  it('a file to its end, one that repeats until it is stopped', () => {
    bench.files.set('/one', soundOf(sine(600, 1_640)))
    bench.leg('a', 1)
    bench.from('a', new RtpPhone().speech())
    bench.order({ type: 'play', endpoint: 'a', play: 'one', source: { type: 'file', path: '/one', repeat: false } })
    bench.pass(1_000)
    expect(bench.of('played')).toEqual([{ type: 'played', endpoint: 'a', play: 'one', reason: 'end' }])
    const a = new RtpPhone()
    bench.listen('a', a)
    expect(a.packets.length).toBe(11)
    bench.order({ type: 'play', endpoint: 'a', play: 'two', source: { type: 'file', path: '/one', repeat: true } })
    bench.pass(1_000)
    bench.listen('a', a)
    expect(toneShare(a.heard(11), 600)).toBeGreaterThan(0.9)
    expect(bench.of('played')).toHaveLength(1)
  })

  it('what cannot be played says so', () => {
    bench.leg('a', 1)
    bench.leg('b', 2, { codecs: [codec('G729', 18)] })
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'file', path: '/none', repeat: false } })
    bench.order({ type: 'play', endpoint: 'b', play: 'q', source: { type: 'tone', tone: 'busy', country: 'be' } })
    expect(bench.of('played').map(({ play, reason }) => [play, reason])).toEqual([
      ['p', 'error'],
      ['q', 'error'],
    ])
  })

  it('T22: in place of the other side, and after it the other side again, in one stream', () => {
    bench.leg('a', 1)
    bench.leg('b', 2)
    bridge()
    const [a, b] = [new RtpPhone({ hz: 440 }), new RtpPhone({ hz: 700 })]
    bench.talk(a, b, 20)
    bench.order({ type: 'play', endpoint: 'b', play: 'p', source: { type: 'tone', tone: 'dial', country: 'be' } })
    const music = b.packets.length
    bench.talk(a, b, 20)
    expect(toneShare(b.heard(music), 425)).toBeGreaterThan(0.95)
    bench.order({ type: 'stop', endpoint: 'b' })
    const after = b.packets.length
    bench.talk(a, b, 20)
    expect(toneShare(b.heard(after), 440)).toBeGreaterThan(0.95)
    const steps = b.packets.slice(1).map((one, i) => {
      const before = b.packets[i]
      return [(one.sequence - (before?.sequence ?? 0)) & 0xffff, (one.timestamp - (before?.timestamp ?? 0)) >>> 0]
    })
    expect(steps.filter(([sequence]) => sequence !== 1)).toEqual([])
    expect(steps.every(([, time = 0]) => time >= 80 && time <= 320)).toBe(true)
  })

  it('T22: what plays on after a hold is as much later as time has passed, and marked', () => {
    bench.leg('a', 1)
    bench.from('a', new RtpPhone().speech())
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'silence' } })
    bench.pass(100)
    const a = new RtpPhone()
    bench.listen('a', a)
    bench.order({ type: 'remote', endpoint: 'a', remote: { ...plain(1), direction: 'recvonly' } })
    bench.pass(30_000)
    bench.order({ type: 'remote', endpoint: 'a', remote: plain(1) })
    bench.pass(20)
    const count = a.packets.length
    bench.listen('a', a)
    const [before, after, ...more] = a.packets.slice(count - 1)
    expect((after?.timestamp ?? 0) - (before?.timestamp ?? 0)).toBeGreaterThanOrEqual(30_000 * 8)
    expect([after?.isMarked, ...more.map(({ isMarked }) => isMarked)]).toEqual([true, ...more.map(() => false)])
  })

  it('digits, one after the other, with a pause', () => {
    bench.leg('a', 1, { dtmf: codec('TELEPHONE-EVENT', 101, 96) })
    bench.from('a', new RtpPhone().speech())
    bench.forget('a')
    for (const digit of '1#') bench.order({ type: 'dtmf', endpoint: 'a', digit, durationMs: 100 })
    bench.pass(1_000)
    const a = new RtpPhone()
    bench.listen('a', a)
    expect(a.packets.map(({ payload, bytes }) => [payload, bytes[12], (bytes[13] ?? 0) >> 7])).toEqual(
      [1, 11].flatMap((event) => [0, 0, 0, 0, 1, 1, 1].map((end) => [96, event, end])),
    )
    expect(new Set(a.packets.map(({ timestamp }) => timestamp)).size).toBe(2)
  })
})

it('a description without events amid a digit ends it: the other side is heard again', () => {
  bench.leg('a', 1)
  bench.leg('b', 2)
  bridge()
  bench.order({ type: 'dtmf', endpoint: 'a', digit: '5', durationMs: 200 })
  bench.pass(60)
  bench.order({ type: 'remote', endpoint: 'a', remote: { ...plain(1), dtmf: null } })
  bench.pass(500)
  bench.forget('a')
  bench.from('b', new RtpPhone().speech())
  expect(bench.rtp.get('a')).toHaveLength(1)
})

describe('recording', () => {
  it('both sides, left and right, as long as they talked', () => {
    bench.leg('a', 1)
    bench.leg('b', 2)
    bridge()
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'both' })
    bench.talk(new RtpPhone({ hz: 440 }), new RtpPhone({ hz: 700 }), 100)
    bench.order({ type: 'record_stop', endpoint: 'a' })
    const [recorded] = bench.of('recorded')
    expect(recorded?.durationMs).toBeGreaterThanOrEqual(2_000)
    expect(recorded?.durationMs).toBeLessThan(2_200)
    const all = Int16Array.from((bench.recordings.get('/r') ?? []).flatMap((part) => [...part]))
    const side = (from: 0 | 1) => all.filter((_, i) => i % 2 === from).subarray(2_000, 12_000)
    expect(toneShare(side(0), 440)).toBeGreaterThan(0.95)
    expect(toneShare(side(1), 700)).toBeGreaterThan(0.95)
  })

  it('paused: what is said meanwhile is not there, and leaves no gap', () => {
    bench.leg('a', 1)
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'received' })
    const phone = new RtpPhone({ hz: 500 })
    bench.talk(phone, null, 50)
    bench.order({ type: 'record_pause', endpoint: 'a', isPaused: true })
    const secret = new RtpPhone({ hz: 1_500, ssrc: 500, sequence: phone.sequence, timestamp: phone.timestamp })
    bench.talk(secret, null, 100)
    bench.order({ type: 'record_pause', endpoint: 'a', isPaused: false })
    phone.sequence = secret.sequence
    phone.timestamp = secret.timestamp
    bench.talk(phone, null, 50)
    bench.close('a')
    const all = Int16Array.from((bench.recordings.get('/r') ?? []).flatMap((part) => [...part]))
    expect(bench.of('recorded')[0]?.durationMs).toBe(all.length / 8)
    expect(all.length / 8).toBeGreaterThanOrEqual(2_000)
    expect(all.length / 8).toBeLessThanOrEqual(2_200)
    for (let at = 0; at + 800 <= all.length; at += 800)
      expect(toneShare(all.subarray(at, at + 800), 1_500)).toBeLessThan(0.01)
    expect(toneShare(all.subarray(10_000, 14_000), 500)).toBeGreaterThan(0.98)
  })

  it('one that nobody ended ends with its endpoint', () => {
    bench.leg('a', 1)
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'received' })
    bench.talk(new RtpPhone({ hz: 500 }), null, 20)
    bench.close('a')
    expect(bench.of('recorded')).toHaveLength(1)
    const all = Int16Array.from((bench.recordings.get('/r') ?? []).flatMap((part) => [...part]))
    expect(loudness(all.subarray(1_000, 3_000))).toBeGreaterThan(4_000)
  })

  it('says when it could not hear', () => {
    bench.leg('a', 1, { codecs: [codec('G722', 9)] })
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'received' })
    bench.from('a', new RtpPhone().packet(9, [1, 2, 3]))
    bench.order({ type: 'record_stop', endpoint: 'a' })
    expect(bench.of('recorded')[0]?.message).toContain('codec')
  })
})

describe('T27', () => {
  it('60 s of neither RTP nor RTCP, and again after 60 more', () => {
    bench.leg('a', 1)
    bench.pass(59_000)
    bench.from('a', new RtpPhone().speech())
    bench.pass(59_000)
    expect(bench.of('timeout')).toEqual([])
    bench.pass(3_000)
    expect(bench.of('timeout')).toHaveLength(1)
    bench.pass(61_000)
    expect(bench.of('timeout')).toHaveLength(2)
  })

  it('RTCP alone keeps it', () => {
    bench.leg('a', 1)
    bench.from('a', new RtpPhone().speech())
    for (let i = 0; i < 10; i++) {
      bench.pass(20_000)
      bench.open.get('a')?.onRtcp(Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7]), '10.0.0.1', 4_001, bench.nowMs)
    }
    expect(bench.of('timeout')).toEqual([])
  })

  it.each(['sendonly', 'recvonly', 'inactive'] as const)('not while it is %s', (direction) => {
    bench.leg('a', 1, { direction })
    bench.pass(200_000)
    expect(bench.of('timeout')).toEqual([])
  })
})

describe('RTCP and quality', () => {
  it('two workers that report to each other know the round trip and the loss', () => {
    const other = new Bench()
    bench.leg('a', 1)
    other.leg('a', 1)
    for (const side of [bench, other]) {
      side.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'tone', tone: 'dial', country: 'be' } })
    }
    const [ours, theirs] = [bench.rtp.get('a') ?? [], other.rtp.get('a') ?? []]
    const [oursControl, theirsControl] = [bench.rtcp.get('a') ?? [], other.rtcp.get('a') ?? []]
    for (let i = 0; i < 2_000; i++) {
      // 40 ms each way.
      const [late, lateControl] = [ours.splice(0), oursControl.splice(0)]
      const [back, backControl] = [theirs.splice(0), theirsControl.splice(0)]
      bench.pass(40)
      other.pass(40)
      late.forEach(({ bytes }, k) => {
        if ((i * 2 + k) % 20 !== 0) other.from('a', bytes)
      })
      for (const { bytes } of back) bench.from('a', bytes)
      for (const { bytes } of lateControl) other.open.get('a')?.onRtcp(bytes, '10.0.0.1', 4_001, other.nowMs)
      for (const { bytes } of backControl) bench.open.get('a')?.onRtcp(bytes, '10.0.0.1', 4_001, bench.nowMs)
    }
    const [here, there] = [bench.close('a'), other.close('a')]
    expect(here?.rttMs).toBeGreaterThan(39)
    expect(here?.rttMs).toBeLessThan(125)
    expect(here?.peerLossRatio).toBeCloseTo(0.05, 1)
    expect(there?.lossRatio).toBeCloseTo(0.05, 2)
    expect(here?.lossRatio).toBe(0)
    expect(here?.mos).toBeGreaterThan(there?.mos ?? 5)
    expect(here).toMatchObject({ codec: 'PCMA', packetsRefused: 0 })
  })

  it('a compound is one that everybody reads', () => {
    bench.leg('a', 1)
    bench.talk(new RtpPhone(), null, 1)
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'silence' } })
    bench.pass(10_000)
    const compound = bench.rtcp.get('a')?.[0]?.bytes ?? new Uint8Array(0)
    const types: number[] = []
    for (let at = 0; at < compound.length; at += 4 + 4 * (((compound[at + 2] ?? 0) << 8) | (compound[at + 3] ?? 0))) {
      types.push(compound[at + 1] ?? 0)
    }
    expect(types).toEqual([200, 202])
    expect(new TextDecoder().decode(compound)).toContain('carillon')
  })
})

describe('SRTP', () => {
  const suite = 'AES_CM_128_HMAC_SHA1_80'
  const [theirs, ours] = ['A'.repeat(40), 'B'.repeat(40)]
  const srtp = { suite, receive: theirs, send: ours } as const

  it('one leg in secret, the other plain', () => {
    bench.leg('a', 1, { srtp })
    bench.leg('b', 2)
    bridge()
    bench.forget('a', 'b')
    const [a, b] = [new RtpPhone({ hz: 440 }), new RtpPhone({ hz: 700 })]
    const [sender, receiver] = [new SrtpSender(aes, suite, theirs), new SrtpReceiver(aes, suite, ours)]
    for (let i = 0; i < 50; i++) {
      const secret = new Uint8Array(200)
      secret.set(a.speech())
      bench.from('a', secret.subarray(0, sender.protect(secret, 172)))
      bench.from('b', b.speech())
      bench.pass(20)
    }
    bench.listen('b', b)
    expect(toneShare(b.heard(), 440)).toBeGreaterThan(0.99)
    for (const { bytes } of bench.rtp.get('a') ?? []) a.hear(bytes.subarray(0, receiver.unprotect(bytes)))
    expect(a.packets.length).toBe(50)
    expect(toneShare(a.heard(), 700)).toBeGreaterThan(0.99)
  })

  it('T10: plain RTP from the right address is not heard, nor latched to', () => {
    bench.leg('a', 1, { srtp })
    bench.leg('b', 2)
    bridge()
    bench.forget('b')
    bench.from('a', new RtpPhone().speech(), '192.0.2.1', 9_000)
    expect(bench.rtp.get('b')).toEqual([])
    expect(bench.open.get('a')?.latch.isLatched).toBe(false)
  })
})
