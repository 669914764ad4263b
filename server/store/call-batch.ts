/**
 * What the voice process writes, in one statement: events into the inbox, rows of calls, of legs and of SIP ladders, and
 * what calls make of people (T1).
 * All of a batch happens or nothing, and a batch that comes again does nothing.
 * In which order it locks rows of calls, of ladders and of presence is up to the planner. Whoever locks several of these in
 * one transaction, as the deletion of an account does, may be sent back with a deadlock, or send the batch back, which
 * then comes again (voice/writer.ts).
 *
 * Invariant (T3): a call ends once. The events that tell of an end go in only with the row that ended just now.
 */
import { sql } from 'kysely'
import type { ClientBase, ClientConfig, QueryConfig } from 'pg'
import type { InboxRow } from '../events/inbox.ts'
import { schemaVersion } from '../events/schema-version.ts'
import type { Database } from './database.ts'
import { columns, eventTypes, toEventRow } from './recordset.ts'
import { type Columns, type ColumnType, makeRowTypes, RowArrays, type RowTypeOids } from './row-arrays.ts'

/**
 * A row of `calls` as the call stands; what never changes is read from the first only. Times are RFC 3339. Of a call that
 * is not over, null in what is kept for its life alone means: as it was.
 */
export interface CallRow {
  readonly id: string
  readonly account_id: string
  readonly resource_seq: number
  readonly direction: string
  readonly caller_number: string
  readonly caller_name: string | null
  readonly callee_number: string | null
  readonly callee_name: string | null
  readonly called_number: string
  readonly from_user_id: string | null
  readonly from_device_id: string | null
  readonly to_user_id: string | null
  readonly to_device_id: string | null
  readonly owner_id: string | null
  readonly trunk_id: string | null
  readonly callflow_id: string | null
  readonly is_emergency: boolean
  readonly caller_call_id: string | null
  readonly callee_call_id: string | null
  readonly started_at: string
  readonly ringing_at: string | null
  readonly answered_at: string | null
  readonly ended_at: string | null
  readonly heartbeat_at: string
  readonly hangup_cause: string | null
  readonly ended_by: string | null
  readonly sip_code: number | null
  readonly q850_cause: number | null
  readonly duration_seconds: number | null
  readonly billing_seconds: number | null
  readonly detected_country: string | null
  readonly detected_type: string | null
  readonly correlation_id: string | null
  readonly node: string
  readonly quality: unknown
  readonly snapshot: string | null
  /** How it ended, until its record is written. */
  readonly ending: string | null
  /** What the last event said of the call. */
  readonly state: string | null
  /** Legs that were told of and are not over (server/voice/open-legs.ts). */
  readonly live_legs: string | null
}

export interface LegTableRow {
  readonly id: string
  readonly call_id: string
  readonly account_id: string
  readonly role: string
  readonly device_id: string | null
  readonly trunk_id: string | null
  readonly user_id: string | null
  readonly number: string
  readonly name: string | null
  readonly started_at: string
  readonly ringing_at: string | null
  readonly answered_at: string | null
  readonly ended_at: string
  readonly sip_code: number | null
  readonly q850_cause: number | null
  readonly hangup_cause: string | null
  readonly ended_by: string
  readonly billing_seconds: number
  readonly billed_user_id: string | null
  readonly billed_device_id: string | null
  readonly is_forwarded: boolean
  readonly quality: unknown
}

/** `messages`: a JSON array, which stands behind those of the call that are there already. */
export interface TraceRow {
  readonly call_id: string
  readonly account_id: string
  readonly messages: string
}

/** As the voice process knows it; what became of the files is the api's. */
export interface RecordingRow {
  readonly id: string
  readonly account_id: string
  readonly call_id: string
  readonly owner_id: string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly fault: string | null
  readonly parts: readonly { readonly path: string; readonly isSwapped: boolean }[]
}

/** What calls make of a person, with what the event of it needs: nobody is told where it is as it was. */
export interface PersonRow {
  readonly user_id: string
  /** Ids, the oldest first. */
  readonly calls: readonly string[]
  readonly is_talking: boolean
  readonly event_id: string
  readonly occurred_at: string
}

/** An event with what it depends on: set, it is told only when that call ends with this batch. */
export interface BatchEvent {
  readonly row: InboxRow
  readonly endOf: string | null
}

export interface CallBatch {
  readonly node: string
  /** Grows by one with each batch of the node. */
  readonly number: number
  /** The last state of each call. */
  readonly calls: readonly CallRow[]
  readonly legs: readonly LegTableRow[]
  readonly traces: readonly TraceRow[]
  /** The last state of each. Absent: a batch that waited in the spool for a version after the one that wrote it. */
  readonly recordings?: readonly RecordingRow[]
  /** The last state of each; absent as above. */
  readonly people?: readonly PersonRow[]
  readonly events: readonly BatchEvent[]
}

const callTypes = {
  id: 'text',
  account_id: 'text',
  resource_seq: 'bigint',
  direction: 'text',
  caller_number: 'text',
  caller_name: 'text',
  callee_number: 'text',
  callee_name: 'text',
  called_number: 'text',
  from_user_id: 'text',
  from_device_id: 'text',
  to_user_id: 'text',
  to_device_id: 'text',
  owner_id: 'text',
  trunk_id: 'text',
  callflow_id: 'text',
  is_emergency: 'boolean',
  caller_call_id: 'text',
  callee_call_id: 'text',
  started_at: 'timestamptz',
  ringing_at: 'timestamptz',
  answered_at: 'timestamptz',
  ended_at: 'timestamptz',
  heartbeat_at: 'timestamptz',
  hangup_cause: 'text',
  ended_by: 'text',
  sip_code: 'integer',
  q850_cause: 'integer',
  duration_seconds: 'integer',
  billing_seconds: 'integer',
  detected_country: 'text',
  detected_type: 'text',
  correlation_id: 'text',
  node: 'text',
  quality: 'jsonb',
  snapshot: 'json text',
  ending: 'json text',
  state: 'json text',
  live_legs: 'json text',
} as const satisfies Readonly<Record<keyof CallRow, ColumnType>>
const legTypes = {
  id: 'text',
  call_id: 'text',
  account_id: 'text',
  role: 'text',
  device_id: 'text',
  trunk_id: 'text',
  user_id: 'text',
  number: 'text',
  name: 'text',
  started_at: 'timestamptz',
  ringing_at: 'timestamptz',
  answered_at: 'timestamptz',
  ended_at: 'timestamptz',
  sip_code: 'integer',
  q850_cause: 'integer',
  hangup_cause: 'text',
  ended_by: 'text',
  billing_seconds: 'integer',
  billed_user_id: 'text',
  billed_device_id: 'text',
  is_forwarded: 'boolean',
  quality: 'jsonb',
} as const satisfies Readonly<Record<keyof LegTableRow, ColumnType>>
const traceTypes = {
  call_id: 'text',
  account_id: 'text',
  messages: 'json text',
} as const satisfies Readonly<Record<keyof TraceRow, ColumnType>>
const recordingTypes = {
  id: 'text',
  account_id: 'text',
  call_id: 'text',
  owner_id: 'text',
  started_at: 'timestamptz',
  ended_at: 'timestamptz',
  fault: 'text',
  parts: 'jsonb',
} as const satisfies Readonly<Record<keyof RecordingRow, ColumnType>>
const personTypes = {
  user_id: 'text',
  calls: 'jsonb',
  is_talking: 'boolean',
  event_id: 'uuid',
  occurred_at: 'timestamptz',
} as const satisfies Readonly<Record<keyof PersonRow, ColumnType>>
/** What each parameter of the statement is an array of. */
const rowTypes = {
  batch_call: callTypes,
  batch_leg: legTypes,
  batch_trace: traceTypes,
  batch_recording: recordingTypes,
  batch_person: personTypes,
  batch_event: { ...eventTypes, data: 'json text', end_of: 'text', place: 'integer' },
} as const satisfies Readonly<Record<string, Columns>>

/** Fixed at the beginning of a call. */
const constant = new Set(['id', 'account_id', 'direction', 'called_number', 'started_at', 'node', 'is_emergency'])

const given = (parameter: string, type: keyof typeof rowTypes) => `unnest(${parameter}::pg_temp.${type}[]) as r`
/** What a call needs while it goes on: most of what its row has, and written only where it changed. */
export const ofLife = ['snapshot', 'ending', 'state', 'live_legs'] as const satisfies readonly (keyof CallRow)[]
export type OfLife = (typeof ofLife)[number]

function newValue(name: string): string {
  // A row that was changed by less than an event knows an older heartbeat than `touchCalls` wrote (T3).
  if (name === 'heartbeat_at') return 'greatest(c.heartbeat_at, r.heartbeat_at)'
  const isOfLife = ofLife.some((one) => one === name)
  return isOfLife ? `case when r.ended_at is null then coalesce(r.${name}, c.${name}) end` : `r.${name}`
}
const changing = Object.keys(callTypes).filter((name) => !constant.has(name))

/** As server/store/presence.ts puts it, byte for byte what JSON.stringify makes (E6): no id needs to be escaped. */
const presenceText = `'{"presence":{"id":"' || user_id || '","account_id":"' || account_id || '","state":"' || state
    || '","is_registered":' || is_registered::text || ',"do_not_disturb":' || do_not_disturb::text
    || ',"calls":' || replace(calls::text, ', ', ',') || '}}'`

/** Words that the index of the living does not know: the calls of the batch are looked up, not all that go on. */
const isLive = `coalesce(c.ended_at, 'infinity') = 'infinity'`

// A call that is new is inserted as it stands; one that is known and not over is changed. Both in one statement see the
// table as it was before, so that a row is either found or made. Among themselves people are held in the order of their
// ids, as by everybody who chooses whom to hold (store/presence.ts); of a row that another changed meanwhile the newest
// version is changed.
const statement = `
with turn as (
  insert into voice_batches (node, batch) values ($1, $2)
  on conflict (node) do update set batch = excluded.batch where voice_batches.batch < excluded.batch
  returning 1
), given as materialized (
  select r.* from turn, ${given('$3', 'batch_call')}
), made as (
  insert into calls (${columns(callTypes)})
  select ${columns(callTypes, 'r.')} from given r
  where r.id not in (select c.id from calls c where c.id = any(array(select id from given)))
  returning id, ended_at
), changed as (
  update calls c set ${changing.map((name) => `${name} = ${newValue(name)}`).join(', ')}
  from given r
  where c.id = r.id and c.id = any(array(select id from given)) and ${isLive}
  returning c.id, c.ended_at
), over as (
  select id from made where ended_at is not null union all select id from changed where ended_at is not null
), legs as (
  insert into call_legs (${columns(legTypes)})
  select ${columns(legTypes, 'r.')} from turn, ${given('$4', 'batch_leg')}
  on conflict (id) do nothing
), traces as (
  insert into call_traces (${columns(traceTypes)})
  select ${columns(traceTypes, 'r.')} from turn, ${given('$5', 'batch_trace')}
), recordings as (
  insert into recordings (${columns(recordingTypes)})
  select ${columns(recordingTypes, 'r.')} from turn, ${given('$7', 'batch_recording')}
  on conflict (id) do update set ended_at = excluded.ended_at, fault = excluded.fault, parts = excluded.parts
  where recordings.status = 'recording'
), people as materialized (
  select r.* from turn, ${given('$8', 'batch_person')}
), held as materialized (
  select user_id from presence where user_id = any(array(select user_id from people)) order by user_id for update
), present as (
  update presence p set calls = r.calls, is_talking = r.is_talking, resource_seq = p.resource_seq + 1
  from held join people r on r.user_id = held.user_id
  where p.user_id = held.user_id and p.user_id = any(array(select user_id from people)) and (p.calls, p.is_talking) is distinct from (r.calls, r.is_talking)
  returning p.*, r.event_id, r.occurred_at
), told as (
  insert into event_inbox (${columns(eventTypes)})
  select event_id, account_id, user_id, 'presence.changed', 'presence', user_id, resource_seq, occurred_at, null, null,
    ${schemaVersion}, ${presenceText}
  from present
)
insert into event_inbox (${columns(eventTypes)})
select ${columns(eventTypes, 'r.')} from turn, ${given('$6', 'batch_event')}
where r.end_of is null or r.end_of in (select id from over)
order by r.place`

/**
 * The plan is made before it is known how many rows a batch has. Row by row, each of what was given would be compared with
 * each that was found: nothing for the few of an ordinary batch, and after a second in which the machine did something else
 * so much that the next batch took longer still, and calls that waited for it longer and longer. Before PostgreSQL 18 what
 * is forbidden and done all the same (one row beside an array) costs so much that the plan would be compiled each time.
 */
const settings = "set enable_nestloop = off; set jit = off; set work_mem = '32MB'"

/** What `pg` takes of one query too, and its types say of all of a session only. */
type TimedQuery = QueryConfig & Pick<ClientConfig, 'query_timeout'>

/** The types of a session's row arrays. */
export type BatchTypes = RowTypeOids<keyof typeof rowTypes>
/** Of the statement. What is binary lies in memory that may be transferred to another thread. */
export type BatchValues = readonly (string | number | Uint8Array<ArrayBuffer>)[]

/** What its binary values lie in. */
export function memoryOf(values: BatchValues): ArrayBuffer[] {
  const memory = new Set<ArrayBuffer>()
  for (const value of values) if (typeof value === 'object') memory.add(value.buffer)
  return [...memory]
}

/** To be called once in a session that is for batches only, written one after the other. */
export async function beginBatches(client: ClientBase): Promise<BatchTypes> {
  await client.query(settings)
  return makeRowTypes(client, rowTypes)
}

/** Throws when it is not written after `patienceMs` (default: as all of the session); it may be written later still. */
export async function writeBatch(client: ClientBase, values: BatchValues, patienceMs?: number): Promise<void> {
  const query: TimedQuery = { name: 'call-batch', text: statement, values: [...values], query_timeout: patienceMs }
  await client.query(query)
}

/** What a batch is in PostgreSQL's own form, for a session with those types. */
export class BatchRows {
  readonly #rows: RowArrays<keyof typeof rowTypes>

  constructor(types: BatchTypes) {
    this.#rows = new RowArrays(rowTypes, types)
  }

  /** Good until it is asked for the next. */
  values(batch: CallBatch): BatchValues {
    const rows = this.#rows
    rows.begin()
    return [
      batch.node,
      batch.number,
      rows.toArray('batch_call', batch.calls),
      rows.toArray('batch_leg', batch.legs),
      rows.toArray('batch_trace', batch.traces),
      rows.toArray('batch_event', batch.events.map(toBatchEvent)),
      rows.toArray('batch_recording', batch.recordings ?? []),
      rows.toArray('batch_person', batch.people ?? []),
    ]
  }

  /** Memory of values that were transferred, for the next ones. */
  giveBack(memory: ArrayBuffer): void {
    this.#rows.giveBack(memory)
  }
}

const toBatchEvent = ({ row, endOf }: BatchEvent, place: number) => ({ ...toEventRow(row), end_of: endOf, place })

/** How far the calls of a node were surely alive (T3). It waits for no batch: a call that one writes just now is alive. */
export async function touchCalls(database: Database, node: string): Promise<void> {
  const free = database
    .selectFrom('calls')
    .select('id')
    .where('node', '=', node)
    .where('endedAt', 'is', null)
    .forUpdate()
    .skipLocked()
  await database.updateTable('calls').set({ heartbeatAt: sql<Date>`now()` }).where('id', 'in', free).execute()
}
