/** The api process's parts on a fresh database, without sockets: what handlers and their tests need. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { FastifyBaseLogger, FastifyInstance, InjectOptions } from 'fastify'
import type { ClientConfig } from 'pg'
import { pino } from 'pino'
import { afterAll } from 'vitest'
import { type App, createApp, type Parts, type Voice } from '../server/app.ts'
import { type Config, readConfig } from '../server/config.ts'
import { ensureInstance } from '../server/first-start.ts'
import { createServer } from '../server/http/server.ts'
import type { Media, MediaEvents } from '../server/meeting/media.ts'
import { testDatabase } from './database.ts'
import { fakeVoice } from './voice.ts'

export const instanceKey = 'the-instance-key-of-the-tests'

export interface TestApp {
  readonly app: App
  readonly http: FastifyInstance
  /** Moves the clock of the app; it stands still otherwise only when `now` was given. */
  readonly setNow: (now: number | undefined) => void
  readonly dataDir: string
  readonly connection: ClientConfig
}

interface Options {
  readonly environment?: Record<string, string>
  readonly now?: number
  readonly openMedia?: (worker: number, events: MediaEvents) => Media
  /** Default: as often as tests like. */
  readonly limits?: Config['limits']
  readonly log?: FastifyBaseLogger
  readonly graceMs?: number
  readonly voice?: Voice
  readonly streams?: Parts['streams']
  readonly outgoing?: Parts['outgoing']
}

const often = 1_000_000
const noLimits = { perKeyPerSecond: often, publicPerMinute: often, signInPerMinute: often }

/** A worker that is away. */
const noMedia = (): Media => ({
  isUp: false,
  tell: () => {},
  ask: () => Promise.reject(new Error('there is no media worker in this test')),
})

export async function testApp(options: Options = {}): Promise<TestApp> {
  const { database, connection } = await testDatabase()
  const dataDir = mkdtempSync(join(tmpdir(), 'carillon-app-'))
  const environment = { CARILLON_DATA_DIR: dataDir, ...options.environment }
  const config: Config = { ...readConfig(environment), limits: options.limits ?? noLimits }
  const instance = await ensureInstance(database, { adminEmail: 'root@example.com', adminPassword: 'root password 1' })
  let now = options.now
  const app = createApp({
    config,
    connection,
    database,
    instance,
    log: options.log ?? pino({ level: process.env.TEST_LOG ?? 'silent' }),
    clock: () => now ?? Date.now(),
    masterKey: Buffer.alloc(32, 7),
    instanceApiKey: instanceKey,
    openMedia: options.openMedia ?? noMedia,
    ...(options.graceMs !== undefined && { graceMs: options.graceMs }),
    voice: options.voice ?? { ...fakeVoice(database), sandboxCall: async () => true },
    ...(options.outgoing && { outgoing: options.outgoing }),
    ...(options.streams && { streams: options.streams }),
  })
  app.sequencer.start()
  await app.feed.start()
  const http = await createServer(app, {
    readiness: async () => ({ isReady: true, database: true, media: true, voice: true }),
    metrics: async () => '',
  })
  afterAll(async () => {
    await http.close()
    app.rooms.stop()
    await app.sequencer.stop()
    await app.feed.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const setNow = (at: number | undefined) => {
    now = at
  }
  return { app, http, setNow, dataDir, connection }
}

/** Of an answer that goes on for ever only that it began; of any other all. */
export async function begin(http: FastifyInstance, options: Omit<InjectOptions, 'payloadAsStream'>) {
  const { statusCode, headers, stream } = await http.inject({ ...options, payloadAsStream: true })
  const body = stream()
  const isEndless = String(headers['content-type']).startsWith('text/event-stream')
  if (isEndless) body.destroy()
  return { statusCode, headers, body: isEndless ? '' : await text(body) }
}

/** A call with a key, answered as JSON. */
export async function call(
  http: FastifyInstance,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  body?: unknown,
  headers: Record<string, string> = { 'x-api-key': instanceKey },
) {
  const answer = await http.inject({
    method,
    url,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  })
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: isJson(answer.headers['content-type']) ? answer.json() : answer.body,
  }
}

const isJson = (type: unknown) => String(type).includes('json')
