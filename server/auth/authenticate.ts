/** From the headers of a request to the principal it is made by, or a refusal that says what to change (A10). */
import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { hasRole, type Role, type Scope } from '../../contract/access.ts'
import type { Access } from '../../contract/define.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { isDescendant } from '../store/accounts.ts'
import { cookieSecret, refuseOtherSites } from './cookie.ts'
import { type Credential, isFromNetwork } from './credentials.ts'
import type { Person } from './directory.ts'
import { describe, mayUse, type Principal } from './principal.ts'

const nobody: Principal = {
  kind: 'public',
  accountId: '',
  keyId: null,
  userId: null,
  role: 'user',
  scopes: new Set(),
  expiresAt: null,
  credential: 'public',
  homeAccountId: '',
}

/** Who asks, as far as it matters who that is. */
export type Asking = Pick<
  FastifyRequest,
  'headers' | 'cookies' | 'method' | 'ip' | 'socket' | 'protocol' | 'host' | 'log'
>

/** For HTTP, and for the request that opens a WebSocket: one by cookie must name this server as its `Origin` (S4). */
export async function authenticate(app: App, request: Asking, access: Access, isUse = true): Promise<Principal> {
  const { publicUrl } = app.config
  if (access.kind === 'public') {
    if (access.isForPages) refuseOtherSites(request, publicUrl)
    return nobody
  }
  const secret = presentedSecret(request, publicUrl)
  if (secret !== null && headerSecret(request) === null) refuseOtherSites(request, publicUrl)
  if (secret === null) return tutorialCaller(app, request, access.isTutorialCall === true)
  const credential = await app.credentials.find(secret, isUse)
  if (!credential) {
    throw new ApiError('unauthenticated', 'The API key or token is unknown, was deleted or has expired.')
  }
  if (!isFromNetwork(credential, request.ip)) {
    throw new ApiError('not_allowed', `This key may not be used from ${request.ip}; see its \`networks\`.`)
  }
  const who = await actAs(app, request, await inAccount(app, request, toPrincipal(credential)))
  checkAccess(who, access)
  return who
}

/** A header says what is meant; the cookie is there by itself. */
export const presentedSecret = (request: Asking, publicUrl: string): string | null =>
  headerSecret(request) ?? cookieSecret(request, publicUrl)

function headerSecret(request: Asking): string | null {
  const key = single(request, 'x-api-key') ?? single(request, 'x-auth-token')
  if (key !== null) return key
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')
  return bearer?.[1] ?? null
}

function single(request: Asking, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

const toPrincipal = (credential: Credential): Principal => ({
  kind: credential.kind,
  accountId: credential.accountId,
  keyId: credential.keyId,
  userId: credential.userId,
  role: credential.role,
  scopes: credential.scopes,
  expiresAt: credential.expiresAt,
  credential: credential.name,
  homeAccountId: credential.accountId,
})

/** `X-Account-ID`: any call may be made in an account below the own one (A3). */
async function inAccount(app: App, request: Asking, who: Principal): Promise<Principal> {
  const accountId = single(request, 'x-account-id')
  if (accountId === null || accountId === who.accountId) return who
  if (!mayUse(who, 'subaccounts')) throw missingScope(who, 'subaccounts')
  // People see what concerns themselves, and nothing in another account does.
  if (!hasRole(who.role, 'admin')) throw needsRole(who, 'admin')
  if (!(await isDescendant(app.database, accountId, who.accountId))) {
    throw new ApiError('not_found', `X-Account-ID: there is no account ${accountId} below yours.`, describe(who))
  }
  // What concerns the whole installation is not inside any account.
  const role = who.role === 'instance' ? 'admin' : who.role
  return { ...who, accountId, role, userId: null }
}

/** `X-USER-ID` and `X-USER-EMAIL`: a key acts for a person of the accounts it reaches. */
async function actAs(app: App, request: Asking, who: Principal): Promise<Principal> {
  const userId = single(request, 'x-user-id')
  const email = single(request, 'x-user-email')
  if (userId === null && email === null) return who
  const person = userId !== null ? await app.directory.byId(userId) : await app.directory.byEmail(email ?? '')
  const name = userId !== null ? `X-USER-ID: there is no user ${userId}` : `X-USER-EMAIL: there is no user ${email}`
  if (!person || !isWithin(person, who)) throw new ApiError('not_found', `${name}.`, describe(who))
  if (who.userId === person.user.id) return who
  if (who.kind !== 'key') {
    throw new ApiError('not_allowed', 'A token acts for its own user only; use an API key.', describe(who))
  }
  return { ...who, accountId: person.user.accountId, userId: person.user.id }
}

const isWithin = (person: Person, who: Principal) => who.role === 'instance' || person.user.accountId === who.accountId

/** Refuses by the name of the scope or role that is missing. */
export function checkAccess(who: Principal, access: Access): void {
  if (access.kind === 'public') return
  if (access.scope && !mayUse(who, access.scope)) throw missingScope(who, access.scope)
  if (!hasRole(who.role, access.minRole)) throw needsRole(who, access.minRole)
}

function needsRole(who: Principal, role: Role): ApiError {
  const needed = role === 'instance' ? 'an instance key' : 'an administrator of the account'
  return new ApiError('not_allowed', `This needs ${needed}; the credential has the role ${who.role}.`, describe(who))
}

const missingScope = (who: Principal, scope: Scope) =>
  new ApiError('not_allowed', `The credential lacks the scope \`${scope}\`.`, {
    missing_scope: scope,
    ...describe(who),
  })

/**
 * The published tutorial schedules and updates with `X-USER-ID` and no key. Knowing a user's id proves nothing, so this
 * works only where nobody else can be: public URL, peer and Host are loopback, and no proxy and no page is between (S1).
 */
async function tutorialCaller(app: App, request: Asking, isTutorialCall: boolean): Promise<Principal> {
  const userId = single(request, 'x-user-id')
  if (!isTutorialCall || userId === null) {
    throw new ApiError('unauthenticated', 'Send an API key in the header X-API-KEY, or a token in X-Auth-Token.')
  }
  if (!isFromThisMachine(app, request)) {
    throw new ApiError(
      'unauthenticated',
      'X-USER-ID alone is accepted from this machine only: add the header X-API-KEY.',
    )
  }
  const organizer = await app.directory.byId(userId)
  if (!organizer) throw new ApiError('not_found', `X-USER-ID: there is no user ${userId}.`)
  request.log.warn({ userId }, 'a call without an API key was accepted because it came from this machine')
  return {
    ...nobody,
    kind: 'tutorial',
    accountId: organizer.user.accountId,
    homeAccountId: organizer.user.accountId,
    userId,
    role: 'user',
    scopes: new Set(['meeting']),
    credential: `tutorial_${userId}`,
  }
}

const proxyHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
  'origin',
]

function isFromThisMachine(app: App, request: Asking): boolean {
  const hasTrace = Object.keys(request.headers).some(
    (name) => proxyHeaders.includes(name) || name.startsWith('x-forwarded-'),
  )
  return (
    !hasTrace &&
    isLoopback(new URL(app.config.publicUrl).hostname) &&
    isLoopback(request.socket.remoteAddress ?? '') &&
    isLoopback(hostOf(request.headers.host ?? ''))
  )
}

function hostOf(host: string): string {
  try {
    return new URL(`http://${host}`).hostname
  } catch {
    return ''
  }
}

export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').replace(/^::ffff:/, '')
  if (plain === 'localhost' || plain === '::1') return true
  return isIP(plain) === 4 && plain.startsWith('127.')
}
