/** What is so now, each with the cursor from which the stream goes on (E4). */
import type { Scope } from '../../contract/access.ts'
import type { App } from '../app.ts'
import { mayUse, ownOnly, type Principal } from '../auth/principal.ts'
import { startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { accountsOf, lacks } from '../events/reader.ts'
import { meetingLinks } from '../meeting/links.ts'
import { readLiveCalls, readLiveMeetings, readLiveRegistrations, readPresence, type Seen } from '../store/snapshots.ts'
import { type Handlers, JsonText } from './call.ts'

export const snapshotHandlers: Handlers<
  'listLiveCalls' | 'listLiveRegistrations' | 'listLiveMeetings' | 'listPresence' | 'listLiveQueues'
> = {
  async listLiveCalls({ app, who, query }) {
    const { cursor, seen } = await begin(app, who, query.account, 'telephony:read')
    const calls = await readLiveCalls(app.database, seen)
    return new JsonText(`{"data":[${calls.join()}],"cursor":"${cursor}"}`)
  },

  async listLiveRegistrations({ app, who, query }) {
    const { cursor, seen } = await begin(app, who, query.account, 'telephony:read')
    return { data: await readLiveRegistrations(app.database, seen), cursor }
  },

  async listLiveMeetings({ app, who, query }) {
    const { cursor, seen } = await begin(app, who, query.account, 'meeting')
    return { data: await readLiveMeetings(app.database, meetingLinks(app), seen), cursor }
  },

  async listPresence({ app, who, query }) {
    const { cursor, seen } = await begin(app, who, query.account, 'telephony:read')
    return { data: await readPresence(app.database, seen), cursor }
  },

  async listLiveQueues({ app, who, query }) {
    const { cursor } = await begin(app, who, query.account, 'realtime')
    return { data: [], cursor }
  },
}

/** The cursor comes first: what is told after it may be in the rows already, and what was told before it surely is. */
async function begin(app: App, who: Principal, account: string | undefined, scope: Scope) {
  if (!mayUse(who, scope)) throw lacks(who, scope, 'data')
  const accounts = await accountsOf(app, who, account ?? 'self')
  const cursor = formatCursor(await startOf(app.database, 'now'))
  const seen: Seen = { accounts, userId: ownOnly(who) }
  return { cursor, seen }
}
