/** The event log, read by its own API. */
import { events, eventTypes } from '../../contract/events.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, mayUse, ownOnly, type Principal } from '../auth/principal.ts'
import type { LogAccounts, LogFilter } from '../events/filter.ts'
import { type LogPage, readPage, startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { findAccount, isDescendant } from '../store/accounts.ts'
import { type Handlers, JsonText } from './call.ts'

const defaultLimit = 100

export const eventHandlers: Handlers<'listEvents'> = {
  async listEvents({ app, who, query, signal }) {
    const filter: LogFilter = {
      accounts: await accountsOf(app, who, query.account ?? 'self'),
      types: typesOf(who, query.type),
      userId: ownOnly(who),
      resource: readResource(query.resource),
      since: query.since === undefined ? undefined : new Date(query.since),
      until: query.until === undefined ? undefined : new Date(query.until),
    }
    const limit = query.limit ?? defaultLimit
    const start = await startOf(app.database, query.after)
    const page = await readPage(app.database, start, filter, limit)
    if (page.events.length > 0 || !query.wait) return toAnswer(page)
    return toAnswer(await waitForPage(app, page.position, filter, limit, query.wait * 1000, signal))
  },
}

/** The texts of the events as they are: every reader sees the same bytes (E6). */
const toAnswer = ({ events, position }: LogPage) =>
  new JsonText(`{"data":[${events.map(({ text }) => text).join()}],"next":"${formatCursor(position)}"}`)

async function waitForPage(
  app: App,
  after: number,
  filter: LogFilter,
  limit: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<LogPage> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
  const follower = app.feed.follow({ after, filter, signal: until })
  for await (const events of follower) {
    const last = events.length > limit ? events[limit - 1] : undefined
    return { events: events.slice(0, limit), position: last?.position ?? follower.position }
  }
  return { events: [], position: follower.position }
}

async function accountsOf(app: App, who: Principal, account: string): Promise<LogAccounts> {
  if (account === 'self' || account === who.accountId) return { kind: 'one', id: who.accountId }
  if (!mayUse(who, 'subaccounts')) {
    throw new ApiError('not_allowed', 'account: the credential lacks the scope `subaccounts`.', {
      missing_scope: 'subaccounts',
      ...describe(who),
    })
  }
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

/** E6: of each family only what the credential may read, whatever it asks for. */
function typesOf(who: Principal, wished: string | undefined): ReadonlySet<string> {
  const readable = eventTypes.filter((type) => mayUse(who, events[type].scope))
  if (wished === undefined) return new Set(readable)
  const wishes = wished.split(',')
  for (const wish of wishes) {
    if (!eventTypes.some((type) => matches(type, wish))) throw invalidField('type', `there is no event ${wish}`)
  }
  return new Set(readable.filter((type) => wishes.some((wish) => matches(type, wish))))
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
