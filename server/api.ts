/**
 * The api process: both APIs, the pages, the meetings' signalling, the event log and the clockwork. It is told by its
 * supervisor where the database is, and ends when the supervisor is gone.
 */
import { flushCompileCache } from 'node:module'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { ClientConfig } from 'pg'
import { pino } from 'pino'
import type { FromApi, ToApi } from './api-process.ts'
import { createApp } from './app.ts'
import { readMasterKey } from './auth/signing.ts'
import { startChores } from './chores.ts'
import { readConfig } from './config.ts'
import { readCredentials } from './credentials-file.ts'
import { ensureInstance } from './first-start.ts'
import { createServer } from './http/server.ts'
import { MediaClient } from './media/client.ts'
import { workerSocketPath } from './media/worker-process.ts'
import { createMetrics } from './metrics.ts'
import { openPool } from './store/database.ts'
import { readTls } from './tls.ts'

const portMs = 3_000
const config = readConfig(process.env)
const log = pino({ level: config.logLevel, base: null })
const stops: (() => Promise<unknown>)[] = []
let isStopping = false

process.on('message', (message: ToApi) => {
  if (message.type === 'stop') void stop('told to')
  else start(message.connection).catch(refuse)
})
process.on('disconnect', () => void stop('the supervisor is gone'))
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => {}) // Ctrl-C reaches the whole group; the supervisor decides when we stop

const say = (message: FromApi) => process.send?.(message)

async function start(connection: ClientConfig): Promise<void> {
  const loopDelay = monitorEventLoopDelay({ resolution: 10 })
  loopDelay.enable()
  const { database, pool } = openPool(connection)
  stops.push(() => database.destroy())
  const credentials = readCredentials(config)
  const instance = await ensureInstance(database, credentials)
  const workers: MediaClient[] = []
  stops.push(async () => {
    for (const worker of workers) worker.stop()
  })
  const app = createApp({
    config,
    connection,
    database,
    instance,
    log,
    clock: Date.now,
    masterKey: await readMasterKey(config.dataDir),
    instanceApiKey: credentials.instanceApiKey,
    openMedia: (index, events) => {
      const worker = new MediaClient(workerSocketPath(config.dataDir, index), events)
      workers.push(worker)
      return worker
    },
  })
  app.sequencer.start()
  stops.push(() => app.sequencer.stop())
  await app.logWatch.start()
  stops.push(() => app.logWatch.stop())
  await app.rooms.restore()
  const stopChores = startChores(app, connection)
  stops.push(stopChores)
  const http = await createServer(app, { tls: readTls(config), ...createMetrics({ app, workers, pool, loopDelay }) })
  await listen(http)
  stops.push(async () => {
    app.rooms.stop()
    await http.close()
  })
  if (!isStopping) say({ type: 'serving' })
  flushCompileCache()
}

/** The process before this one may need a moment to let the port go. */
async function listen(http: FastifyInstance): Promise<void> {
  const giveUpAt = performance.now() + portMs
  for (;;) {
    try {
      await http.listen({ host: config.httpIp, port: config.httpPort })
      return
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || performance.now() > giveUpAt) throw error
      await wait(50)
    }
  }
}

function refuse(error: unknown): void {
  log.fatal({ err: error }, 'the api process could not start')
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  const reason = isTaken
    ? `TCP port ${config.httpPort} is taken: set CARILLON_HTTP_PORT to a free one.`
    : error instanceof Error
      ? error.message
      : 'unknown'
  say({ type: 'refused', reason })
  void stop('it could not start', 1)
}

async function stop(reason: string, code = 0): Promise<void> {
  if (isStopping) return
  isStopping = true
  log.info({ reason }, 'api process stopping')
  for (let stop = stops.pop(); stop; stop = stops.pop()) {
    await stop().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'))
  }
  process.exit(code)
}
