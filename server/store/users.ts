/** People: rows, and what readers see of them. */
import type { Insertable, NotNull, Selectable, Transaction, Updateable } from 'kysely'
import type { Organizer } from '../../contract/account.ts'
import type { AccountTables } from './account-tables.ts'
import type { Queries } from './accounts.ts'
import type { Tables } from './database.ts'
import { toTelephonyUser } from './telephony-people.ts'

export type UserRow = Selectable<AccountTables['users']>
/** A person with an e-mail address, who may plan meetings (A8). */
export type OrganizerRow = UserRow & { readonly email: string }
export type PrivLevel = UserRow['privLevel']

export const isOrganizer = (row: UserRow): row is OrganizerRow => row.email !== null

interface Reach {
  /** Null: every account. */
  readonly accountId: string | null
  /** Set for plain users: nobody but this one. */
  readonly userId?: string | null
}

export const findUser = (db: Queries, id: string, reach: Reach): Promise<UserRow | undefined> =>
  selectUsers(db, reach).where('id', '=', id).executeTakeFirst()

export const lockUser = (trx: Transaction<Tables>, id: string, reach: Reach): Promise<UserRow | undefined> =>
  selectUsers(trx, reach).where('id', '=', id).forUpdate().executeTakeFirst()

export const findOrganizer = (db: Queries, id: string, reach: Reach): Promise<OrganizerRow | undefined> =>
  selectOrganizers(db, reach).where('id', '=', id).executeTakeFirst()

export const lockOrganizer = (trx: Transaction<Tables>, id: string, reach: Reach): Promise<OrganizerRow | undefined> =>
  selectOrganizers(trx, reach).where('id', '=', id).forUpdate().executeTakeFirst()

export const listOrganizerRows = (db: Queries, reach: Reach): Promise<OrganizerRow[]> =>
  selectOrganizers(db, reach).orderBy('createdAt').orderBy('id').limit(10_000).execute()

/** With or without an e-mail address. */
export const listAdminRows = (db: Queries, accountId: string): Promise<UserRow[]> =>
  selectUsers(db, { accountId }).where('isAdmin', '=', true).orderBy('createdAt').orderBy('id').execute()

const selectUsers = (db: Queries, { accountId, userId = null }: Reach) =>
  db
    .selectFrom('users')
    .selectAll()
    .$if(accountId !== null, (query) => query.where('accountId', '=', accountId ?? ''))
    .$if(userId !== null, (query) => query.where('id', '=', userId ?? ''))

const selectOrganizers = (db: Queries, reach: Reach) =>
  selectUsers(db, reach).where('email', 'is not', null).$narrowType<{ email: NotNull }>()

/** By what people sign in with: the e-mail address, or a user name, which never has an @. */
export const findUserByLogin = (db: Queries, login: string): Promise<UserRow | undefined> =>
  db
    .selectFrom('users')
    .selectAll()
    .where((is) =>
      is.eb(is.fn<string>('lower', [login.includes('@') ? 'email' : 'username']), '=', login.toLowerCase()),
    )
    .executeTakeFirst()

/** The two words for one right: v6's `isAdmin`, v3.0's `priv_level`. */
export const adminColumns = (isAdmin: boolean, isRoot: boolean) => ({
  isAdmin,
  privLevel: !isAdmin ? ('user' as const) : isRoot ? ('superduper' as const) : ('admin' as const),
})

/** Whoever tells of the user tells of the presence too (`settlePresence`). */
export async function insertUser(trx: Transaction<Tables>, user: Insertable<AccountTables['users']>): Promise<UserRow> {
  const row = await trx.insertInto('users').values(user).returningAll().executeTakeFirstOrThrow()
  await trx.insertInto('presence').values({ userId: row.id, accountId: row.accountId }).execute()
  return row
}

/** Writes what changed and counts the version up. */
export const updateUserRow = (
  trx: Transaction<Tables>,
  id: string,
  change: Updateable<AccountTables['users']>,
): Promise<UserRow> =>
  trx
    .updateTable('users')
    .set((is) => ({ ...change, resourceSeq: is('resourceSeq', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()

/** What the log shows: no token, no secret. */
export const toUserState = (row: UserRow) => ({ ...toPerson(row), telephony: toTelephonyUser(row) })

const toPerson = (row: UserRow) => ({
  email: row.email,
  firstName: row.firstName,
  lastName: row.lastName,
  externalUserId: row.externalUserId,
  preferredLanguage: row.preferredLanguage,
  timezone: row.timezone,
  additionalTimezones: row.additionalTimezones,
  id: row.id,
  accountId: row.accountId,
  isAdmin: row.isAdmin,
})

export const toOrganizer = (row: OrganizerRow): Organizer => ({
  ...toPerson(row),
  email: row.email,
  icsToken: row.icsToken,
  icsPath: `/api/v6/meeting/calender/user/${row.icsToken}`,
})
