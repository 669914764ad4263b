/** Who makes a call, and what follows from it. */
import type { Actor } from '../../contract/event.ts'
import { hasRole, type Role, type Scope } from '../../contract/access.ts'

export interface Principal {
  /** `tutorial`: `X-USER-ID` alone, from this machine (S1). */
  readonly kind: 'key' | 'token' | 'tutorial' | 'public'
  /** The account acted in. */
  readonly accountId: string
  /** Null: the instance key of the configuration, a password, or nobody. */
  readonly keyId: string | null
  /** The person acted for, or who signed in. */
  readonly userId: string | null
  readonly role: Role
  readonly scopes: ReadonlySet<Scope>
  readonly expiresAt: Date | null
  /** A name of the credential that lasts: idempotency keys belong to it. */
  readonly credential: string
  /** The account whose credential it is, when it acts in another. */
  readonly homeAccountId: string
}

export const mayUse = (who: Principal, scope: Scope | null): boolean =>
  scope === null || who.scopes.has(scope) || (scope !== 'secrets' && who.scopes.has('instance'))

/**
 * The one account a call may touch, or null for all of them: an instance key that acts for nobody. Every query of the
 * store takes it, so that a foreign id looks like an absent one (A2).
 */
export const reachOf = (who: Principal): string | null =>
  hasRole(who.role, 'instance') && who.userId === null && who.accountId === who.homeAccountId ? null : who.accountId

/** The only meetings and person that a plain user may see are their own. */
export const ownOnly = (who: Principal): string | null => (who.role === 'user' ? who.userId : null)

export function actorOf(who: Principal, ip: string): Actor {
  const actsFor = who.kind === 'key' || who.keyId !== null ? (who.userId ?? otherAccount(who)) : otherAccount(who)
  const self =
    who.kind === 'key'
      ? { type: 'key' as const, id: who.keyId }
      : who.keyId !== null
        ? { type: 'key' as const, id: who.keyId }
        : { type: 'user' as const, id: who.userId }
  return { ...self, ...(actsFor !== null && { on_behalf_of: actsFor }), ip }
}

const otherAccount = (who: Principal) => (who.accountId === who.homeAccountId ? null : who.accountId)

/** For a refusal (A10): what the credential was, so that the caller sees what to change. */
export const describe = (who: Principal) => ({
  credential: who.kind,
  account_id: who.accountId,
  user_id: who.userId,
  role: who.role,
  scopes: [...who.scopes],
})
