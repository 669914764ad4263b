/**
 * The api process: both APIs, the pages, the meetings' signalling, the event log and the clockwork.
 */
import { flushCompileCache } from 'node:module'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { ClientConfig } from 'pg'
import { createApp } from './app.ts'
import { readMasterKey } from './auth/signing.ts'
import { startChores } from './chores.ts'
import { readConfig } from './config.ts'
import { type ControlParts, runControlProgram, whenPortIsFree } from './control-program.ts'
import { readCredentials } from './credentials-file.ts'
import { ensureInstance } from './first-start.ts'
import { createServer } from './http/server.ts'
import { MediaClient } from './media/client.ts'
import { workerSocketPath } from './media/worker-process.ts'
import { createMetrics } from './metrics.ts'
import { openPool } from './store/database.ts'
import { readTls } from './tls.ts'
import { Bridge } from './voice/bridge.ts'
import { bridgeSocketPath } from './voice/bridge-frames.ts'
import { VoiceClient } from './voice/client.ts'
import { voiceSocketPath } from './voice/control-protocol.ts'
import { Dispatcher } from './webhooks/dispatcher.ts'

const config = readConfig(process.env)
runControlProgram({
  name: 'api',
  logLevel: config.logLevel,
  takenPort: `TCP port ${config.httpPort} is taken: set CARILLON_HTTP_PORT to a free one.`,
  start,
})

async function start(connection: ClientConfig, { log, stops }: ControlParts): Promise<void> {
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
  const masterKey = await readMasterKey(config.dataDir)
  const voice = new VoiceClient(voiceSocketPath(config.dataDir), log, {
    wrote: () => app.sequencer.poke(),
    phones: (phones) => app.phones.sync(phones),
    lost: () => app.phones.voiceLost(),
  })
  stops.push(async () => voice.stop())
  const bridge = new Bridge(bridgeSocketPath(config.dataDir))
  stops.push(async () => bridge.stop())
  const app = createApp({
    config,
    connection,
    database,
    instance,
    log,
    clock: Date.now,
    masterKey,
    instanceApiKey: credentials.instanceApiKey,
    voice,
    openMedia: (index, events) => {
      const worker = new MediaClient(workerSocketPath(config.dataDir, index), events)
      workers.push(worker)
      return worker
    },
  })
  app.sequencer.start()
  stops.push(() => app.sequencer.stop())
  await app.feed.start()
  stops.push(() => app.feed.stop())
  await app.rooms.restore()
  app.phones.start()
  const dispatcher = new Dispatcher({ app, connection })
  dispatcher.start()
  stops.push(() => dispatcher.stop())
  stops.push(() => app.outgoing.close())
  const stopChores = startChores(app, connection)
  stops.push(stopChores)
  const operations = createMetrics({ app, voice, workers, pool, loopDelay, dispatcher })
  const http = await createServer(app, { tls: readTls(config), bridge, ...operations })
  await whenPortIsFree(() => http.listen({ host: config.httpIp, port: config.httpPort }))
  stops.push(async () => {
    app.rooms.stop()
    await http.close()
  })
  flushCompileCache()
}
