/** Callflows: every user, device, callflow and media that a tree names must be there; a number leads to one only. */
import { type Transaction, sql } from 'kysely'
import { randomBytes } from 'node:crypto'
import type { FlowNode, NewFlowNode, PatchCallflow } from '../../contract/callflow.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import {
  boundNumbers,
  type CallflowRow,
  isPhoneNumber,
  referencesOf,
  toCallflow,
  toCallflowSummary,
  writeNumbers,
  writeReferences,
} from '../store/callflows.ts'
import {
  byCreation,
  byText,
  contains,
  deleteConfigured,
  findConfigured,
  insertConfigured,
  lockConfigured,
  readPage,
  updateConfigured,
} from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import type { Call, Handlers } from './call.ts'
import { configure, expectReferences, keepObject, noSuch, refuseWhileUsed } from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { mergeSettings } from './settings.ts'

export const callflowHandlers: Handlers<
  'listCallflows' | 'getCallflow' | 'createCallflow' | 'updateCallflow' | 'patchCallflow' | 'deleteCallflow'
> = {
  async listCallflows({ app, who, query }) {
    const { number, is_featurecode: isCode, uses, search, external_id: externalId } = query
    const callflows = app.database
      .selectFrom('callflows')
      .select([
        'id',
        'accountId',
        'resourceSeq',
        'name',
        'numbers',
        'featurecode',
        'externalId',
        'settings',
        'createdAt',
      ])
      .where('accountId', '=', who.accountId)
      .$if(number !== undefined, (rows) => rows.where(isReachedBy(number ?? '')))
      .$if(isCode !== undefined, (rows) => rows.where('featurecode', isCode === 'true' ? 'is not' : 'is', null))
      .$if(uses !== undefined, (rows) => rows.where(names(uses ?? '')))
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('name'), search ?? '')))
    const { rows, next } = await readPage(callflows, { ...query, sort: query.sort ?? 'created' }, sorts)
    return { data: rows.map(toCallflowSummary), ...(next && { next }) }
  },

  async getCallflow({ app, who, params, etag }) {
    const row = await findConfigured(app.database, 'callflows', params.id, who.accountId)
    if (!row) throw noSuch('callflow', params.id, who)
    etag(row.resourceSeq)
    return { data: toCallflow(row) }
  },

  createCallflow: (call) =>
    configure(call, async (trx) => {
      const row = await create(trx, call)
      call.etag(row.resourceSeq)
      return { data: toCallflow(row) }
    }),

  updateCallflow: (call) => update(call, call.body.data.id),
  patchCallflow: (call) => update(call, call.params.id),

  deleteCallflow: (call) =>
    configure(call, async (trx) => {
      const { who, params, actor } = call
      const row = await lockConfigured(trx, 'callflows', params.id, who.accountId)
      if (!row) throw noSuch('callflow', params.id, who)
      call.expectVersion(row.resourceSeq)
      await refuseWhileUsed(trx, 'callflow', row.id)
      await deleteConfigured(trx, 'callflows', row.id)
      await append(trx, {
        accountId: row.accountId,
        userId: null,
        type: 'callflow.deleted',
        resourceId: row.id,
        resourceSeq: row.resourceSeq + 1,
        actor,
        data: { callflow: toCallflow(row) },
      })
      return { data: { id: row.id, callflow_id: row.id } }
    }),
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byText(sql.ref('name')) } }

const isReachedBy = (number: string) =>
  sql<boolean>`exists (select 1 from callflow_numbers n where n.callflow_id = callflows.id and n.number = ${number})`
const names = (id: string) =>
  sql<boolean>`exists (select 1 from callflow_references r where r.callflow_id = callflows.id
    and ${id} in (r.user_id, r.device_id, r.target_id, r.media_id))`

async function create(trx: Transaction<Tables>, call: Call<'createCallflow'>): Promise<CallflowRow> {
  const { app, who, actor } = call
  const { name, flow, numbers, featurecode, external_id: externalId, metadata } = call.body.data
  const row = await insertConfigured(trx, 'callflows', {
    id: newId(),
    accountId: who.accountId,
    name,
    numbers: JSON.stringify([...new Set(numbers ?? [])]),
    featurecode: featurecode ? JSON.stringify(featurecode) : null,
    flow: JSON.stringify(readFlow(flow)),
    externalId: externalId ?? null,
    settings: JSON.stringify(mergeSettings(standard, {}, { metadata })),
    createdAt: new Date(app.clock()),
  })
  await bind(trx, row)
  await append(trx, {
    accountId: row.accountId,
    userId: null,
    type: 'callflow.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor,
    data: { callflow: toCallflow(row) },
  })
  return row
}

const standard = { metadata: {} }

/** As deep as it can be sent back, with room for what is around it. */
const deepest = 25
const mostSteps = 300

function readFlow(asked: NewFlowNode): FlowNode {
  const flow = toFlow(asked)
  const { depth, steps } = sizeOf(flow)
  if (depth > deepest) throw invalidField('data.flow', `is deeper than ${deepest} steps; go on with another callflow`)
  if (steps > mostSteps)
    throw invalidField('data.flow', `has more than ${mostSteps} steps; go on with another callflow`)
  return flow
}

function sizeOf({ children }: FlowNode): { depth: number; steps: number } {
  const below = Object.values(children).map(sizeOf)
  return {
    depth: 1 + Math.max(0, ...below.map(({ depth }) => depth)),
    steps: 1 + below.reduce((sum, { steps }) => sum + steps, 0),
  }
}

/** As it is kept: every step has an id, a single child is the default branch. */
function toFlow({ id, module, data, children }: NewFlowNode): FlowNode {
  return {
    id: id ?? randomBytes(4).toString('hex'),
    module,
    data: Object.fromEntries(
      Object.entries(data).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    children: toChildren(children),
  }
}

function toChildren(children: NewFlowNode['children']): FlowNode['children'] {
  if (!children) return {}
  if (isNode(children)) return { _: toFlow(children) }
  return Object.fromEntries(Object.entries(children).map(([branch, child]) => [branch, toFlow(child)]))
}

const isNode = (children: object): children is NewFlowNode =>
  'module' in children && typeof children.module === 'string'

const update = (call: Call<'updateCallflow' | 'patchCallflow'>, id: string) =>
  configure(call, async (trx) => {
    const { who, actor } = call
    const before = await lockConfigured(trx, 'callflows', id, who.accountId)
    if (!before) throw noSuch('callflow', id, who)
    call.expectVersion(before.resourceSeq)
    const body: PatchCallflow = call.body.data
    keepObject(before, body)
    const wanted = changesTo(before, toColumns(before, body))
    if (Object.keys(wanted).length === 0) {
      call.etag(before.resourceSeq)
      return { data: toCallflow(before) }
    }
    const after = await updateConfigured(trx, 'callflows', before.id, wanted)
    await bind(trx, after)
    call.etag(after.resourceSeq)
    await append(trx, {
      accountId: after.accountId,
      userId: null,
      type: 'callflow.updated',
      resourceId: after.id,
      resourceSeq: after.resourceSeq,
      actor,
      data: { before: toCallflow(before), after: toCallflow(after) },
    })
    return { data: toCallflow(after) }
  })

function toColumns(before: CallflowRow, body: PatchCallflow) {
  const numbers = cleared(body.numbers, [])
  const { featurecode } = body
  return {
    name: body.name,
    numbers: numbers && JSON.stringify([...new Set(numbers)]),
    featurecode: featurecode === undefined ? undefined : featurecode ? JSON.stringify(featurecode) : null,
    flow: body.flow && JSON.stringify(readFlow(body.flow)),
    externalId: body.external_id,
    settings: JSON.stringify(mergeSettings(standard, before.settings, { metadata: body.metadata })),
  }
}

/** What names what, checked and kept where the database checks it too. */
async function bind(trx: Transaction<Tables>, row: CallflowRow): Promise<void> {
  const references = referencesOf(toCallflow(row).flow, 'data.flow')
  const tables = { user: 'users', device: 'devices', callflow: 'callflows', media: 'medias' } as const
  await expectReferences(
    trx,
    row.accountId,
    references.map(({ kind, id, path }) => ({ field: path, table: tables[kind], id })),
  )
  await expectNumbers(trx, row)
  await writeReferences(trx, row.id, references)
  await writeNumbers(trx, row)
}

async function expectNumbers(trx: Transaction<Tables>, row: CallflowRow): Promise<void> {
  const numbers = boundNumbers(row)
  if (numbers.length === 0) return
  const own = await trx
    .selectFrom('phoneNumbers')
    .select('number')
    .where('accountId', '=', row.accountId)
    .where('number', 'in', numbers)
    .execute()
  const known = new Set(own.map(({ number }) => number))
  const missing = numbers.find((number) => isPhoneNumber(number) && !known.has(number))
  if (missing) {
    const index = row.numbers.indexOf(missing)
    throw invalidField(`data.numbers.${index}`, `the account has no phone number ${missing}`)
  }
  const taken = await trx
    .selectFrom('callflowNumbers')
    .innerJoin('callflows', 'callflows.id', 'callflowNumbers.callflowId')
    .select(['callflowNumbers.number', 'callflows.id', 'callflows.name'])
    .where('callflowNumbers.accountId', '=', row.accountId)
    .where('callflowNumbers.callflowId', '<>', row.id)
    .where('callflowNumbers.number', 'in', numbers)
    .executeTakeFirst()
  if (!taken) return
  const { number, id, name } = taken
  const field = row.numbers.includes(number) ? 'data.numbers' : 'data.featurecode.number'
  const message = `${number} leads to callflow ${name} (${id}) already`
  throw new ApiError('already_exists', `${field}: ${message}.`, {
    issues: [{ field, message }],
    used_by: [{ type: 'callflow', id, name }],
  })
}
