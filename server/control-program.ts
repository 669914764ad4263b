/**
 * What every control process (api, voice) is: told by its supervisor where the database is, serving until it is told to
 * stop or the supervisor is gone, and stopping its parts in the order opposite to their start.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientConfig } from 'pg'
import { pino } from 'pino'
import type { ControlName, FromControl, ToControl } from './control-process.ts'

export interface ControlParts {
  readonly log: FastifyBaseLogger
  /** Called last to first. */
  readonly stops: (() => Promise<unknown>)[]
}

interface Program {
  readonly name: ControlName
  readonly logLevel: string
  /** What to say when a port is another's. */
  readonly takenPort: string
  readonly start: (connection: ClientConfig, parts: ControlParts) => Promise<void>
}

const portMs = 3_000

export function runControlProgram({ name, logLevel, takenPort, start }: Program): void {
  const log = pino({ level: logLevel, base: null })
  const stops: (() => Promise<unknown>)[] = []
  const say = (message: FromControl) => process.send?.(message)
  let isStopping = false

  const stop = async (reason: string, code = 0): Promise<void> => {
    if (isStopping) return
    isStopping = true
    log.info({ reason }, `${name} process stopping`)
    for (let part = stops.pop(); part; part = stops.pop()) {
      await part().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'))
    }
    process.exit(code)
  }

  const begin = async (connection: ClientConfig): Promise<void> => {
    try {
      await start(connection, { log, stops })
      if (!isStopping) say({ type: 'serving' })
    } catch (error) {
      log.fatal({ err: error }, `the ${name} process could not start`)
      const reason = isPortTaken(error) ? takenPort : error instanceof Error ? error.message : 'unknown'
      say({ type: 'refused', reason })
      void stop('it could not start', 1)
    }
  }

  // Also of a rejection that nobody handled; Node.js then ends the process, and the supervisor starts it again.
  process.on('uncaughtExceptionMonitor', (error) => log.fatal({ err: error }, `the ${name} process ends by its fault`))
  process.on('message', (message: ToControl) => {
    if (message.type === 'stop') void stop('told to')
    else void begin(message.connection)
  })
  process.on('disconnect', () => void stop('the supervisor is gone'))
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => {}) // Ctrl-C reaches the whole group; the supervisor decides when we stop
}

/** The process before this one may need a moment to let a port go. */
export async function whenPortIsFree<T>(open: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + portMs
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!isPortTaken(error) || performance.now() > giveUpAt) throw error
      await wait(50)
    }
  }
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
