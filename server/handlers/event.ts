/** The event log, read by its own API and as it grows. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import type { EventTypeInfo } from '../../contract/event.ts'
import { type EventType, events, eventTypes } from '../../contract/events.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, mayUse, ownOnly, type Principal, reachOf } from '../auth/principal.ts'
import { erasePerson } from '../events/erase.ts'
import { countEvents, exportRows, formatExport } from '../events/export.ts'
import type { LogAccounts, LogFilter } from '../events/filter.ts'
import { schemaVersion } from '../events/schema-version.ts'
import { findEvent, type LogPage, readPage, startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { readLogFilter, readStreamFilter, typesOf } from '../events/reader.ts'
import { openSse } from '../realtime/sse.ts'
import { type Handlers, JsonText, Live, Streaming } from './call.ts'

const defaultLimit = 100

export const eventHandlers: Handlers<
  'listEvents' | 'getEvent' | 'exportEvents' | 'listEventTypes' | 'eraseEvents' | 'streamEvents'
> = {
  async listEvents({ app, who, query, signal }) {
    const filter = await readLogFilter(app, who, query)
    const limit = query.limit ?? defaultLimit
    const start = await startOf(app.database, query.after)
    const page = await readPage(app.database, start, filter, limit)
    if (page.events.length > 0 || !query.wait) return toAnswer(page)
    return toAnswer(await waitForPage(app, page.position, filter, limit, query.wait * 1000, signal))
  },

  async getEvent({ app, who, params }) {
    const filter = { accounts: reachableAccounts(who), types: typesOf(who, undefined), userId: ownOnly(who) }
    const event = await findEvent(app.database, params.id, filter)
    if (!event) throw new ApiError('not_found', `There is no event ${params.id}.`, describe(who))
    return new JsonText(`{"data":${event.text}}`)
  },

  async exportEvents({ app, who, query }) {
    const filter = await readLogFilter(app, who, query)
    const start = await startOf(app.database, query.after)
    const end = await startOf(app.database, 'now')
    const { format = 'ndjson' } = query
    const rows = exportRows(app.database, filter, { start, end })
    return new Streaming(mediaTypes[format], Readable.from(formatExport(rows, format)), {
      'content-disposition': `attachment; filename="events.${format}"`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-total-count': String(await countEvents(app.database, filter, { start, end })),
    })
  },

  async listEventTypes() {
    return { data: eventTypes.map(toTypeInfo) }
  },

  async eraseEvents({ app, who, actor, body, write }) {
    const { user_id: userId } = body.data
    const now = new Date(app.clock())
    return write(async (trx) => {
      const count = await erasePerson(trx, { accountId: who.accountId, userId, actor, now })
      return { data: { user_id: userId, events: count } }
    })
  },

  async streamEvents({ app, who, query, secret, again, header }) {
    const filter = await readStreamFilter(app, who, query)
    const after = await startOf(app.database, header('last-event-id') ?? query.after)
    return new Live('text/event-stream', (response) => openSse(app, response, { who, secret, again, filter, after }))
  },
}

const mediaTypes = { ndjson: 'application/x-ndjson', csv: 'text/csv' } as const

/** The texts of the events as they are: every reader sees the same bytes (E6). */
const toAnswer = ({ events: found, position }: LogPage) =>
  new JsonText(`{"data":[${found.map(({ text }) => text).join()}],"next":"${formatCursor(position)}"}`)

async function waitForPage(
  app: App,
  after: number,
  filter: LogFilter,
  limit: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<LogPage> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
  const follower = app.feed.follow({ after, filter })
  const stop = () => follower.stop()
  until.addEventListener('abort', stop)
  if (until.aborted) stop()
  try {
    const found = (await follower.next()) ?? []
    const last = found.length > limit ? found[limit - 1] : undefined
    return { events: found.slice(0, limit), position: last?.position ?? follower.position }
  } finally {
    until.removeEventListener('abort', stop)
    stop()
  }
}

/** An event is named by its id alone: it may be of any account that the credential could read the log of. */
function reachableAccounts(who: Principal): LogAccounts {
  if (reachOf(who) === null) return { kind: 'all' }
  return { kind: mayUse(who, 'subaccounts') ? 'tree' : 'one', id: who.accountId }
}

function toTypeInfo(type: EventType): EventTypeInfo {
  const { summary, resource, scope, data, example } = events[type]
  const { $schema: _, ...schema } = z.toJSONSchema(data, {
    io: 'output',
    override: ({ jsonSchema }) => open(jsonSchema),
  })
  return { type, summary, resource, scope, schema_version: schemaVersion, schema, example }
}

/** Zod closes every object; a new field must break no reader. */
function open(schema: { additionalProperties?: unknown }): void {
  if (schema.additionalProperties === false) delete schema.additionalProperties
}
