/** Carries replays out, a batch a turn, as far as the endpoint can take more. */
import type pg from 'pg'
import type { App } from '../app.ts'
import { oldestKept, readPage } from '../events/log.ts'
import type { ReplayRow } from '../store/webhooks.ts'
import { type Endpoint, logFilterOf } from './endpoint.ts'
import { meetsConditions } from './event-choice.ts'
import { toNewDelivery, writeReplay, writeRetries } from './ledger.ts'
import { toPending } from './roster.ts'

type ReplayApp = Pick<App, 'database' | 'clock' | 'feed' | 'rootAccountId'>

/** True when there is more to do at once. */
export async function continueReplays(
  app: ReplayApp,
  client: pg.ClientBase,
  endpoints: Iterable<Endpoint>,
): Promise<boolean> {
  let isMore = false
  for (const endpoint of endpoints) {
    const [replay] = endpoint.replays
    const room = endpoint.isEnding || endpoint.queue.isOpen ? 0 : endpoint.queue.room(app.clock())
    if (!replay || room === 0) continue
    const next = await step(app, client, endpoint, replay, room)
    if (next) endpoint.replays[0] = next
    else endpoint.replays.shift()
    isMore = true
  }
  return isMore
}

/** The replay as it goes on; null: it is over. */
const step = (...of: Parameters<typeof stepEvents>) =>
  of[3].filter.kind === 'failed' ? stepFailed(...of) : stepEvents(...of)

async function stepEvents(
  { database, clock, feed, rootAccountId }: ReplayApp,
  client: pg.ClientBase,
  endpoint: Endpoint,
  replay: ReplayRow,
  room: number,
): Promise<ReplayRow | null> {
  const now = clock()
  const end = Number(replay.until)
  const filter = logFilterOf(endpoint.webhook, rootAccountId, replay.filter)
  const { redactions } = feed
  const page = await readPage(database, Number(replay.after), filter, room).catch((error: unknown) => {
    // Retention was faster: what is left is what is kept.
    const oldest = oldestKept(error)
    if (oldest === null) throw error
    return { events: [], position: oldest }
  })
  const deliveries = page.events
    .filter(({ position, text }) => position <= end && meetsConditions(text, endpoint.conditions))
    .map((event) => toNewDelivery(endpoint.id, event, now, 'replay'))
  const isDone = page.position >= end
  const after = String(page.position)
  const change = { id: replay.id, before: replay.after, after, isDone }
  if (!(await writeReplay(client, change, deliveries, new Date(now)))) return null
  for (const delivery of deliveries) {
    if (feed.redactions !== redactions) delivery.text = null
    endpoint.add(delivery, now)
  }
  return isDone ? null : { ...replay, after }
}

async function stepFailed(
  { clock }: ReplayApp,
  client: pg.ClientBase,
  endpoint: Endpoint,
  replay: ReplayRow,
  room: number,
): Promise<ReplayRow | null> {
  const now = clock()
  const since = new Date(replay.filter.since ?? 0)
  const rows = await writeRetries(client, replay, since, { limit: room, now: new Date(now) })
  for (const row of rows) endpoint.add(toPending(row), now)
  const last = rows.at(-1)
  return rows.length === room && last ? { ...replay, after: last.id } : null
}
