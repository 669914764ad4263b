/** Tokens: made from keys or a password, valid for 24 hours after their last use (A7). */
import type { Transaction } from 'kysely'
import { allScopes, type Role, type Scope } from '../../contract/access.ts'
import type { Actor } from '../../contract/event.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { type Credential, isFromNetwork, tokenLifeMs } from '../auth/credentials.ts'
import { isPassword } from '../auth/password.ts'
import { append } from '../events/inbox.ts'
import { hashSecret, newSecret } from '../ids.ts'
import { findAccount } from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { findUserByLogin, type UserRow } from '../store/users.ts'
import type { Call, Handlers } from './call.ts'

/** What people may do in their own account; the rest is for keys and operators. */
const personScopes: readonly Scope[] = allScopes.filter((scope) => !['instance', 'act_as', 'secrets'].includes(scope))

interface NewToken {
  readonly accountId: string
  readonly userId: string | null
  readonly keyId: string | null
  readonly instanceKey: Buffer | null
  readonly role: Role
  readonly scopes: Iterable<Scope>
}

export const authenticationHandlers: Handlers<
  | 'authenticateAccount'
  | 'authenticateUser'
  | 'authenticatePassword'
  | 'createSession'
  | 'deleteToken'
  | 'deleteSession'
  | 'whoami'
> = {
  async authenticateAccount({ app, body, ip, write }) {
    const key = await findKey(app, body.data.api_key, ip)
    const { accountId, role, scopes } = key
    const token = { accountId, userId: null, ...madeFrom(key, body.data.api_key), role, scopes }
    return write((trx) => createToken(trx, app, token, keyActor(key, ip)))
  },

  async authenticateUser({ app, body, ip, write }) {
    const key = await findKey(app, body.data.api_key, ip)
    if (!key.scopes.has('act_as')) {
      throw new ApiError('not_allowed', 'The key lacks the scope `act_as`: it may not sign in as a user.', {
        missing_scope: 'act_as',
      })
    }
    const user = await findUserByLogin(app.database, body.data.username)
    if (!user?.isEnabled || (key.role !== 'instance' && user.accountId !== key.accountId)) throw wrongSignIn()
    const scopes = personScopes.filter((scope) => key.scopes.has(scope))
    const token = { ...tokenOf(user), ...madeFrom(key, body.data.api_key), scopes }
    return write((trx) => createToken(trx, app, token, { ...keyActor(key, ip), on_behalf_of: user.id }))
  },

  async authenticatePassword({ app, body, ip, write }) {
    const user = await findByPassword(app, body.data)
    return write((trx) => createToken(trx, app, ownToken(user), { type: 'user', id: user.id, ip }))
  },

  async createSession({ app, body, ip, write, keepSession }) {
    const user = await findByPassword(app, body.data)
    let secret = ''
    const answer = await write(async (trx) => {
      const { auth_token, data } = await createToken(trx, app, ownToken(user), { type: 'user', id: user.id, ip })
      secret = auth_token
      return { data: { account_id: data.account_id, user_id: user.id, expires_at: data.expires_at } }
    })
    keepSession(secret)
    return answer
  },

  deleteToken: giveBack,

  async deleteSession(call) {
    const answer = await giveBack(call)
    call.keepSession(null)
    return answer
  },

  async whoami({ app, who }) {
    const account = await findAccount(app.database, who.accountId, null)
    if (!account || who.kind === 'public' || who.kind === 'tutorial') {
      throw new ApiError('unauthenticated', 'The account of this credential is gone.')
    }
    return {
      data: {
        kind: who.kind,
        account_id: account.id,
        account_name: account.name,
        key_id: who.keyId,
        user_id: who.userId,
        role: who.role,
        scopes: [...who.scopes],
        expires_at: who.expiresAt?.toISOString() ?? null,
      },
    }
  },
}

async function giveBack(call: Pick<Call<'deleteToken'>, 'app' | 'who' | 'actor' | 'secret' | 'write'>) {
  const { app, who, actor, secret } = call
  if (who.kind !== 'token' || secret === null) {
    throw invalidField('X-Auth-Token', 'this call gives back a token, and none was sent')
  }
  const answer = await call.write(async (trx) => {
    await trx.deleteFrom('tokens').where('hash', '=', hashSecret(secret)).execute()
    await append(trx, {
      accountId: who.homeAccountId,
      userId: who.userId,
      type: 'session.deleted',
      resourceId: who.credential,
      resourceSeq: 2,
      actor,
      data: { user_id: who.userId, key_id: who.keyId },
    })
    return { data: {} }
  })
  app.credentials.forget()
  return answer
}

async function findByPassword(app: App, { username, password }: { username: string; password: string }) {
  const user = await findUserByLogin(app.database, username)
  const isRight = await isPassword(user?.passwordHash ?? null, password)
  if (!user?.isEnabled || !isRight) throw wrongSignIn()
  return user
}

/** The same for an unknown person and a wrong password (S11). */
const wrongSignIn = () => new ApiError('unauthenticated', 'The user name or the password or key is wrong.')

async function findKey(app: App, secret: string, ip: string): Promise<Credential> {
  const credential = await app.credentials.find(secret)
  if (credential?.kind !== 'key') throw new ApiError('unauthenticated', 'api_key: is unknown, deleted or expired.')
  if (!isFromNetwork(credential, ip)) {
    throw new ApiError('not_allowed', `api_key: may not be used from ${ip}; see its \`networks\`.`)
  }
  return credential
}

/** A token dies with its key (A7); the instance key has no row, so its hash tells whether it is still the same. */
const madeFrom = ({ keyId }: Credential, secret: string) => ({
  keyId,
  instanceKey: keyId === null ? hashSecret(secret) : null,
})

const keyActor = (key: Credential, ip: string): Actor => ({ type: 'key', id: key.keyId, ip })

const tokenOf = (user: UserRow) => ({
  accountId: user.accountId,
  userId: user.id,
  role: user.isAdmin ? ('admin' as const) : ('user' as const),
})

const ownToken = (user: UserRow): NewToken & { readonly userId: string } => ({
  ...tokenOf(user),
  keyId: null,
  instanceKey: null,
  scopes: personScopes,
})

async function createToken(trx: Transaction<Tables>, app: App, token: NewToken, actor: Actor) {
  const secret = newSecret()
  const hash = hashSecret(secret)
  const expiresAt = new Date(app.clock() + tokenLifeMs)
  const { userId, keyId, scopes, ...rest } = token
  const row = { ...rest, hash, userId, keyId, expiresAt, scopes: JSON.stringify([...scopes]) }
  await trx.insertInto('tokens').values(row).execute()
  await append(trx, {
    accountId: token.accountId,
    userId,
    type: 'session.created',
    resourceId: `token_${hash.toString('base64').slice(0, 22)}`,
    resourceSeq: 1,
    actor,
    data: { user_id: userId, key_id: keyId },
  })
  const data = { auth_token: secret, account_id: token.accountId, user_id: userId, expires_at: expiresAt.toISOString() }
  return { auth_token: secret, data }
}
