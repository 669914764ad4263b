import { describe, expect, it } from 'vitest'
import { Bench } from '../testing/bench.ts'
import { NonInviteClientTransaction } from './non-invite-client-transaction.ts'
import { NonInviteServerTransaction } from './non-invite-server-transaction.ts'
import { defaultTimers } from './timers.ts'

const response = (status: number) => ({ type: 'response', status }) as const
const respond = (status: number) => ({ type: 'respond', status, bytes: Uint8Array.of(status & 0xff) }) as const

describe('RFC 3261 §17.1.2 non-INVITE client transaction', () => {
  const start = (isReliable = false) => {
    const tx = new NonInviteClientTransaction(0, { isReliable, timers: defaultTimers })
    return { tx, bench: new Bench(tx, { type: 'wake' }) }
  }
  const sentAt = (bench: ReturnType<typeof start>['bench']) =>
    bench.log.filter((l) => l.output.type === 'send').map((l) => l.at)

  it('Timer E doubles up to T2; Timer F ends it after 64*T1', () => {
    const { bench } = start()
    bench.advance(60_000)
    expect(sentAt(bench)).toEqual([0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
    expect(bench.log.at(-1)).toEqual({ at: 32000, output: { type: 'terminated', reason: 'timeout' } })
  })
  it('repeats every T2 after a provisional response, and Timer F still ends it', () => {
    const { bench } = start()
    bench.advance(100)
    expect(bench.input(response(100))).toEqual([{ type: 'response' }])
    bench.advance(60_000)
    expect(sentAt(bench).slice(0, 4)).toEqual([0, 500, 4500, 8500])
    expect(bench.log.at(-1)).toEqual({ at: 32000, output: { type: 'terminated', reason: 'timeout' } })
  })
  it('never repeats on a reliable transport, and Timer K is zero', () => {
    const { tx, bench } = start(true)
    bench.advance(31_999)
    expect(sentAt(bench)).toEqual([0])
    expect(bench.input(response(200)).map((output) => output.type)).toEqual(['response', 'terminated'])
    expect(tx.state).toBe('terminated')
  })
  it('Timer K: absorbs repeated final responses for T4', () => {
    const { tx, bench } = start()
    bench.input(response(401))
    expect(bench.input(response(401))).toEqual([])
    bench.advance(4_999)
    expect(tx.state).toBe('completed')
    bench.advance(1)
    expect(tx.state).toBe('terminated')
  })
  it('§17.1.4: an error of the transport ends it', () => {
    const { bench } = start()
    expect(bench.input({ type: 'transport_error' })).toEqual([{ type: 'terminated', reason: 'transport_error' }])
    bench.advance(60_000)
    expect(sentAt(bench)).toEqual([0])
  })
})

describe('RFC 3261 §17.2.2 non-INVITE server transaction', () => {
  const start = (isReliable = false) => {
    const tx = new NonInviteServerTransaction({ isReliable, timers: defaultTimers })
    return { tx, bench: new Bench(tx, { type: 'wake' }) }
  }

  it('is silent to repeated requests until there is a response, then repeats that', () => {
    const { bench } = start()
    expect(bench.input({ type: 'request' })).toEqual([])
    const trying = respond(100)
    bench.input(trying)
    expect(bench.input({ type: 'request' })).toEqual([{ type: 'send', bytes: trying.bytes }])
    const ok = respond(200)
    bench.input(ok)
    expect(bench.input({ type: 'request' })).toEqual([{ type: 'send', bytes: ok.bytes }])
  })
  it('discards a second final response', () => {
    const { bench } = start()
    bench.input(respond(200))
    expect(bench.input(respond(500))).toEqual([])
  })
  it('Timer J: ends after 64*T1, at once on a reliable transport', () => {
    const unreliable = start()
    unreliable.bench.input(respond(200))
    unreliable.bench.advance(31_999)
    expect(unreliable.tx.state).toBe('completed')
    unreliable.bench.advance(1)
    expect(unreliable.tx.state).toBe('terminated')
    const reliable = start(true)
    reliable.bench.input(respond(200))
    expect(reliable.tx.state).toBe('terminated')
  })
  it('§17.2.4: an error of the transport ends it', () => {
    const { bench } = start()
    bench.input(respond(200))
    expect(bench.input({ type: 'transport_error' })).toEqual([{ type: 'terminated', reason: 'transport_error' }])
  })
})
