import { describe, expect, it } from 'vitest'
import { type Digit, eventOf, EventReceiver, EventSender } from './telephone-event.ts'

interface Packet {
  readonly event: number
  readonly duration: number
  readonly isEnd?: boolean
  readonly timestamp: number
}
function digits(packets: readonly Packet[], receiver = new EventReceiver(8_000)): Digit[] {
  return packets
    .map(({ event, duration, isEnd, timestamp }, i) => {
      const bytes = Uint8Array.of(event, isEnd ? 0x8a : 0x0a, duration >> 8, duration & 0xff)
      return receiver.onPacket(bytes, 0, 4, timestamp, i * 20)
    })
    .filter((digit) => digit !== null)
}
const press = (event: number, timestamp: number, ends = 3): Packet[] => [
  ...[160, 320, 480].map((duration) => ({ event, duration, timestamp })),
  ...Array.from({ length: ends }, () => ({ event, duration: 640, isEnd: true, timestamp })),
]

describe('T23: RFC 4733, received', () => {
  it('three end packets are one digit', () => {
    expect(digits(press(5, 1_000))).toEqual([{ digit: '5', durationMs: 80 }])
  })

  it('the same key twice is two digits, each key has its name', () => {
    const keys = Array.from({ length: 16 }, (_, event) => press(event, 1_000 + event * 2_000))
    const twice = press(11, 50_000)
    expect(digits([...keys.flat(), ...twice]).map(({ digit }) => digit)).toEqual([...'0123456789*#ABCD', '#'])
  })

  it('an end that was lost is told by the next digit, or by silence', () => {
    const receiver = new EventReceiver(8_000)
    expect(digits([...press(1, 1_000, 0), ...press(2, 5_000, 0)], receiver)).toEqual([{ digit: '1', durationMs: 60 }])
    expect(receiver.onSilence(200)).toBeNull()
    expect(receiver.onSilence(400)).toEqual({ digit: '2', durationMs: 60 })
    expect(receiver.onSilence(900)).toBeNull()
  })

  it('only the ends arrive', () => {
    expect(digits(press(7, 1_000).slice(4))).toEqual([{ digit: '7', durationMs: 80 }])
  })

  it('late packets of an earlier digit are nothing, also over the wrap of the timestamp', () => {
    const first = press(1, 0xffff_ff00)
    expect(digits([...first, ...press(2, 0x100), ...first]).map(({ digit }) => digit)).toEqual(['1', '2'])
  })

  it('a stream that began again at any timestamp is heard, and an end that was lost before it is told', () => {
    const again = [...press(1, 3_000_000_000), ...press(2, 1_000_000_000), ...press(3, 2_000_000_000, 0)]
    expect(digits([...again, ...press(4, 7)]).map(({ digit }) => digit)).toEqual(['1', '2', '3', '4'])
  })

  it('an event longer than its duration can say is one (§2.5.1.3)', () => {
    const parts: Packet[] = [
      { event: 3, duration: 0xffff, timestamp: 0 },
      { event: 3, duration: 800, timestamp: 0xffff },
      { event: 3, duration: 1_600, isEnd: true, timestamp: 0xffff },
    ]
    expect(digits(parts)).toEqual([{ digit: '3', durationMs: 8_392 }])
    const [, ...rest] = parts
    const lossy = [{ event: 3, duration: 0xff00, timestamp: 0 }, ...rest]
    expect(digits(lossy)).toEqual([{ digit: '3', durationMs: 8_392 }])
  })

  it('on a clock of 48 kHz', () => {
    const packets = [{ event: 4, duration: 4_800, isEnd: true, timestamp: 0 }]
    expect(digits(packets, new EventReceiver(48_000))).toEqual([{ digit: '4', durationMs: 100 }])
  })

  it('other events and cut packets are nothing', () => {
    expect(digits(press(32, 0))).toEqual([])
    expect(new EventReceiver(8_000).onPacket(Uint8Array.of(1, 0x80), 0, 2, 0, 0)).toBeNull()
  })
})

it('RFC 4733, sent: what is received again', () => {
  const sender = new EventSender(eventOf('#'), 110, { timestamp: 900, clockRate: 8_000, ptimeMs: 20 })
  const receiver = new EventReceiver(8_000)
  const seen: (Digit | null)[] = []
  const durations: number[] = []
  const bytes = new Uint8Array(4)
  while (!sender.isDone) {
    sender.write(bytes, 0)
    durations.push(((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0))
    seen.push(receiver.onPacket(bytes, 0, 4, sender.timestamp, 0))
  }
  expect(durations).toEqual([160, 320, 480, 640, 800, 880, 880, 880])
  expect(seen.filter(Boolean)).toEqual([{ digit: '#', durationMs: 110 }])
  expect([eventOf('x'), eventOf(''), eventOf('12')]).toEqual([-1, -1, -1])
})
