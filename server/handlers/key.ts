/** API keys, on both APIs. A key may at most what the credential that makes it may. */
import type { Transaction } from 'kysely'
import type { Actor } from '../../contract/event.ts'
import { hasRole, type Scope } from '../../contract/access.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe, mayUse, type Principal, reachOf } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { hashSecret, newId, newSecret } from '../ids.ts'
import { findAccount } from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { findKey, type KeyRow, listKeyRows, toApiKey, toKey, toKeyState } from '../store/keys.ts'
import type { Handlers } from './call.ts'

interface Wanted {
  readonly accountId: string
  readonly name: string
  readonly role: 'admin' | 'instance'
  readonly scopes: readonly Scope[]
  readonly networks: readonly string[]
  readonly expiresAt: Date | null
}

const defaultOverlapSeconds = 86_400

export const keyHandlers: Handlers<
  'listApiKeys' | 'createApiKey' | 'deleteApiKey' | 'listKeys' | 'createKey' | 'rotateKey' | 'deleteKey'
> = {
  async listApiKeys({ app, who, query }) {
    const reach = reachOf(who)
    if (query.accountId && !(await findAccount(app.database, query.accountId, reach))) {
      throw new ApiError('not_found', `accountId: there is no account ${query.accountId}.`, describe(who))
    }
    return { data: (await listKeyRows(app.database, query.accountId ?? reach)).map((row) => toApiKey(row)) }
  },

  async createApiKey({ app, who, actor, body, write }) {
    const reach = reachOf(who)
    const role = body.level ?? (body.accountId === undefined && reach === null ? 'instance' : 'account')
    if (role === 'instance' && (!hasRole(who.role, 'instance') || body.accountId !== undefined)) {
      throw new ApiError('not_allowed', 'level: only an instance key, and no accountId, makes an instance key.')
    }
    const accountId = body.accountId ?? who.accountId
    if (!(await findAccount(app.database, accountId, reach))) {
      throw new ApiError('not_found', `accountId: there is no account ${accountId}.`, describe(who))
    }
    return write(async (trx) => {
      const wanted: Wanted = {
        accountId,
        name: body.name,
        role: role === 'instance' ? 'instance' : 'admin',
        scopes: grant(who, role === 'instance' ? 'instance' : 'admin', body.permissions),
        networks: body.networks ?? [],
        expiresAt: futureOf(body.expiresAt, app.clock(), 'expiresAt'),
      }
      const { row, secret } = await createKey(trx, wanted, actor)
      return { data: toApiKey(row, secret) }
    })
  },

  async deleteApiKey(call) {
    const answer = await call.write((trx) => deleteKey(trx, call.params.id, reachOf(call.who), call.who, call.actor))
    call.app.credentials.forget()
    return answer
  },

  async listKeys({ app, who }) {
    return { data: (await listKeyRows(app.database, who.accountId)).map((row) => toKey(row)) }
  },

  async createKey({ app, who, actor, body, write }) {
    return write(async (trx) => {
      const wanted: Wanted = {
        accountId: who.accountId,
        name: body.data.name,
        role: who.role === 'instance' ? 'instance' : 'admin',
        scopes: grant(who, who.role === 'instance' ? 'instance' : 'admin', body.data.scopes),
        networks: body.data.networks ?? [],
        expiresAt: futureOf(body.data.expires_at, app.clock(), 'expires_at'),
      }
      const { row, secret } = await createKey(trx, wanted, actor)
      return { data: toKey(row, secret) }
    })
  },

  async rotateKey({ app, who, actor, params, body, write }) {
    const overlapMs = (body.data.overlap_seconds ?? defaultOverlapSeconds) * 1000
    const answer = await write(async (trx) => {
      const old = await trx
        .selectFrom('apiKeys')
        .selectAll()
        .where('id', '=', params.id)
        .where('accountId', '=', who.accountId)
        .forUpdate()
        .executeTakeFirst()
      if (!old) throw noKey(params.id, who)
      refuseMore(who, toKeyState(old).scopes, old.role)
      const oldEnd = new Date(Math.min(app.clock() + overlapMs, old.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY))
      await trx.updateTable('apiKeys').set({ expiresAt: oldEnd }).where('id', '=', old.id).execute()
      const { row, secret } = await insertKey(trx, { ...old, scopes: toKeyState(old).scopes })
      await append(trx, {
        accountId: row.accountId,
        userId: null,
        type: 'key.rotated',
        resourceId: row.id,
        resourceSeq: 1,
        actor,
        data: { key: toKeyState(row), old_expires_at: oldEnd.toISOString() },
      })
      return { data: toKey(row, secret) }
    })
    app.credentials.forget()
    return answer
  },

  async deleteKey(call) {
    const answer = await call.write((trx) => deleteKey(trx, call.params.id, call.who.accountId, call.who, call.actor))
    call.app.credentials.forget()
    return answer
  },
}

const noKey = (id: string, who: Principal) => new ApiError('not_found', `There is no key ${id}.`, describe(who))

/** Without a wish: all that the maker has, but not what only an operator may. */
function grant(who: Principal, role: 'admin' | 'instance', wished: readonly Scope[] | undefined): readonly Scope[] {
  const scopes = wished ?? [...who.scopes].filter((scope) => role === 'instance' || scope !== 'instance')
  refuseMore(who, scopes, role)
  return scopes
}

function refuseMore(who: Principal, scopes: readonly Scope[], role: 'admin' | 'instance'): void {
  const excess = scopes.find((scope) => !mayUse(who, scope))
  if (excess) throw new ApiError('not_allowed', `You may not give the scope \`${excess}\`: you lack it.`, describe(who))
  if (role === 'admin' && scopes.includes('instance')) {
    throw new ApiError('not_allowed', 'An account’s key cannot have the scope `instance`.', describe(who))
  }
  if (!hasRole(who.role, role)) throw new ApiError('not_allowed', 'This key may more than you.', describe(who))
}

function futureOf(instant: string | null | undefined, now: number, field: string): Date | null {
  if (instant === null || instant === undefined) return null
  const date = new Date(instant)
  if (date.getTime() <= now) throw invalidField(field, 'lies in the past')
  return date
}

async function createKey(trx: Transaction<Tables>, wanted: Wanted, actor: Actor) {
  const made = await insertKey(trx, wanted)
  await append(trx, {
    accountId: made.row.accountId,
    userId: null,
    type: 'key.created',
    resourceId: made.row.id,
    resourceSeq: 1,
    actor,
    data: { key: toKeyState(made.row) },
  })
  return made
}

async function insertKey(trx: Transaction<Tables>, wanted: Wanted): Promise<{ row: KeyRow; secret: string }> {
  const secret = newSecret()
  const row = await trx
    .insertInto('apiKeys')
    .values({
      id: `key_${newId()}`,
      accountId: wanted.accountId,
      hash: hashSecret(secret),
      name: wanted.name,
      role: wanted.role,
      scopes: JSON.stringify(wanted.scopes),
      networks: JSON.stringify(wanted.networks),
      expiresAt: wanted.expiresAt,
      lastUsedAt: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { row, secret }
}

async function deleteKey(trx: Transaction<Tables>, id: string, reach: string | null, who: Principal, actor: Actor) {
  const row = await findKey(trx, id, reach)
  if (!row) throw noKey(id, who)
  if (row.role === 'instance' && !hasRole(who.role, 'instance')) throw noKey(id, who)
  await trx.deleteFrom('apiKeys').where('id', '=', id).execute()
  await append(trx, {
    accountId: row.accountId,
    userId: null,
    type: 'key.deleted',
    resourceId: row.id,
    resourceSeq: 2,
    actor,
    data: { key: toKeyState(row) },
  })
  return { data: { id } }
}
