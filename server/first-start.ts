/** What an installation's database needs before its first call: the root account with its administrator, and its own id. */
import { hashPassword } from './auth/password.ts'
import { append } from './events/inbox.ts'
import { newIcsToken, newId } from './ids.ts'
import { insertAccount, insertDefaultRoom, toAccountState, toRoom } from './store/accounts.ts'
import type { Database } from './store/database.ts'
import { adminColumns, insertUser, toUserState } from './store/users.ts'

export interface Instance {
  readonly rootAccountId: string
  readonly whitelabelId: string
}

/** Safe to call at every start, and by two processes at once: the root account exists once. */
export async function ensureInstance(
  database: Database,
  admin: { readonly adminEmail: string; readonly adminPassword: string },
): Promise<Instance> {
  await database
    .insertInto('instance')
    .values({ whitelabelId: newId() })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const { whitelabelId } = await database.selectFrom('instance').select('whitelabelId').executeTakeFirstOrThrow()
  const rootAccountId = (await findRoot(database)) ?? (await createRoot(database, admin))
  return { rootAccountId, whitelabelId }
}

async function findRoot(database: Database): Promise<string | undefined> {
  const row = await database.selectFrom('accounts').select('id').where('parentId', 'is', null).executeTakeFirst()
  return row?.id
}

async function createRoot(
  database: Database,
  admin: { readonly adminEmail: string; readonly adminPassword: string },
): Promise<string> {
  const passwordHash = await hashPassword(admin.adminPassword)
  return database.transaction().execute(async (trx) => {
    const id = newId()
    const account = await insertAccount(trx, {
      id,
      parentId: null,
      name: 'Carillon',
      accountType: 'standard',
      paidUntil: null,
      telephonyEnabled: true,
    })
    const user = await insertUser(trx, {
      id: newId(),
      accountId: id,
      email: admin.adminEmail,
      firstName: 'Administrator',
      lastName: '',
      externalUserId: null,
      preferredLanguage: 'en',
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...adminColumns(true, true),
      icsToken: newIcsToken(),
      passwordHash,
    })
    const room = await insertDefaultRoom(trx, id)
    const about = { accountId: id, userId: null, resourceSeq: 1, actor: { type: 'system' as const, id: null } }
    await append(trx, {
      ...about,
      type: 'account.created',
      resourceId: id,
      data: { account: toAccountState(account) },
    })
    await append(trx, { ...about, type: 'user.created', resourceId: user.id, data: { user: toUserState(user) } })
    await append(trx, { ...about, type: 'room.created', resourceId: room.id, data: { room: toRoom(room) } })
    return id
  })
}
