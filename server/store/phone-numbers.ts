/** Phone numbers: rows, what they ring, and what readers see of them. */
import { type Insertable, sql, type Updateable } from 'kysely'
import { type numberStates, type PhoneNumber, standardPhoneNumber } from '../../contract/phone-number.ts'
import type { Queries } from './accounts.ts'
import type { TelephonyTables } from './telephony-tables.ts'

type NumberState = (typeof numberStates)[number]

/** With what it rings, and the name of its trunk. */
export type PhoneNumberRow = Awaited<ReturnType<ReturnType<typeof selectPhoneNumbers>['executeTakeFirstOrThrow']>>

export const selectPhoneNumbers = (db: Queries, accountId: string) =>
  db
    .selectFrom('phoneNumbers')
    .leftJoin('callflowNumbers', 'callflowNumbers.phoneNumber', 'phoneNumbers.number')
    .leftJoin('callflows', 'callflows.id', 'callflowNumbers.callflowId')
    .leftJoin('trunks', 'trunks.id', 'phoneNumbers.trunkId')
    .selectAll('phoneNumbers')
    .select(['callflows.id as callflowId', 'callflows.name as callflowName', 'trunks.name as trunkName'])
    .where('phoneNumbers.accountId', '=', accountId)

export const findPhoneNumber = (db: Queries, number: string, accountId: string): Promise<PhoneNumberRow | undefined> =>
  selectPhoneNumbers(db, accountId).where('phoneNumbers.number', '=', number).executeTakeFirst()

/** The same, held against other writers until the transaction ends; in one order, so that two never wait for each other. */
export async function lockPhoneNumbers(
  trx: Queries,
  numbers: readonly string[],
  accountId: string,
): Promise<PhoneNumberRow[]> {
  await trx
    .selectFrom('phoneNumbers')
    .select('number')
    .where('accountId', '=', accountId)
    .where('number', 'in', [...numbers])
    .orderBy('number')
    .forUpdate()
    .execute()
  return selectPhoneNumbers(trx, accountId)
    .where('phoneNumbers.number', 'in', [...numbers])
    .orderBy('phoneNumbers.number')
    .execute()
}

export async function insertPhoneNumbers(
  trx: Queries,
  rows: readonly Insertable<TelephonyTables['phoneNumbers']>[],
): Promise<void> {
  await trx.insertInto('phoneNumbers').values(rows).execute()
}

export async function updatePhoneNumber(
  trx: Queries,
  number: string,
  change: Updateable<TelephonyTables['phoneNumbers']>,
): Promise<void> {
  await trx
    .updateTable('phoneNumbers')
    .set((is) => ({ ...change, resourceSeq: is('resourceSeq', '+', 1) }))
    .where('number', '=', number)
    .execute()
}

/** What the log shows. */
export const toPhoneNumberState = (row: Omit<PhoneNumberRow, 'callflowId' | 'callflowName' | 'trunkName'>) => ({
  id: row.number,
  number: row.number,
  account_id: row.accountId,
  state: toNumberState(row.state),
  trunk_id: row.trunkId,
  external_id: row.externalId,
  ...standardPhoneNumber,
  ...row.settings,
  created: row.createdAt.toISOString(),
})

export const toPhoneNumber = (row: PhoneNumberRow): PhoneNumber => ({
  ...toPhoneNumberState(row),
  used_by: row.callflowId === null ? null : 'callflow',
  used_by_id: row.callflowId,
  used_by_name: row.callflowName,
  trunk_name: row.trunkName,
})

// What is written passed the contract.
const toNumberState = (state: string) => state as NumberState

export const numberSorts = {
  id: sql<string>`phone_numbers.number`,
  sorts: {
    number: sql<string>`phone_numbers.number`,
    created: sql<string>`to_char(date_trunc('milliseconds', phone_numbers.created_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS')`,
  },
}
