/** People: rows, and what readers see of them. */
import type { Insertable, Selectable, Transaction, Updateable } from 'kysely'
import type { Organizer } from '../../contract/account.ts'
import type { AccountTables } from './account-tables.ts'
import type { Queries } from './accounts.ts'
import type { Tables } from './database.ts'

export type UserRow = Selectable<AccountTables['users']>

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

export const listUserRows = (db: Queries, reach: Reach): Promise<UserRow[]> =>
  selectUsers(db, reach).orderBy('createdAt').orderBy('id').limit(10_000).execute()

export const listAdminRows = (db: Queries, accountId: string): Promise<UserRow[]> =>
  selectUsers(db, { accountId }).where('isAdmin', '=', true).orderBy('createdAt').orderBy('id').execute()

const selectUsers = (db: Queries, { accountId, userId = null }: Reach) =>
  db
    .selectFrom('users')
    .selectAll()
    .$if(accountId !== null, (query) => query.where('accountId', '=', accountId ?? ''))
    .$if(userId !== null, (query) => query.where('id', '=', userId ?? ''))

export const findUserByEmail = (db: Queries, email: string): Promise<UserRow | undefined> =>
  db
    .selectFrom('users')
    .selectAll()
    .where((is) => is.eb(is.fn<string>('lower', ['email']), '=', email.toLowerCase()))
    .executeTakeFirst()

export const insertUser = (trx: Transaction<Tables>, user: Insertable<AccountTables['users']>): Promise<UserRow> =>
  trx.insertInto('users').values(user).returningAll().executeTakeFirstOrThrow()

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

/** What the log shows: no token. */
export const toUserState = (row: UserRow) => ({
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

export const toOrganizer = (row: UserRow): Organizer => ({
  ...toUserState(row),
  icsToken: row.icsToken,
  icsPath: `/api/v6/meeting/calender/user/${row.icsToken}`,
})
