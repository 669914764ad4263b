/** The product's side of api.bench.ts: both APIs without pages, media and sequencer, in a process of its own. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
const dataDir = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
const app = createApp({
  config: readConfig({ CARILLON_DATA_DIR: dataDir, CARILLON_RATE_LIMIT: '10000000' }),
  connection,
  database,
  instance: await ensureInstance(database, { adminEmail: 'root@example.com', adminPassword: 'not used here' }),
  log: pino({ level: 'info' }, { write: () => {} }),
  clock: Date.now,
  masterKey: Buffer.alloc(32, 7),
  instanceApiKey,
  openMedia: () => ({ isUp: false, tell: () => {}, ask: () => Promise.reject(new Error('no media here')) }),
})
const http = await createServer(app, {
  readiness: async () => ({ isReady: true, database: true, media: true, voice: true }),
  metrics: async () => '',
})
const root = await database.selectFrom('users').select('id').executeTakeFirstOrThrow()
const url = await http.listen({ host: '127.0.0.1', port: 0 })
process.on('message', () => process.send?.(process.cpuUsage()))
process.send?.({ url, headers: { 'x-api-key': instanceApiKey, 'x-user-id': root.id } })
