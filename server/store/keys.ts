/** API keys: rows, and what each API shows of them. */
import type { Selectable } from 'kysely'
import type { ApiKey, Key } from '../../contract/credential.ts'
import { toScopes } from '../auth/credentials.ts'
import type { AccountTables } from './account-tables.ts'
import type { Queries } from './accounts.ts'

export type KeyRow = Selectable<AccountTables['apiKeys']>

export const listKeyRows = (db: Queries, accountId: string | null): Promise<KeyRow[]> =>
  db
    .selectFrom('apiKeys')
    .selectAll()
    .$if(accountId !== null, (query) => query.where('accountId', '=', accountId ?? ''))
    .orderBy('createdAt')
    .orderBy('id')
    .limit(10_000)
    .execute()

export const findKey = (db: Queries, id: string, accountId: string | null): Promise<KeyRow | undefined> =>
  db
    .selectFrom('apiKeys')
    .selectAll()
    .where('id', '=', id)
    .$if(accountId !== null, (query) => query.where('accountId', '=', accountId ?? ''))
    .executeTakeFirst()

export const toKey = (row: KeyRow, secret?: string): Key => ({
  ...toKeyState(row),
  last_used_at: row.lastUsedAt?.toISOString() ?? null,
  ...(secret !== undefined && { key: secret }),
})

/** What the log shows. */
export const toKeyState = (row: KeyRow) => ({
  id: row.id,
  account_id: row.accountId,
  name: row.name,
  role: row.role,
  scopes: [...toScopes(row.scopes)],
  networks: row.networks,
  expires_at: row.expiresAt?.toISOString() ?? null,
  created: row.createdAt.toISOString(),
})

export const toApiKey = (row: KeyRow, secret?: string): ApiKey => ({
  id: row.id,
  accountId: row.accountId,
  name: row.name,
  level: row.role === 'instance' ? 'instance' : 'account',
  permissions: [...toScopes(row.scopes)],
  networks: row.networks,
  expiresAt: row.expiresAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
  ...(secret !== undefined && { key: secret }),
})
