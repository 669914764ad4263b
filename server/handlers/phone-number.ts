/** Phone numbers: one account each in the whole installation (T14), keyed by the number itself. */
import { type Transaction, sql } from 'kysely'
import { type NewPhoneNumbers, type PatchPhoneNumber, standardPhoneNumber } from '../../contract/phone-number.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { append } from '../events/inbox.ts'
import { contains, readPage } from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import {
  findPhoneNumber,
  insertPhoneNumbers,
  lockPhoneNumbers,
  numberSorts,
  type PhoneNumberRow,
  selectPhoneNumbers,
  toPhoneNumber,
  toPhoneNumberState,
  updatePhoneNumber,
} from '../store/phone-numbers.ts'
import type { Call, Handlers } from './call.ts'
import { configure, expectReferences, noSuch, refuseWhileUsed } from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { mergeSettings } from './settings.ts'

export const phoneNumberHandlers: Handlers<
  | 'listPhoneNumbers'
  | 'getPhoneNumber'
  | 'createPhoneNumbers'
  | 'updatePhoneNumbers'
  | 'patchPhoneNumber'
  | 'deletePhoneNumber'
> = {
  async listPhoneNumbers({ app, who, query }) {
    const { state, trunk_id: trunkId, used_by_id: usedBy, is_used: isUsed, search, external_id: externalId } = query
    const numbers = selectPhoneNumbers(app.database, who.accountId)
      .$if(state !== undefined, (rows) => rows.where('phoneNumbers.state', '=', state ?? ''))
      .$if(trunkId !== undefined, (rows) => rows.where('phoneNumbers.trunkId', '=', trunkId ?? ''))
      .$if(usedBy !== undefined, (rows) => rows.where('callflows.id', '=', usedBy ?? ''))
      .$if(isUsed !== undefined, (rows) => rows.where('callflows.id', isUsed === 'true' ? 'is not' : 'is', null))
      .$if(externalId !== undefined, (rows) => rows.where('phoneNumbers.externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('phoneNumbers.number'), search ?? '')))
    const { rows, next } = await readPage(numbers, { ...query, sort: query.sort ?? 'number' }, numberSorts)
    return { data: byNumber(rows), ...(next && { next }) }
  },

  async getPhoneNumber({ app, who, params, etag }) {
    const row = await findPhoneNumber(app.database, toE164(params.id), who.accountId)
    if (!row) throw noSuch('phone number', params.id, who)
    etag(row.resourceSeq)
    return { data: toPhoneNumber(row) }
  },

  createPhoneNumbers: (call) =>
    configure(call, async (trx) => ({ data: byNumber(await create(trx, call, call.body.data)) })),

  updatePhoneNumbers: (call) =>
    configure(call, async (trx) => {
      const { id, phone_numbers: many, ...body } = call.body.data
      if (many === undefined) return { data: toPhoneNumber(await update(trx, call, toE164(id ?? ''), body)) }
      // A5: a version is that of one object.
      refuseVersion(call)
      const numbers = distinct(many.map(toE164), 'data.phone_numbers')
      const after: PhoneNumberRow[] = []
      for (const number of numbers.toSorted()) after.push(await update(trx, call, number, body))
      return { data: byNumber(after) }
    }),

  patchPhoneNumber: (call) =>
    configure(call, async (trx) => {
      const { id, ...body } = call.body.data
      const number = toE164(call.params.id)
      if (id !== undefined && toE164(id) !== number) throw invalidField('data.id', 'cannot change')
      return { data: toPhoneNumber(await update(trx, call, number, body)) }
    }),

  deletePhoneNumber: (call) =>
    configure(call, async (trx) => {
      const { who, params, actor } = call
      const [row] = await lockPhoneNumbers(trx, [toE164(params.id)], who.accountId)
      if (!row) throw noSuch('phone number', params.id, who)
      call.expectVersion(row.resourceSeq)
      await refuseWhileUsed(trx, 'phone_number', row.number)
      await trx.deleteFrom('phoneNumbers').where('number', '=', row.number).execute()
      await append(trx, {
        accountId: row.accountId,
        userId: null,
        type: 'phone_number.deleted',
        resourceId: row.number,
        resourceSeq: row.resourceSeq + 1,
        actor,
        data: { phone_number: toPhoneNumberState(row) },
      })
      return { data: { id: row.number, phone_number_id: row.number } }
    }),
}

const byNumber = (rows: readonly PhoneNumberRow[]) =>
  Object.fromEntries(rows.map((row) => [row.number, toPhoneNumber(row)]))

/** From how people write it; a path often loses the plus. `(0)` is what is dialled inside the country only. */
const toE164 = (written: string): string => `+${written.replace('(0)', '').replace(/^00/, '').replaceAll(/\D/g, '')}`

function distinct(numbers: readonly string[], field: string): string[] {
  const found = [...new Set(numbers)]
  const wrong = numbers.findIndex((number) => !/^\+[1-9][0-9]{4,14}$/.test(number))
  if (wrong >= 0) throw invalidField(`${field}.${wrong}`, 'must have 5 to 15 digits and begin with a country code')
  return found
}

function refuseVersion(call: Call<'updatePhoneNumbers'>): void {
  if (!call.hasVersion) return
  throw invalidField('If-Match', 'a change of many objects has no version to match')
}

async function create(
  trx: Transaction<Tables>,
  call: Call<'createPhoneNumbers'>,
  body: NewPhoneNumbers,
): Promise<PhoneNumberRow[]> {
  const { app, who, actor } = call
  const { accountId } = who
  const field = body.phone_numbers ? 'data.phone_numbers' : 'data.number'
  const numbers = distinct((body.phone_numbers ?? [body.number ?? '']).map(toE164), field)
  await expectReferences(trx, accountId, [{ field: 'data.trunk_id', table: 'trunks', id: body.trunk_id }])
  await refuseTaken(trx, accountId, numbers, field)
  const columns = {
    accountId,
    state: body.state ?? 'in_service',
    trunkId: body.trunk_id ?? null,
    externalId: body.external_id ?? null,
    settings: JSON.stringify(mergeSettings(standardPhoneNumber, {}, body)),
    createdAt: new Date(app.clock()),
  }
  await insertPhoneNumbers(
    trx,
    numbers.map((number) => ({ ...columns, number })),
  )
  const rows = await lockPhoneNumbers(trx, numbers, accountId)
  for (const row of rows) {
    await append(trx, {
      accountId,
      userId: null,
      type: 'phone_number.created',
      resourceId: row.number,
      resourceSeq: row.resourceSeq,
      actor,
      data: { phone_number: toPhoneNumberState(row) },
    })
  }
  return rows
}

/** Whose it is stays untold, unless it is the own account's. */
async function refuseTaken(
  trx: Transaction<Tables>,
  accountId: string,
  numbers: readonly string[],
  field: string,
): Promise<void> {
  const taken = await trx
    .selectFrom('phoneNumbers')
    .select(['number', 'accountId'])
    .where('number', 'in', [...numbers])
    .executeTakeFirst()
  if (!taken) return
  const message = `${taken.number} ${taken.accountId === accountId ? 'is there already' : 'belongs to another account'}`
  throw new ApiError('already_exists', `${field}: ${message}.`, { issues: [{ field, message }] })
}

async function update(
  trx: Transaction<Tables>,
  call: Call<'updatePhoneNumbers' | 'patchPhoneNumber'>,
  number: string,
  body: Omit<PatchPhoneNumber, 'id'>,
): Promise<PhoneNumberRow> {
  const { who, actor } = call
  const [before] = await lockPhoneNumbers(trx, [number], who.accountId)
  if (!before) throw noSuch('phone number', number, who)
  call.expectVersion(before.resourceSeq)
  call.etag(before.resourceSeq)
  if (body.account_id !== undefined && body.account_id !== before.accountId) {
    throw invalidField('data.account_id', 'cannot change')
  }
  await expectReferences(trx, who.accountId, [{ field: 'data.trunk_id', table: 'trunks', id: body.trunk_id }])
  const wanted = changesTo(before, {
    state: cleared(body.state, 'in_service'),
    trunkId: body.trunk_id,
    externalId: body.external_id,
    settings: JSON.stringify(mergeSettings(standardPhoneNumber, before.settings, body)),
  })
  if (Object.keys(wanted).length === 0) return before
  await updatePhoneNumber(trx, number, wanted)
  const after = await findPhoneNumber(trx, number, who.accountId)
  if (!after) throw new Error(`${number} vanished under its own lock`)
  call.etag(after.resourceSeq)
  await append(trx, {
    accountId: after.accountId,
    userId: null,
    type: 'phone_number.updated',
    resourceId: number,
    resourceSeq: after.resourceSeq,
    actor,
    data: { before: toPhoneNumberState(before), after: toPhoneNumberState(after) },
  })
  return after
}
