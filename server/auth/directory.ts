/**
 * People with their account and its default room, kept for two seconds: scheduling for a user needs all three and
 * changes none. Whatever changes them in this process empties it.
 */
import type { Selectable } from 'kysely'
import type { AccountTables } from '../store/account-tables.ts'
import type { Queries } from '../store/accounts.ts'
import type { Database } from '../store/database.ts'
import { isOrganizer, type OrganizerRow, type UserRow } from '../store/users.ts'

type AccountRow = Selectable<AccountTables['accounts']>

export interface Person {
  readonly user: UserRow
  readonly account: AccountRow
  readonly defaultRoomId: string
}

/** A person with an e-mail address, who may plan meetings (A8). */
export interface Organizer extends Person {
  readonly user: OrganizerRow
}

export function asOrganizer(person: Person | null): Organizer | null {
  if (!person || !isOrganizer(person.user)) return null
  return { ...person, user: person.user }
}

const freshMs = 2_000
const largestCache = 10_000

export class Directory {
  readonly #database: Database
  readonly #clock: () => number
  readonly #known = new Map<string, { at: number; person: Person | null }>()

  constructor(database: Database, clock: () => number) {
    this.#database = database
    this.#clock = clock
  }

  forget(): void {
    this.#known.clear()
  }

  byId(userId: string): Promise<Person | null> {
    return this.#find(`id:${userId}`, (users) => users.where('id', '=', userId))
  }

  byEmail(email: string): Promise<Person | null> {
    const lower = email.toLowerCase()
    return this.#find(`email:${lower}`, (users) =>
      users.where((is) => is.eb(is.fn<string>('lower', ['email']), '=', lower)),
    )
  }

  /** Whom an account's own key schedules for when it names nobody: the administrator who was there first. */
  async firstAdmin(accountId: string): Promise<Organizer | null> {
    const admin = await this.#find(`admin:${accountId}`, (users) =>
      users
        .where('accountId', '=', accountId)
        .where('isAdmin', '=', true)
        .where('email', 'is not', null)
        .orderBy('createdAt')
        .orderBy('id')
        .limit(1),
    )
    return asOrganizer(admin)
  }

  async #find(name: string, narrow: (users: Users) => Users) {
    const known = this.#known.get(name)
    if (known && this.#clock() - known.at < freshMs) return known.person
    const person = await load(this.#database, narrow(usersOf(this.#database)))
    if (this.#known.size >= largestCache) this.#known.clear()
    this.#known.set(name, { at: this.#clock(), person })
    return person
  }
}

/** As it is now, within a transaction: a second connection could wait for the first one. */
export const loadOrganizer = async (db: Queries, userId: string): Promise<Organizer | null> =>
  asOrganizer(await load(db, usersOf(db).where('id', '=', userId)))

const usersOf = (db: Queries) => db.selectFrom('users').selectAll()
type Users = ReturnType<typeof usersOf>

async function load(db: Queries, users: Users): Promise<Person | null> {
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
