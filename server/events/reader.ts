/** Whose events of which types somebody gets who asks for them (E2, E6): the one place where a wish meets a right. */
import type { Scope } from '../../contract/access.ts'
import type { StreamFilter } from '../../contract/realtime.ts'
import { events, type EventType, eventTypes } from '../../contract/events.ts'
import { unknownEvent } from '../../contract/unknown-event.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, mayUse, ownOnly, type Principal } from '../auth/principal.ts'
import { findAccount, isDescendant } from '../store/accounts.ts'
import type { LogAccounts, LogFilter } from './filter.ts'

type Wish = Omit<StreamFilter, 'after'>

export async function readLogFilter(app: App, who: Principal, wish: Wish): Promise<LogFilter> {
  return {
    accounts: await accountsOf(app, who, wish.account ?? 'self'),
    types: typesOf(who, wish.type),
    userId: ownOnly(who),
    resource: readResource(wish.resource),
    correlationId: wish.correlation_id,
    since: wish.since === undefined ? undefined : new Date(wish.since),
    until: wish.until === undefined ? undefined : new Date(wish.until),
  }
}

/**
 * The same for a stream: it would stay silent for ever where a page is merely empty, so what is asked for and may not be
 * read is refused, by the name of the scope.
 */
export function readStreamFilter(app: App, who: Principal, wish: Wish): Promise<LogFilter> {
  const wished = wishedTypes(wish.type)
  const missing = wished.find((type) => !mayUse(who, events[type].scope))
  const isNothing = !wished.some((type) => mayUse(who, events[type].scope))
  if (missing !== undefined && (isNothing || wish.type !== undefined)) throw lacks(who, events[missing].scope, 'type')
  return readLogFilter(app, who, wish)
}

/** `self`, `tree`, or an account below (E2). */
export async function accountsOf(app: App, who: Principal, account: string): Promise<LogAccounts> {
  if (account === 'self' || account === who.accountId) return { kind: 'one', id: who.accountId }
  if (!mayUse(who, 'subaccounts')) throw lacks(who, 'subaccounts', 'account')
  // Below the root is everything, also what was deleted since.
  if (account === 'tree') {
    return who.accountId === app.rootAccountId ? { kind: 'all' } : { kind: 'tree', id: who.accountId }
  }
  // The log of a deleted account is still its parent's to read.
  const isKnown = await findAccount(app.database, account, null)
  if (isKnown && !(await isDescendant(app.database, account, who.accountId))) throw noAccount(account, who)
  if (!isKnown && who.role !== 'instance') throw noAccount(account, who)
  return { kind: 'one', id: account }
}

const noAccount = (id: string, who: Principal) =>
  new ApiError('not_found', `account: there is no account ${id} below yours.`, describe(who))

export const lacks = (who: Principal, scope: Scope, field: string) =>
  new ApiError('not_allowed', `${field}: the credential lacks the scope \`${scope}\`.`, {
    missing_scope: scope,
    ...describe(who),
  })

/** E6: of each family only what the credential may read, whatever it asks for. */
export const typesOf = (who: Principal, wished: string | undefined): ReadonlySet<EventType> =>
  new Set(wishedTypes(wished).filter((type) => mayUse(who, events[type].scope)))

function wishedTypes(wished: string | undefined): readonly EventType[] {
  if (wished === undefined) return eventTypes
  const wishes = wished.split(',')
  for (const wish of wishes) {
    if (!eventTypes.some((type) => isWished(type, wish))) throw invalidField('type', unknownEvent(wish))
  }
  return eventTypes.filter((type) => wishes.some((wish) => isWished(type, wish)))
}

const isWished = (type: string, wish: string) =>
  wish.endsWith('.*')
    ? type.startsWith(wish.slice(0, -1))
    : wish.includes('.')
      ? type === wish
      : type.startsWith(`${wish}.`)

function readResource(resource: string | undefined): LogFilter['resource'] {
  if (resource === undefined) return undefined
  const [type = '', ...id] = resource.split(':')
  return id.length === 0 ? { type } : { type, id: id.join(':') }
}
