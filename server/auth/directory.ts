/**
 * People with their account and its default room, kept for two seconds: scheduling for a user needs all three and
 * changes none. Whatever changes them in this process empties it.
 */
import type { Selectable } from 'kysely'
import type { AccountTables } from '../store/account-tables.ts'
import type { Queries } from '../store/accounts.ts'
import type { Database } from '../store/database.ts'

export type UserRow = Selectable<AccountTables['users']>
export type AccountRow = Selectable<AccountTables['accounts']>

export interface Organizer {
  readonly user: UserRow
  readonly account: AccountRow
  readonly defaultRoomId: string
}

const freshMs = 2_000
const largestCache = 10_000

export class Directory {
  readonly #database: Database
  readonly #clock: () => number
  readonly #known = new Map<string, { at: number; organizer: Organizer | null }>()

  constructor(database: Database, clock: () => number) {
    this.#database = database
    this.#clock = clock
  }

  forget(): void {
    this.#known.clear()
  }

  byId(userId: string): Promise<Organizer | null> {
    return this.#find(`id:${userId}`, (users) => users.where('id', '=', userId))
  }

  byEmail(email: string): Promise<Organizer | null> {
    const lower = email.toLowerCase()
    return this.#find(`email:${lower}`, (users) =>
      users.where((is) => is.eb(is.fn<string>('lower', ['email']), '=', lower)),
    )
  }

  /** Whom an account's own key schedules for when it names nobody: the administrator who was there first. */
  firstAdmin(accountId: string): Promise<Organizer | null> {
    return this.#find(`admin:${accountId}`, (users) =>
      users.where('accountId', '=', accountId).where('isAdmin', '=', true).orderBy('createdAt').orderBy('id').limit(1),
    )
  }

  async #find(name: string, narrow: (users: Users) => Users) {
    const known = this.#known.get(name)
    if (known && this.#clock() - known.at < freshMs) return known.organizer
    const organizer = await load(this.#database, narrow(usersOf(this.#database)))
    if (this.#known.size >= largestCache) this.#known.clear()
    this.#known.set(name, { at: this.#clock(), organizer })
    return organizer
  }
}

/** As it is now, within a transaction: a second connection could wait for the first one. */
export const loadOrganizer = (db: Queries, userId: string): Promise<Organizer | null> =>
  load(db, usersOf(db).where('id', '=', userId))

const usersOf = (db: Queries) => db.selectFrom('users').selectAll()
type Users = ReturnType<typeof usersOf>

async function load(db: Queries, users: Users): Promise<Organizer | null> {
  const user = await users.executeTakeFirst()
  if (!user) return null
  const [account, room] = await Promise.all([
    db.selectFrom('accounts').selectAll().where('id', '=', user.accountId).executeTakeFirst(),
    db
      .selectFrom('rooms')
      .select('id')
      .where('accountId', '=', user.accountId)
      .where('isDefault', '=', true)
      .executeTakeFirst(),
  ])
  return account && room ? { user, account, defaultRoomId: room.id } : null
}
