/**
 * Starts PostgreSQL, the media workers, the api and the voice process, and starts again what dies. It serves nobody, so
 * that hardly anything can end it; when it is killed, PostgreSQL and the workers live on and the next one adopts them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientConfig } from 'pg'
import { build } from './build.ts'
import type { Config } from './config.ts'
import { type ControlName, ControlProcess } from './control-process.ts'
import { credentialsFile, readCredentials } from './credentials-file.ts'
import { holdDataFolder } from './data-folder.ts'
import { candidates } from './media/candidates.ts'
import { WorkerProcess } from './media/worker-process.ts'
import { mayRaisePriority } from './priority.ts'
import { type EmbeddedPostgres, startPostgres } from './postgres/embedded.ts'
import { migrate } from './store/migrate.ts'
import { prepareTls } from './tls.ts'
import { formatTutorial } from './tutorial.ts'

const noPriority =
  'media and voice run at the usual priority: a busy machine makes them late (docs/guides/media-on-a-busy-server.md)'
const postgresCheckMs = 250
/** As many media workers as there may be. */
const mendedPortsAfter = 64

export class Supervisor {
  readonly #config: Config
  readonly #log: FastifyBaseLogger
  readonly #stops: (() => Promise<unknown>)[] = []
  #isStopping = false
  readonly #controls: ControlProcess[] = []

  constructor(config: Config, log: FastifyBaseLogger) {
    this.#config = config
    this.#log = log
  }

  async start(): Promise<void> {
    const startedAt = performance.now()
    const config = this.#config
    const log = this.#log
    for (const name of config.unknown) log.warn({ name }, 'no such variable: see docs/configuration.md')
    if (!mayRaisePriority()) log.info(noPriority)
    // PostgreSQL does not run as root, and another user must be able to reach its folder inside.
    mkdirSync(config.dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await holdDataFolder(config.dataDir)
    const credentials = readCredentials(config)
    await prepareTls(config)
    const [connection] = await Promise.all([
      this.#openDatabase(),
      build((message) => log.info(message)),
      ...this.#workers().map((worker) => worker.start()),
    ])
    if (this.#isStopping) return
    await Promise.all([this.#startControl('api', connection), this.#startControl('voice', connection)])
    log.info({ url: config.publicUrl, ms: Math.round(performance.now() - startedAt) }, 'serving')
    if (credentials.isNew) console.log(formatTutorial(config, credentials, credentialsFile(config)))
    else console.log(`Carillon: ${config.publicUrl}  (first calls with your keys: npm run tutorial)`)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    for (let stop = this.#stops.pop(); stop; stop = this.#stops.pop()) {
      await stop().catch((error: unknown) => this.#log.error({ err: error }, 'a part did not stop cleanly'))
    }
  }

  /** For development: the same program with its sources read again. */
  restartControls(): void {
    for (const control of this.#controls) control.restart()
  }

  async #openDatabase(): Promise<ClientConfig> {
    const { databaseUrl, dataDir } = this.#config
    const connection = databaseUrl ? { connectionString: databaseUrl } : await this.#startPostgres(dataDir)
    await migrate(connection)
    return connection
  }

  async #startPostgres(dataDir: string): Promise<EmbeddedPostgres['connection']> {
    const folder = join(dataDir, 'postgres')
    const start = () => startPostgres({ folder, log: (message) => this.#log.info(message) })
    let postgres = await start()
    this.#log.info({ pid: postgres.pid, adopted: postgres.isAdopted }, 'PostgreSQL ready')
    let restart: Promise<unknown> | null = null
    const watch = setInterval(() => {
      if (restart || postgres.isRunning()) return
      this.#log.error({ pid: postgres.pid }, 'PostgreSQL died and is started again')
      restart = start()
        .then((again) => {
          postgres = again
          this.#log.info({ pid: again.pid }, 'PostgreSQL ready')
        })
        .catch((error: unknown) => this.#log.error({ err: error }, 'PostgreSQL does not start'))
        .finally(() => {
          restart = null
        })
    }, postgresCheckMs)
    this.#stops.push(async () => {
      clearInterval(watch)
      await restart
      await postgres.stop()
    })
    return postgres.connection
  }

  #workers(): WorkerProcess[] {
    const { dataDir, mediaWorkers, mediaIp, webrtcPort, publicIps, publicUrl, turn, rtpTimeoutSeconds } = this.#config
    const isLoopback = isLoopbackUrl(publicUrl)
    return Array.from({ length: mediaWorkers }, (_, index) => {
      const udpPort = webrtcPort + index
      const mendedPort = turn ? udpPort + mendedPortsAfter : null
      const worker = new WorkerProcess({
        dataDir,
        index,
        udpPort,
        bindAddress: mediaIp,
        candidates: candidates({ publicIps, bindAddress: mediaIp, isLoopback, port: udpPort, mendedPort }),
        mendedPort,
        rtpTimeoutMs: rtpTimeoutSeconds * 1000,
        log: this.#log,
      })
      this.#stops.push(() => worker.stop())
      return worker
    })
  }

  #startControl(name: ControlName, connection: ClientConfig): Promise<void> {
    const control = new ControlProcess(name, connection, this.#log)
    this.#controls.push(control)
    this.#stops.push(() => control.stop())
    return control.start()
  }
}

function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
