import { describe, expect, it } from 'vitest'
import { Bench } from '../testing/bench.ts'
import { InviteClientTransaction } from './invite-client-transaction.ts'
import { defaultTimers } from './timers.ts'

const response = (status: number) => ({ type: 'response', status }) as const
const start = (isReliable = false) => {
  const tx = new InviteClientTransaction(0, { isReliable, timers: defaultTimers })
  return { tx, bench: new Bench(tx, { type: 'wake' }) }
}
const sentAt = (bench: ReturnType<typeof start>['bench']) =>
  bench.log.filter((l) => l.output.type === 'send').map((l) => l.at)

describe('RFC 3261 §17.1.1 INVITE client transaction', () => {
  it('Timer A doubles without limit; Timer B ends it after 64*T1', () => {
    const { tx, bench } = start()
    bench.advance(60_000)
    expect(sentAt(bench)).toEqual([0, 500, 1500, 3500, 7500, 15500, 31500])
    expect(bench.log.at(-1)).toEqual({ at: 32000, output: { type: 'terminated', reason: 'timeout' } })
    expect(tx.state).toBe('terminated')
  })
  it('does not repeat on a reliable transport, and still gives up by Timer B', () => {
    const { bench } = start(true)
    bench.advance(60_000)
    expect(sentAt(bench)).toEqual([0])
    expect(bench.log.at(-1)?.at).toBe(32000)
  })
  it('a provisional response stops retransmissions and the timeout, and each one is handed up', () => {
    const { tx, bench } = start()
    expect(bench.input(response(100))).toEqual([{ type: 'response' }])
    expect(bench.input(response(180))).toEqual([{ type: 'response' }])
    bench.advance(3_600_000)
    expect(sentAt(bench)).toEqual([0])
    expect(tx.state).toBe('proceeding')
  })
  it('acknowledges a final error before it is handed up, and again when it is repeated; Timer D', () => {
    const { tx, bench } = start()
    bench.input(response(100))
    expect(bench.input(response(486))).toEqual([{ type: 'ack' }, { type: 'response' }])
    expect(bench.input(response(486))).toEqual([{ type: 'ack' }])
    expect(bench.input(response(180))).toEqual([])
    bench.advance(31_999)
    expect(tx.state).toBe('completed')
    bench.advance(1)
    expect(tx.state).toBe('terminated')
  })
  it('Timer D is zero on a reliable transport', () => {
    const { tx, bench } = start(true)
    expect(bench.input(response(404)).map((output) => output.type)).toEqual(['ack', 'response', 'terminated'])
    expect(tx.state).toBe('terminated')
  })
  it('§17.1.4: an error of the transport ends it, also while it waits in Completed', () => {
    const calling = start()
    expect(calling.bench.input({ type: 'transport_error' })).toEqual([
      { type: 'terminated', reason: 'transport_error' },
    ])
    const completed = start()
    completed.bench.input(response(500))
    completed.bench.input({ type: 'transport_error' })
    expect(completed.tx.state).toBe('terminated')
  })
  it('hands up a 2xx that comes after an error, so that its branch can be ended (T24)', () => {
    const { bench } = start()
    bench.input(response(486))
    expect(bench.input(response(200))).toEqual([{ type: 'response' }])
  })
})

describe('RFC 3261 §9.1 CANCEL', () => {
  it('waits for a provisional response, and is sent once', () => {
    const { bench } = start()
    expect(bench.input({ type: 'cancel' })).toEqual([])
    expect(bench.input(response(100))).toEqual([{ type: 'response' }, { type: 'cancel' }])
    expect(bench.input(response(180))).toEqual([{ type: 'response' }])
    expect(bench.input({ type: 'cancel' })).toEqual([])
  })
  it('is never sent when a final response comes first', () => {
    const { bench } = start()
    bench.input({ type: 'cancel' })
    expect(bench.input(response(200))).toEqual([{ type: 'response' }])
    expect(bench.input({ type: 'cancel' })).toEqual([])
  })
  it('gives up what nobody ends within 64*T1', () => {
    const { bench } = start()
    bench.input(response(180))
    bench.advance(1_000)
    expect(bench.input({ type: 'cancel' })).toEqual([{ type: 'cancel' }])
    bench.input(response(180))
    bench.advance(60_000)
    expect(bench.log.at(-1)).toEqual({ at: 33_000, output: { type: 'terminated', reason: 'timeout' } })
  })
})

describe('RFC 6026 §7.2 Accepted', () => {
  it('hands up every 2xx and nothing else until Timer M', () => {
    const { tx, bench } = start()
    expect(bench.input(response(200))).toEqual([{ type: 'response' }])
    expect(bench.input(response(200))).toEqual([{ type: 'response' }])
    expect(bench.input(response(180))).toEqual([])
    expect(bench.input(response(486))).toEqual([])
    expect(bench.input({ type: 'transport_error' })).toEqual([])
    bench.advance(31_999)
    expect(tx.state).toBe('accepted')
    bench.advance(1)
    expect(tx.state).toBe('terminated')
    expect(sentAt(bench)).toEqual([0])
  })
})
