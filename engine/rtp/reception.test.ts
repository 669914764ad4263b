import { describe, expect, it } from 'vitest'
import { Reception } from './reception.ts'

function hear(reception: Reception, sequences: readonly number[], delay: (i: number) => number = () => 0): void {
  sequences.forEach((sequence, i) => {
    reception.onPacket(7, sequence & 0xffff, sequence * 160, 8_000, sequence * 20 + delay(i))
  })
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('RFC 3550 A.3', () => {
  it('loss is what is missing between the first and the highest, over the wrap', () => {
    const reception = new Reception()
    hear(
      reception,
      range(65_500, 65_600).filter((sequence) => sequence % 10 !== 0),
    )
    expect([reception.expected, reception.packets, reception.lost]).toEqual([99, 90, 9])
  })

  it('the fraction is of what came since the last report', () => {
    const reception = new Reception()
    expect(reception.report(0)).toBeNull()
    hear(
      reception,
      range(1, 102).filter((sequence) => sequence % 4 !== 0),
    )
    expect(reception.report(0)?.fraction).toBe(Math.floor((25 * 256) / 101))
    hear(reception, range(102, 201))
    expect(reception.report(0)).toMatchObject({ fraction: 0, lost: 25, highest: 200, ssrc: 7 })
  })

  it('late and doubled packets lose nothing', () => {
    const reception = new Reception()
    hear(reception, [10, 12, 11, 13, 13, 14])
    expect(reception.lost).toBe(0)
  })

  it('another stream begins anew, and what was lost before stays', () => {
    const reception = new Reception()
    hear(reception, [1, 2, 4])
    reception.onPacket(8, 40_000, 0, 8_000, 100)
    reception.onPacket(8, 40_002, 320, 8_000, 140)
    expect([reception.expected, reception.lost]).toEqual([7, 2])
    hear(reception, [10])
    hear(reception, [20_000])
    expect(reception.lost).toBe(2)
  })
})

describe('RFC 3550 A.8', () => {
  it('even packets have no jitter', () => {
    const reception = new Reception()
    hear(reception, range(0, 200), () => 37)
    expect(reception.jitterMs).toBe(0)
  })

  it('packets that come 10 ms early and late in turn have 10 ms of it', () => {
    const reception = new Reception()
    hear(reception, range(0, 400), (i) => (i % 2) * 10)
    expect(reception.jitterMs).toBeCloseTo(10, 0)
    expect(reception.report(0)?.jitter).toBeCloseTo(80, -1)
  })
})

it('a sender that goes on from another timestamp, in one stream, has no jitter of it', () => {
  const reception = new Reception()
  for (let i = 0; i < 100; i++) {
    reception.onPacket(7, i, ((i < 50 ? 0 : 2_000_000_000) + i * 160) >>> 0, 8_000, i * 20)
  }
  expect(reception.jitterMs).toBe(0)
})

it('a sender report comes back as LSR and DLSR', () => {
  const reception = new Reception()
  hear(reception, [1])
  reception.onSenderReport(7, 0x1234_5678, 0x9abc_def0, 1_000)
  reception.onSenderReport(99, 1, 1, 1_100)
  expect(reception.report(1_500)).toMatchObject({ lsr: 0x5678_9abc, dlsr: 32_768 })
})
