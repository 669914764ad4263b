/** Reads the telephony configuration of one account or of all, in one query a table, with its secrets opened. */
import type { Selectable } from 'kysely'
import type { Vault } from '../auth/vault.ts'
import type { AccountTables } from '../store/account-tables.ts'
import type { Database } from '../store/database.ts'
import { secretsOf } from '../store/telephony.ts'
import type { TelephonyTables } from '../store/telephony-tables.ts'

type Row<Name extends keyof TelephonyTables> = Selectable<TelephonyTables[Name]>

export interface Configuration {
  readonly accounts: readonly Selectable<AccountTables['accounts']>[]
  readonly users: readonly Selectable<AccountTables['users']>[]
  readonly devices: readonly (Omit<Row<'devices'>, 'secrets'> & { readonly password: string })[]
  readonly trunks: readonly (Omit<Row<'trunks'>, 'secrets'> & { readonly password: string | null })[]
  readonly phoneNumbers: readonly Row<'phoneNumbers'>[]
  readonly callflows: readonly Row<'callflows'>[]
  readonly contacts: readonly Row<'contacts'>[]
  readonly medias: readonly Row<'medias'>[]
}

export async function readConfiguration(
  database: Database,
  accountId: string | null,
  vault: Vault,
): Promise<Configuration> {
  const of = <Name extends 'users' | 'devices' | 'trunks' | 'phoneNumbers' | 'callflows' | 'contacts' | 'medias'>(
    table: Name,
  ) =>
    accountId === null
      ? database.selectFrom(table).selectAll().execute()
      : database
          .selectFrom(table as 'devices')
          .selectAll()
          .where('accountId', '=', accountId)
          .execute()
  const accounts = database
    .selectFrom('accounts')
    .selectAll()
    .$if(accountId !== null, (query) => query.where('id', '=', accountId ?? ''))
    .execute()
  const [users, devices, trunks, phoneNumbers, callflows, contacts, medias] = await Promise.all([
    of('users') as Promise<Selectable<AccountTables['users']>[]>,
    of('devices') as Promise<Row<'devices'>[]>,
    of('trunks') as Promise<Row<'trunks'>[]>,
    of('phoneNumbers') as Promise<Row<'phoneNumbers'>[]>,
    of('callflows') as Promise<Row<'callflows'>[]>,
    of('contacts') as Promise<Row<'contacts'>[]>,
    of('medias') as Promise<Row<'medias'>[]>,
  ])
  return {
    accounts: await accounts,
    users,
    devices: devices.map((row) => ({ ...row, password: secretsOf(vault, 'devices', row).password ?? '' })),
    trunks: trunks.map((row) => ({ ...row, password: secretsOf(vault, 'trunks', row).password ?? null })),
    phoneNumbers,
    callflows,
    contacts,
    medias,
  }
}
