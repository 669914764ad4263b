/** What the voice process writes in one statement (T1, T3), against a real database. */
import { afterAll, describe, expect, it } from 'vitest'
import { toInboxRow } from '../server/events/inbox.ts'
import { type CallBatch, type CallRow, touchCalls } from '../server/store/call-batch.ts'
import { beginSession, makeSession } from '../server/store/session.ts'
import { openBatches } from './call-batches.ts'
import { testDatabase } from './database.ts'

const { database, connection } = await testDatabase()
const client = makeSession(connection)
await beginSession(client)
const batches = await openBatches(client)
afterAll(() => client.end())

let number = 0
const write = (part: Partial<CallBatch>) => {
  number += 1
  return batches.write({ node: 'voice-0', number, calls: [], legs: [], traces: [], events: [], ...part })
}
const rowOf = (id: string) => database.selectFrom('calls').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

const startedAt = '2026-01-05T09:00:00.000Z'
const aCall = (change: Partial<CallRow>): CallRow => ({
  id: `call_${'0'.repeat(24)}`,
  account_id: 'acc',
  resource_seq: 1,
  direction: 'internal',
  caller_number: '101',
  caller_name: null,
  callee_number: null,
  callee_name: null,
  called_number: '102',
  from_user_id: null,
  from_device_id: null,
  to_user_id: null,
  to_device_id: null,
  owner_id: null,
  trunk_id: null,
  callflow_id: null,
  is_emergency: false,
  caller_call_id: null,
  callee_call_id: null,
  started_at: startedAt,
  ringing_at: null,
  answered_at: null,
  ended_at: null,
  heartbeat_at: startedAt,
  hangup_cause: null,
  ended_by: null,
  sip_code: null,
  q850_cause: null,
  duration_seconds: null,
  billing_seconds: null,
  detected_country: null,
  detected_type: null,
  correlation_id: null,
  node: 'voice-0',
  quality: null,
  snapshot: null,
  ending: null,
  state: null,
  live_legs: null,
  ...change,
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Index Cond'?: string
  readonly 'Join Filter'?: string
  readonly Plans?: readonly PlanNode[]
}
const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

describe('a batch of the voice process', () => {
  it('reads no table and no index whole, though its plan was made while they were empty', async () => {
    await write({})
    const { rows } = await client.query(
      `explain (format json) execute "call-batch"('voice-0', 0, '{}', '{}', '{}', '{}', '{}', '{}')`,
    )
    const ofTables = /^(Seq|Index|Index Only|Bitmap Index) Scan$/
    const scans = nodesOf(rows[0]['QUERY PLAN'][0].Plan).filter((node) => ofTables.test(node['Node Type']))
    expect(scans.length).toBeGreaterThan(3)
    expect(scans.filter((node) => node['Index Cond'] === undefined)).toEqual([])
  })

  it('compares no two rows but by a hash, because a batch may be of thousands of calls', async () => {
    await write({})
    const { rows } = await client.query(
      `explain (format json) execute "call-batch"('voice-0', 0, '{}', '{}', '{}', '{}', '{}', '{}')`,
    )
    const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan)
    expect(nodes.filter((node) => node['Node Type'] === 'Hash Join').length).toBeGreaterThan(1)
    expect(nodes.filter((node) => node['Node Type'] === 'Nested Loop' && node['Join Filter'] !== undefined)).toEqual([])
  })

  it('is written whatever bytes a peer puts into its name, number and Call-ID', async () => {
    const call = aCall({
      id: `call_${'1'.repeat(24)}`,
      caller_name: 'a\0b',
      called_number: '1\0',
      caller_call_id: '\0',
    })
    await write({ calls: [call], traces: [{ call_id: call.id, account_id: 'acc', messages: '["\\u0000"]' }] })
    expect(await rowOf(call.id)).toMatchObject({ callerName: 'a\uFFFDb', calledNumber: '1\uFFFD' })
  })

  it('keeps what only looks like an escaped character', async () => {
    const call = aCall({ id: `call_${'2'.repeat(24)}`, caller_name: 'C:\\u0000 "x"' })
    await write({ calls: [call] })
    expect((await rowOf(call.id)).callerName).toBe('C:\\u0000 "x"')
  })

  it('takes what a version before wrote down, without what it did not know', async () => {
    const { state: _, live_legs: __, ...before } = aCall({ id: `call_${'6'.repeat(24)}` })
    await write({ calls: [before as ReturnType<typeof aCall>] })
    expect((await rowOf(before.id)).state).toBeNull()
  })

  it('keeps texts that are JSON to the letter', async () => {
    const text = JSON.stringify(
      { said: 'a "b" \\ c\r\n', é: [1.5, null, { deep: JSON.stringify(['"', '\\u0000']) }] },
      null,
      1,
    )
    const call = aCall({ id: `call_${'5'.repeat(24)}`, snapshot: text, state: text })
    const event = toInboxRow({
      accountId: 'acc',
      userId: null,
      type: 'cdr.final',
      resourceId: call.id,
      resourceSeq: 1,
      actor: null,
      data: JSON.parse(text),
    })
    await write({
      calls: [call],
      traces: [{ call_id: call.id, account_id: 'acc', messages: text }],
      events: [{ row: event, endOf: null }],
    })
    expect(await rowOf(call.id)).toMatchObject({ snapshot: text, state: text })
    const traces = database.selectFrom('callTraces').select('messages').where('callId', '=', call.id)
    expect(await traces.executeTakeFirstOrThrow()).toEqual({ messages: text })
    const inbox = database.selectFrom('eventInbox').select('data').where('resourceId', '=', call.id)
    expect(await inbox.executeTakeFirstOrThrow()).toEqual({ data: event.data })
  })

  it('T33: messages that come later stand behind those that are there, also behind none', async () => {
    const call = aCall({ id: `call_${'7'.repeat(24)}` })
    const add = (messages: string) => write({ traces: [{ call_id: call.id, account_id: 'acc', messages }] })
    const read = async () => {
      const traces = database.selectFrom('callTraces').select('messages').where('callId', '=', call.id).orderBy('id')
      return (await traces.execute()).flatMap(({ messages }) => JSON.parse(messages))
    }
    await write({ calls: [call] })
    await add('[]')
    await add('[{"at":"ü"},{"at":2}]')
    await add('[{"at":3}]')
    expect(await read()).toEqual([{ at: 'ü' }, { at: 2 }, { at: 3 }])
  })

  it('T5: what a call needs while it goes on stays as it was where it did not change, and goes with the call', async () => {
    const call = aCall({ id: `call_${'8'.repeat(24)}`, snapshot: '{"a":1}', state: '{}', live_legs: '[]' })
    const ofLife = async () => {
      const { snapshot, ending, state, liveLegs } = await rowOf(call.id)
      return [snapshot, ending, state, liveLegs]
    }
    await write({ calls: [call] })
    const same = { ...call, snapshot: null, state: null, live_legs: null }
    await write({ calls: [{ ...same, ending: '{"by":"caller"}' }] })
    expect(await ofLife()).toEqual(['{"a":1}', '{"by":"caller"}', '{}', '[]'])
    await write({ calls: [{ ...same, state: '{"b":2}' }] })
    expect(await ofLife()).toEqual(['{"a":1}', '{"by":"caller"}', '{"b":2}', '[]'])
    await write({ calls: [{ ...same, ended_at: startedAt }] })
    expect(await ofLife()).toEqual([null, null, null, null])
  })

  it('T3: takes no heartbeat back', async () => {
    const call = aCall({ id: `call_${'3'.repeat(24)}` })
    await write({ calls: [call] })
    await touchCalls(database, 'voice-0')
    const { heartbeatAt } = await rowOf(call.id)
    expect(heartbeatAt.getTime()).toBeGreaterThan(Date.parse(startedAt))
    await write({ calls: [{ ...call, snapshot: '{}' }] })
    expect(await rowOf(call.id)).toMatchObject({ heartbeatAt, snapshot: '{}' })
  })

  it('T3: is not waited for by a heartbeat, which would hold what a batch comes to next', async () => {
    const [held, free] = ['8', '9'].map((digit) => aCall({ id: `call_${digit.repeat(24)}` })) as [CallRow, CallRow]
    await write({ calls: [held, free] })
    await client.query('begin')
    await client.query('select from calls where id = $1 for update', [held.id])
    await touchCalls(database, 'voice-0')
    await client.query('rollback')
    expect((await rowOf(held.id)).heartbeatAt).toEqual(new Date(startedAt))
    expect((await rowOf(free.id)).heartbeatAt.getTime()).toBeGreaterThan(Date.parse(startedAt))
  })

  it('does nothing when it comes again, and ends a call once', async () => {
    const call = aCall({ id: `call_${'4'.repeat(24)}`, caller_name: 'first' })
    await write({ calls: [call] })
    number -= 1
    await write({ calls: [{ ...call, caller_name: 'again' }] })
    expect((await rowOf(call.id)).callerName).toBe('first')
    await write({ calls: [{ ...call, ended_at: startedAt, hangup_cause: 'CANCEL' }] })
    await write({ calls: [{ ...call, ended_at: startedAt, hangup_cause: 'BUSY' }] })
    expect((await rowOf(call.id)).hangupCause).toBe('CANCEL')
  })
})
