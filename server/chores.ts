/** What the api process does by the clock. A chore that fails is logged and tried again at its next turn. */
import type { ClientConfig } from 'pg'
import type { App } from './app.ts'
import { eraseOld } from './events/erase.ts'
import { keepPartitions } from './events/retention.ts'
import { dropOldRecordings, settleRecordings } from './recording/settle.ts'
import { dropOldCalls } from './store/call-history.ts'
import { dropOldMediaFiles } from './store/media-files.ts'
import { dropOldDeliveries } from './store/webhook-deliveries.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

interface Chore {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<unknown>
}

/** Begins at once; the answer ends them and waits for those that run. */
export function startChores(app: App, connection: ClientConfig): () => Promise<void> {
  const { database, clock, signer, config } = app
  const chores: Chore[] = [
    { name: 'end meetings', everyMs: 5 * second, run: () => app.rooms.sweep() },
    { name: 'write last uses', everyMs: 5 * second, run: () => app.credentials.flush() },
    { name: 'deliver mail', everyMs: 2 * second, run: () => app.outbox.deliver() },
    { name: 'delete expired meetings', everyMs: hour, run: () => app.rooms.deleteExpired() },
    {
      name: 'keep partitions',
      everyMs: hour,
      run: () => keepPartitions({ connection, signer, now: new Date(clock()), keptDays: config.eventDays }),
    },
    { name: 'erase old events', everyMs: hour, run: () => eraseOld(database, new Date(clock())) },
    {
      name: 'drop old calls',
      everyMs: hour,
      run: () => dropOldCalls(database, new Date(clock() - config.callDays * 24 * hour)),
    },
    {
      name: 'put recordings together',
      everyMs: second,
      run: async () => {
        if (await settleRecordings(app)) app.sequencer.poke()
      },
    },
    { name: 'drop old recordings', everyMs: hour, run: () => dropOldRecordings(app) },
    {
      name: 'drop sounds that were replaced',
      everyMs: hour,
      run: () => dropOldMediaFiles(database, config.dataDir, new Date(clock() - 24 * hour)),
    },
    { name: 'drop old deliveries', everyMs: hour, run: () => dropOldDeliveries(database, clock()) },
    {
      name: 'forget expired credentials',
      everyMs: hour,
      run: async () => {
        const now = new Date(clock())
        await database.deleteFrom('tokens').where('expiresAt', '<', now).execute()
        await database.deleteFrom('oneTimeLinks').where('expiresAt', '<', now).execute()
        const dayAgo = new Date(clock() - 24 * hour)
        await database.deleteFrom('idempotency').where('createdAt', '<', dayAgo).execute()
        await database.deleteFrom('callCommands').where('createdAt', '<', dayAgo).execute()
      },
    },
  ]
  const stops = chores.map((chore) => repeat(app, chore))
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

function repeat(app: App, { name, everyMs, run }: Chore): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const turn = async () => {
    try {
      await run()
    } catch (error) {
      app.log.warn({ err: error, chore: name }, 'a chore failed and is tried again')
    }
    if (!isStopped) timer = setTimeout(begin, everyMs)
  }
  let running = Promise.resolve()
  const begin = () => {
    running = turn()
  }
  begin()
  return async () => {
    isStopped = true
    clearTimeout(timer)
    await running
  }
}
