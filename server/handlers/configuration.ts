/**
 * What all changes of the telephony configuration have in common: telephony is on, what they name exists, what they
 * delete is not in use, and calls go by the change before it is answered (T4).
 */
import type { Transaction } from 'kysely'
import { DatabaseError } from 'pg'
import type { Scope } from '../../contract/access.ts'
import type { OperationId } from '../../contract/operations.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe, mayUse, type Principal } from '../auth/principal.ts'
import { findAccount, type Queries } from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { listUses, type UsedKind } from '../store/uses.ts'
import type { Call, Result } from './call.ts'

type Changing<Id extends OperationId> = Pick<Call<Id>, 'app' | 'who' | 'write'>

/** A change of what calls go by. */
export async function configure<Id extends OperationId, T extends Result<Id>>(
  call: Changing<Id>,
  run: (trx: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  const { app, who } = call
  const answer = await call
    .write(async (trx) => {
      await expectTelephony(trx, who)
      return run(trx)
    })
    .catch(rethrowConflict)
  await app.voice.changed(who.accountId)
  return answer
}

/** A8. */
async function expectTelephony(trx: Transaction<Tables>, who: Principal): Promise<void> {
  const account = await findAccount(trx, who.accountId, who.accountId)
  if (account?.telephonyEnabled) return
  throw new ApiError(
    'conflict',
    `Telephony is off for this account: an operator turns it on with X-Account-ID: ${who.accountId} and POST /v3.0/accounts {"data":{"id":"${who.accountId}","telephony_enabled":true}}.`,
    describe(who),
  )
}

/** What is checked before is checked by the database too, for whoever comes in the same moment. */
export function rethrowConflict(error: unknown): never {
  if (!(error instanceof DatabaseError)) throw error
  if (error.code === '23503') {
    throw new ApiError('conflict', 'What this names was deleted, or what it deletes came into use, in the same moment.')
  }
  const field = uniqueFields[error.constraint ?? '']
  if (error.code !== '23505' || !field) throw error
  const message = 'is in use; it can exist once only'
  throw new ApiError('already_exists', `${field}: ${message}.`, { issues: [{ field, message }] })
}

const uniqueFields: Readonly<Record<string, string>> = {
  devices_username: 'data.username',
  users_username: 'data.username',
  users_email: 'data.email',
  accounts_realm: 'data.realm',
  phone_numbers_pkey: 'data.phone_numbers',
  callflow_numbers_pkey: 'data.numbers',
}

export const noSuch = (what: string, id: string, who: Principal) =>
  new ApiError('not_found', `There is no ${what} ${id}.`, describe(who))

interface Identity {
  readonly id?: string | undefined
  readonly account_id?: string | undefined
  readonly created?: string | undefined
}

/** A1: of what cannot change, these are checked when an object is sent back; the rest is ignored. */
export function keepObject(row: { id: string; accountId: string; createdAt: Date }, body: Identity): void {
  if (body.id !== undefined && body.id !== row.id) throw invalidField('data.id', 'cannot change')
  if (body.account_id !== undefined && body.account_id !== row.accountId) {
    throw invalidField('data.account_id', 'cannot change')
  }
  if (body.created !== undefined && Date.parse(body.created) !== row.createdAt.getTime()) {
    throw invalidField('data.created', 'cannot change')
  }
}

/** Sees what is write-only else. */
export const seesSecrets = (who: Principal): boolean => mayUse(who, 'secrets')

export function expectScope(who: Principal, scope: Scope, field: string): void {
  if (mayUse(who, scope)) return
  const details = { missing_scope: scope, ...describe(who) }
  throw new ApiError('not_allowed', `${field}: the credential lacks the scope \`${scope}\`.`, details)
}

/** Acts on the account from above, or is the operator of the root: decides what the account may. */
export const isFromAbove = (who: Principal, rootAccountId: string): boolean =>
  who.role === 'instance' || who.homeAccountId !== who.accountId || who.accountId === rootAccountId

type Referred = 'users' | 'devices' | 'medias' | 'trunks' | 'callflows'
const nouns: Readonly<Record<Referred, string>> = {
  users: 'user',
  devices: 'device',
  medias: 'media',
  trunks: 'trunk',
  callflows: 'callflow',
}

export interface Reference {
  /** Of the body. */
  readonly field: string
  readonly table: Referred
  readonly id: string | null | undefined
}

/** Everything that is named must be of the account: a foreign id looks like an absent one (A2). */
export async function expectReferences(
  db: Queries,
  accountId: string,
  references: readonly Reference[],
): Promise<void> {
  for (const [table, named] of Map.groupBy(references, (reference) => reference.table)) {
    const ids = named.flatMap(({ id }) => (id ? [id] : []))
    if (ids.length === 0) continue
    const rows = await db
      .selectFrom(table as 'users')
      .select('id')
      .where('accountId', '=', accountId)
      .where('id', 'in', ids)
      .execute()
    const known = new Set(rows.map(({ id }) => id))
    const missing = named.find(({ id }) => id && !known.has(id))
    if (missing) throw invalidField(missing.field, `the account has no ${nouns[table]} ${missing.id}`)
  }
}

/** Only a media that is made for it is played to whoever is held, and only with sound in it. */
export async function expectMusic(db: Queries, accountId: string, field: string, id: string | null | undefined) {
  if (!id) return
  await expectReferences(db, accountId, [{ field, table: 'medias', id }])
  const media = await db.selectFrom('medias').select('settings').where('id', '=', id).executeTakeFirst()
  if (!media?.settings.available_as_moh) throw invalidField(field, 'this media is not `available_as_moh`')
}

export async function refuseWhileUsed(trx: Transaction<Tables>, kind: UsedKind, id: string): Promise<void> {
  const uses = await listUses(trx, kind, id)
  if (uses.length === 0) return
  const names = uses.map(({ type, name, id: user }) => `${type} ${name === user ? name : `${name} (${user})`}`)
  throw new ApiError('conflict', `It is in use by ${names.join(', ')}.`, { used_by: uses })
}
