import { describe, expect, it } from 'vitest'
import { ArrivalLog } from './arrival-log.ts'

interface Told {
  readonly base: number
  readonly count: number
  /** Of each number told, by the draft's statuses and deltas: milliseconds after the first told, or null. */
  readonly arrivedMs: (number | null)[]
}

/** Reads feedback by the draft, in its one form that is written: two-bit vectors. */
function readFeedback(bytes: Uint8Array): Told {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  expect([bytes[0], bytes[1]]).toEqual([0x8f, 205])
  expect(view.getUint16(2)).toBe(bytes.length / 4 - 1)
  const [base, statuses] = [view.getUint16(12), view.getUint16(14)]
  let timeUs = (view.getUint32(16) >>> 8) * 64_000
  let at = 20 + Math.ceil(statuses / 7) * 2
  const arrivedMs: (number | null)[] = []
  for (let i = 0; i < statuses; i++) {
    const chunk = view.getUint16(20 + Math.floor(i / 7) * 2)
    expect(chunk >> 14).toBe(3)
    const status = (chunk >> (12 - 2 * (i % 7))) & 3
    if (status === 0) arrivedMs.push(null)
    else {
      timeUs += (status === 1 ? view.getUint8(at) : view.getInt16(at)) * 250
      at += status
      arrivedMs.push(timeUs / 1000)
    }
  }
  expect(bytes.length - at).toBeLessThan(4)
  return { base, count: bytes[19] ?? -1, arrivedMs }
}

function take(log: ArrivalLog): Told | null {
  const bytes = new Uint8Array(1500)
  const length = log.write(bytes, 1, 7)
  return length === 0 ? null : readFeedback(bytes.slice(0, length))
}

const logOf = (...arrivals: readonly (readonly [sequence: number, ms: number])[]) => {
  const log = new ArrivalLog()
  for (const [sequence, ms] of arrivals) log.onPacket(sequence, ms * 1000)
  return log
}

describe('draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1', () => {
  it('tells each packet once, to a quarter of a millisecond', () => {
    const log = logOf([100, 1_000], [101, 1_005.25], [102, 1_020])
    expect(take(log)).toEqual({ base: 100, count: 0, arrivedMs: [1_000, 1_005.25, 1_020] })
    expect(log.hasNews).toBe(false)
    expect(take(log)).toBeNull()
  })

  it('counts its feedbacks, so that a lost one is noticed', () => {
    const log = logOf([1, 10])
    expect(take(log)?.count).toBe(0)
    log.onPacket(2, 20_000)
    expect(take(log)?.count).toBe(1)
  })

  it('tells losses between packets', () => {
    expect(take(logOf([10, 1_000], [13, 1_003]))?.arrivedMs).toEqual([1_000, null, null, 1_003])
  })

  it('tells losses that lie before the first packet since the last feedback', () => {
    const log = logOf([10, 1_000])
    take(log)
    log.onPacket(13, 1_050_000)
    expect(take(log)).toMatchObject({ base: 11, arrivedMs: [null, null, 1_050] })
  })

  it('a packet that overtook another is told with a negative delta', () => {
    expect(take(logOf([10, 1_000], [12, 1_010], [11, 1_030], [13, 1_031]))?.arrivedMs).toEqual([
      ...[1_000, 1_030, 1_010, 1_031],
    ])
  })

  it('a packet older than what was told is not told again', () => {
    const log = logOf([10, 1_000], [12, 1_010])
    take(log)
    log.onPacket(11, 1_020_000)
    expect(log.hasNews).toBe(false)
  })

  it('counts on over the wrap of the number', () => {
    expect(take(logOf([65_534, 1_000], [65_535, 1_001], [1, 1_003]))).toMatchObject({
      base: 65_534,
      arrivedMs: [1_000, 1_001, null, 1_003],
    })
  })

  it('counts on over the wrap of the reference time', () => {
    const wrapMs = 64 * 2 ** 24
    expect(take(logOf([1, wrapMs + 10], [2, wrapMs + 20]))?.arrivedMs).toEqual([10, 20])
  })

  it('a pause of seconds is one large delta', () => {
    expect(take(logOf([1, 1_000], [2, 6_000]))?.arrivedMs).toEqual([1_000, 6_000])
  })

  it('many packets are told in several feedbacks, none lost and each of them fits a datagram', () => {
    const log = new ArrivalLog()
    for (let i = 0; i < 1_000; i++) log.onPacket((65_000 + i) & 0xffff, 1_000_000 + i * 100_000)
    const told: Told[] = []
    for (let next = take(log); next; next = take(log)) told.push(next)
    expect(told.flatMap(({ arrivedMs }) => arrivedMs).filter((ms) => ms !== null).length).toBe(1_000)
    expect(told.length).toBeGreaterThan(1)
  })

  it.each([
    ['forwards', 30_000],
    ['backwards', -20_000],
  ])('a sender that jumped %s is told anew from there', (_name, jump) => {
    const log = logOf([25_000, 1_000])
    take(log)
    for (let i = 0; i < 5; i++) log.onPacket(25_000 + jump + i, 2_000_000 + i * 1_000)
    expect(take(log)).toMatchObject({ base: 25_000 + jump, arrivedMs: [2_000, 2_001, 2_002, 2_003, 2_004] })
    log.onPacket(25_000 + jump + 5, 2_010_000)
    expect(take(log)).toMatchObject({ base: 25_000 + jump + 5, arrivedMs: [2_010] })
  })
})
