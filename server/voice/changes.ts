/**
 * What changed of the configuration of accounts, until it is read (T4). The api says it once: where the database went away
 * just after the change, who was signed out would stay signed in, and calls would go by what is no more.
 */
import type { FastifyBaseLogger } from 'fastify'

export interface ChangesOptions {
  /** Reads an account and acts by what is new; throws when the database is away. */
  readonly read: (accountId: string) => Promise<void>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'debug'>
}

export class Changes {
  readonly #options: ChangesOptions
  /** Accounts that could not be read. */
  readonly #unread = new Set<string>()
  #isReading = false

  constructor(options: ChangesOptions) {
    this.#options = options
  }

  /** Throws when it cannot be read now. */
  async read(accountId: string): Promise<void> {
    try {
      await this.#options.read(accountId)
      this.#unread.delete(accountId)
    } catch (error) {
      this.#unread.add(accountId)
      throw error
    }
  }

  /** Call every second or so. */
  async again(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    for (const accountId of [...this.#unread]) {
      try {
        await this.read(accountId)
        this.#options.log.info({ accountId }, 'what changed while the database was away is read')
      } catch (error) {
        // The next time; whoever waited was told. One that cannot be read keeps no other from it.
        this.#options.log.debug({ err: error, accountId }, 'what changed could not be read yet')
      }
    }
    this.#isReading = false
  }
}
