/**
 * What an installation needs before its first call: the root account with its administrator, the installation's own id,
 * the instance key. Random where the environment says nothing, and then kept in `<data dir>/credentials.json` (0600).
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { hashPassword } from './auth/password.ts'
import type { Config } from './config.ts'
import { append } from './events/inbox.ts'
import { newIcsToken, newId } from './ids.ts'
import { insertAccount, insertDefaultRoom, toAccountState, toRoom } from './store/accounts.ts'
import type { Database } from './store/database.ts'
import { insertUser, toUserState } from './store/users.ts'

const Credentials = z.object({ instanceApiKey: z.string(), adminEmail: z.string(), adminPassword: z.string() })
export type StoredCredentials = z.output<typeof Credentials>

export interface Instance {
  readonly rootAccountId: string
  readonly whitelabelId: string
}

export const credentialsFile = (config: Config): string => join(config.dataDir, 'credentials.json')

/** Reads what an earlier start kept, or draws it. `isNew`: print it now, it is shown nowhere else. */
export function readCredentials(config: Config): StoredCredentials & { readonly isNew: boolean } {
  const file = credentialsFile(config)
  const isNew = !existsSync(file)
  const stored = isNew ? drawCredentials(config) : Credentials.parse(JSON.parse(readFileSync(file, 'utf8')))
  if (isNew) store(file, config.dataDir, stored)
  return { ...stored, instanceApiKey: config.instanceApiKey ?? stored.instanceApiKey, isNew }
}

const drawCredentials = (config: Config): StoredCredentials => ({
  instanceApiKey: config.instanceApiKey ?? randomBytes(32).toString('base64url'),
  adminEmail: config.adminEmail,
  adminPassword: config.adminPassword ?? randomBytes(15).toString('base64url'),
})

function store(file: string, dataDir: string, credentials: StoredCredentials): void {
  mkdirSync(dataDir, { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true })
  chmodSync(draft, 0o600)
  renameSync(draft, file)
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
      isAdmin: true,
      icsToken: newIcsToken(),
      passwordHash,
    })
    const room = await insertDefaultRoom(trx, id)
    const about = { accountId: id, resourceSeq: 1, actor: { type: 'system' as const, id: null } }
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
