/** The event log, read by its own API. */
import { events, eventTypes } from '../../contract/events.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, mayUse, ownOnly, type Principal } from '../auth/principal.ts'
import { type LogFilter, type LogPage, readPage, startOf } from '../events/log.ts'
import { accountTree, findAccount, isDescendant } from '../store/accounts.ts'
import type { Handlers } from './call.ts'

const defaultLimit = 100

export const eventHandlers: Handlers<'listEvents'> = {
  async listEvents({ app, who, query, signal }) {
    const filter: LogFilter = {
      accountIds: await accountsOf(app, who, query.account ?? 'self'),
      types: typesOf(who, query.type),
      userId: ownOnly(who),
      resource: readResource(query.resource),
      since: query.since === undefined ? undefined : new Date(query.since),
      until: query.until === undefined ? undefined : new Date(query.until),
      limit: query.limit ?? defaultLimit,
    }
    const position = await startOf(app.database, query.after)
    return waitForPage(app, position, filter, (query.wait ?? 0) * 1000, signal)
  },
}

async function waitForPage(
  app: App,
  start: number,
  filter: LogFilter,
  waitMs: number,
  signal: AbortSignal,
): Promise<LogPage> {
  const until = app.clock() + waitMs
  let page = await readPage(app.database, start, filter)
  while (page.data.length === 0 && app.clock() < until && !signal.aborted && !app.logWatch.isStopped) {
    const woken = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, until - app.clock()))])
    await app.logWatch.more(woken)
    page = await readPage(app.database, start, filter)
  }
  return page
}

async function accountsOf(app: App, who: Principal, account: string): Promise<readonly string[] | null> {
  if (account === 'self' || account === who.accountId) return [who.accountId]
  if (!mayUse(who, 'subaccounts')) {
    throw new ApiError('not_allowed', 'account: the credential lacks the scope `subaccounts`.', {
      missing_scope: 'subaccounts',
      ...describe(who),
    })
  }
  // Below the root is everything, also what was deleted since.
  if (account === 'tree') {
    return who.accountId === app.rootAccountId ? null : accountTree(app.database, who.accountId)
  }
  // The log of a deleted account is still its parent's to read.
  const isKnown = await findAccount(app.database, account, null)
  if (isKnown && !(await isDescendant(app.database, account, who.accountId))) throw noAccount(account, who)
  if (!isKnown && who.role !== 'instance') throw noAccount(account, who)
  return [account]
}

const noAccount = (id: string, who: Principal) =>
  new ApiError('not_found', `account: there is no account ${id} below yours.`, describe(who))

/** E6: of each family only what the credential may read, whatever it asks for. */
function typesOf(who: Principal, wished: string | undefined): readonly string[] {
  const readable = eventTypes.filter((type) => mayUse(who, events[type].scope))
  if (wished === undefined) return readable
  return wished.split(',').flatMap((wish) => {
    const matching = eventTypes.filter((type) => matches(type, wish))
    if (matching.length === 0) throw invalidField('type', `there is no event ${wish}`)
    return matching.filter((type) => readable.includes(type))
  })
}

const matches = (type: string, wish: string) =>
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
