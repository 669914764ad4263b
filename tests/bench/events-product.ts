/** The product's side of events.bench.ts: sequencer, feed and streams, in a process of their own. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getHeapSpaceStatistics } from 'node:v8'
import type pg from 'pg'
import { pino } from 'pino'
import { createApp } from '../../server/app.ts'
import { readConfig } from '../../server/config.ts'
import { ensureInstance } from '../../server/first-start.ts'
import { createServer } from '../../server/http/server.ts'
import { openDatabase } from '../../server/store/database.ts'

const instanceApiKey = 'the-instance-key-of-the-benchmark'
const connection: pg.ClientConfig = JSON.parse(process.argv[2] ?? '{}')
const database = openDatabase(connection)
const app = createApp({
  config: readConfig({
    CARILLON_DATA_DIR: mkdtempSync(join(tmpdir(), 'carillon-bench-')),
    CARILLON_RATE_LIMIT: '10000000',
  }),
  connection,
  database,
  instance: await ensureInstance(database, { adminEmail: 'root@example.com', adminPassword: 'not used here' }),
  log: pino({ level: 'warn' }),
  clock: Date.now,
  masterKey: Buffer.alloc(32, 7),
  instanceApiKey,
  openMedia: () => ({ isUp: false, tell: () => {}, ask: () => Promise.reject(new Error('no media here')) }),
})
app.sequencer.start()
await app.feed.start()
const http = await createServer(app, {
  readiness: async () => ({ isReady: true, database: true, media: true, voice: true }),
  metrics: async () => '',
})
const url = await http.listen({ host: '127.0.0.1', port: 0 })
process.on('message', (asked) => {
  // As the voice process says when it wrote something.
  if (asked === 'wrote') return app.sequencer.poke()
  globalThis.gc?.()
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => name === 'new_space')
  const young = spaces[0]?.physical_space_size ?? 0
  process.send?.({ streams: app.streams.size, rss: process.memoryUsage().rss, young, cpu: process.cpuUsage() })
})
process.send?.({ url, headers: { 'x-api-key': instanceApiKey }, accountId: app.rootAccountId })
