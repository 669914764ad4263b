/** The calls of a process that died, taken up by the next one from the rows that it wrote (T3, T5). */
import pg from 'pg'
import { afterAll, afterEach, expect, it } from 'vitest'
import { pino } from 'pino'
import type { LegId } from '../engine/call/leg.ts'
import type { CallSnapshot } from '../engine/call/snapshot.ts'
import type { MediaOrder } from '../engine/rtp/messages.ts'
import { CallWorld } from '../engine/testing/call-world.ts'
import type { UsageSnapshot } from '../engine/sip/invite-usage.ts'
import { twoNodes } from '../engine/testing/sip-call.ts'
import { aRequest } from '../engine/testing/sip-text.ts'
import type { CallRow } from '../server/store/call-batch.ts'
import { CallBook } from '../server/voice/call-book.ts'
import { Exchange } from '../server/voice/exchange.ts'
import { resumeCalls } from '../server/voice/restart.ts'
import { openBatches } from './call-batches.ts'
import { testDatabase } from './database.ts'

const { database, connection } = await testDatabase()
const node = 'voice-test'
const client = new pg.Client(connection)
await client.connect()
const calls = await openBatches(client)
afterAll(() => client.end())
const exchanges: Exchange[] = []
afterEach(async () => {
  for (const exchange of exchanges.splice(0)) exchange.stop()
  await database.deleteFrom('calls').execute()
})
let batches = 0
const phone = { transport: 'udp', address: '192.0.2.7', port: 5_060, flow: null } as const
const idOf = (digit: string) => `call_${digit.repeat(24)}`
const ids = { from: idOf('1'), to: idOf('2'), unreadable: idOf('3') }

const newBook = () =>
  new CallBook({ node, ladders: { take: () => ({ messages: '[]', room: 10 }), rest: () => null }, isGone: () => true })

/** Bob handed Alice on to Carol, and the process died before the media of his own call had closed. */
function handedOn() {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  const answered = (caller: string, number: string, callee: string) => {
    const leg = world.call(caller, number)
    const called = world.dialled(callee)
    world.answers(called)
    world.acks(leg)
    return [leg, called] as const
  }
  const [alice, bob] = answered('alice-phone', '1002', 'bob-phone')
  const [second, carol] = answered('bob-phone', '1003', 'carol-phone')
  const first = world.calls.callOf(alice)?.id
  world.isMediaStuck = true
  world.dialogs.set('second', second)
  world.refers(bob, '1003', { callId: 'second', toTag: 'a', fromTag: 'b', isEarlyOnly: false })
  const book = newBook()
  for (const record of world.records) book.add(record)
  const taken = (book.take()?.calls ?? []).map(withDialogs)
  // The table wants ids as they are outside of tests.
  const text = JSON.stringify(taken).replace(/call-?\d+(?=\\?")/g, (id) => ids[id === first ? 'from' : 'to'])
  const rows: CallRow[] = JSON.parse(text)
  return { alice, bob, second, carol, rows }
}

/** Dialogs that the SIP layer can take up. */
function withDialogs(row: CallRow): CallRow {
  if (row.snapshot === null) return row
  const { world, alice, bob } = twoNodes()
  alice.dial('sip:bob@192.0.2.2')
  world.run(1_000)
  const { dialog, ...more } = bob.last('confirmed').dialog as UsageSnapshot
  const kept: CallSnapshot = JSON.parse(row.snapshot)
  const legs = kept.legs.map((leg) => {
    const names = { callId: `callid-${leg.facts.id}`, localTag: `tag-${leg.facts.id}` }
    return { ...leg, dialog: { ...more, dialog: { ...dialog, ...names } } }
  })
  return { ...row, snapshot: JSON.stringify({ ...kept, legs }) }
}

/** The next process. */
async function start(rows: readonly CallRow[]) {
  batches += 1
  await calls.write({ node, number: batches, calls: rows, legs: [], traces: [], events: [] })
  const book = newBook()
  const requests: string[] = []
  const orders: MediaOrder[] = []
  const host = CallWorld.withAliceAndBob('b').calls.host
  const exchange = new Exchange({
    send: (_hop, bytes) => void requests.push(Buffer.from(bytes).toString()),
    local: () => ({ host: '192.0.2.1', port: 5_060 }),
    legs: {
      agent: 'test',
      locate: (now, _uri, done) => done(now, [phone]),
      flow: () => null,
      authorize: () => null,
      onRequest: () => {},
    },
    host,
    order: (order) => void orders.push(order),
    book,
    writer: { poke: () => {}, whenFlushed: (then: () => void) => then() } as never,
    lineChanged: () => {},
    closed: () => {},
    openFailed: () => {},
    phonesChanged: () => {},
  })
  exchanges.push(exchange)
  const log = pino({ level: 'silent' })
  const directories = { trunk: () => undefined }
  const counts = await resumeCalls({ database, node, exchange, book, directories, log })
  const hungUp = (leg: LegId) => requests.some((one) => one.startsWith('BYE ') && one.includes(`callid-${leg}`))
  /** The answer to a BYE in a dialog that this process has not. */
  const byeOf = (callId: string) => {
    exchange.receive(aRequest('BYE', { callId, toTag: 'gone', branch: `z9hG4bK${callId}` }), phone)
    return requests.find((one) => one.includes(`Call-ID: ${callId}\r\n`))?.split(' ', 2)[1]
  }
  return { counts, book, exchange, orders, hungUp, byeOf, written: book.take() }
}

it('T5: whoever was handed on in the last that was written goes on in the call where it went, and the other one ends', async () => {
  const { alice, bob, second, carol, rows } = handedOn()
  expect(rows.every(({ snapshot }) => snapshot?.includes(alice))).toBe(true)
  const { counts, book, exchange, orders, hungUp } = await start(rows)
  expect(counts).toEqual({ resumed: 2, lost: 0 })
  expect([alice, carol].map((leg) => exchange.calls.callOf(leg)?.id)).toEqual([ids.to, ids.to])
  expect([alice, bob, second, carol].map(hungUp)).toEqual([false, true, true, false])
  expect(orders.filter((order) => order.type === 'open' && order.endpoint === alice)).toHaveLength(1)
  const closed = orders.flatMap((order) => (order.type === 'close' ? [order.endpoint] : []))
  expect(closed).not.toContain(alice)
  // As it was written that it ended, not as the next process found it.
  for (const endpoint of closed) exchange.report({ type: 'closed', endpoint, quality: null })
  const { by, at } = JSON.parse(rows.find(({ id }) => id === ids.from)?.ending ?? '')
  expect(book.take()?.calls.find(({ id }) => id === ids.from)).toMatchObject({
    ended_by: by,
    ended_at: new Date(at).toISOString(),
  })
})

it('T5: a call that cannot be taken up ends, with its legs, and the others go on', async () => {
  const { alice, bob, rows } = handedOn()
  const spoilt = rows.map((row) => {
    if (row.id !== ids.from) return row
    return { ...row, snapshot: row.snapshot?.replace('"ledger":{', '"ledger":null,"was":{') ?? null }
  })
  const third = { ...spoilt[0], id: ids.unreadable, snapshot: '{"version":1,"legs":[null]}' } as CallRow
  const { counts, exchange, hungUp, written } = await start([...spoilt, third])
  expect(counts).toEqual({ resumed: 1, lost: 2 })
  expect(exchange.calls.callOf(alice)?.id).toBe(ids.to)
  expect(hungUp(bob)).toBe(true)
  const lost = written?.calls.filter(({ ended_by: by }) => by === 'system_restart').map(({ id }) => id)
  expect(lost?.sort()).toEqual([ids.from, ids.unreadable].sort())
})

it('T5: who ended a call just before the process died, and heard nothing of it, has the 200 of the next one', async () => {
  const [row] = handedOn().rows
  const over = (digit: string, secondsAgo: number, more: Partial<CallRow> = {}): CallRow => ({
    ...(row as CallRow),
    ...{ id: idOf(digit), snapshot: null, ending: null, state: null, live_legs: null, hangup_cause: 'ANSWERED' },
    ended_at: new Date(Date.now() - secondsAgo * 1_000).toISOString(),
    caller_call_id: `caller-${digit}`,
    callee_call_id: `callee-${digit}`,
    ...more,
  })
  const rows = [over('4', 5), over('5', 40), over('6', 5, { node: 'another' }), over('7', 5, { callee_call_id: null })]
  const { counts, byeOf } = await start(rows)
  expect(counts).toEqual({ resumed: 0, lost: 0 })
  expect(['caller-4', 'callee-4', 'caller-7'].map(byeOf)).toEqual(['200', '200', '200'])
  expect(['caller-5', 'caller-6', 'null', 'nobody'].map(byeOf)).toEqual(['481', '481', '481', '481'])
})

it('T31: what was spent outside in the last hour is spent after a restart too', async () => {
  const [row] = handedOn().rows
  const spent = async (digit: string, minutesAgo: number, minutes: number | null, more: Partial<CallRow> = {}) => {
    const endedAt = new Date(Date.now() - minutesAgo * 60_000)
    const leg = {
      id: `leg_${digit.repeat(24)}`,
      callId: idOf(digit),
      accountId: row?.account_id ?? '',
      role: 'callee',
    } as const
    const billingSeconds = minutes === null ? 0 : minutes * 60
    await database
      .insertInto('callLegs')
      .values({ ...leg, number: '+3225550100', startedAt: endedAt, endedAt, billingSeconds })
      .execute()
    const isOver = { snapshot: null, ending: null, state: null, live_legs: null, hangup_cause: 'ANSWERED' } as const
    return { ...(row as CallRow), ...isOver, id: idOf(digit), ended_at: endedAt.toISOString(), ...more }
  }
  const rows = await Promise.all([
    spent('4', 5, 20),
    spent('5', 50, 300),
    spent('6', 5, null),
    spent('7', 5, 7, { node: 'another' }),
    spent('8', 80, 9),
    spent('9', 1, 3),
  ])
  const { exchange } = await start(rows)
  expect(exchange.calls.limits.spentMs(row?.account_id ?? '', Date.now())).toBe(83 * 60_000)
})
