/**
 * Sends the mails that wait in the table `mails`: by SMTP, or without `SMTP_URL` into `<data dir>/mail/*.eml`, where a
 * developer finds them. A mail leaves the table in the transaction that sends it; a crash in between sends it twice
 * rather than never.
 */
import { createTransport, type Transporter } from 'nodemailer'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { newId } from '../ids.ts'
import type { Database } from '../store/database.ts'

interface Options {
  readonly database: Database
  readonly smtpUrl: string | undefined
  readonly dataDir: string
  /** Of the sender: `no-reply@` and this. */
  readonly host: string
  readonly log: FastifyBaseLogger
  readonly clock: () => number
}

interface Mail {
  readonly id: number
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly attempts: number
}

const batch = 20
/** Minutes until the next attempt; after the last the mail stays for the operator to see. */
const delaysMinutes = [1, 5, 30, 120, 480, 1440]

export class Outbox {
  readonly #options: Options
  readonly #transport: Transporter
  #running: Promise<void> | null = null

  constructor(options: Options) {
    this.#options = options
    const { smtpUrl } = options
    this.#transport = smtpUrl
      ? createTransport(smtpUrl, { from: `no-reply@${options.host}` })
      : createTransport({ streamTransport: true, buffer: true }, { from: `no-reply@${options.host}` })
  }

  /** Sends what is due. Overlapping calls share one run. */
  deliver(): Promise<void> {
    this.#running ??= this.#deliverAll().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #deliverAll(): Promise<void> {
    for (;;) {
      const count = await this.#deliverBatch()
      if (count < batch) return
    }
  }

  #deliverBatch(): Promise<number> {
    const { database, clock, log } = this.#options
    return database.transaction().execute(async (trx) => {
      const mails = await trx
        .selectFrom('mails')
        .selectAll()
        .where('nextAttemptAt', '<=', new Date(clock()))
        .where('attempts', '<', delaysMinutes.length)
        .orderBy('id')
        .limit(batch)
        .forUpdate()
        .skipLocked()
        .execute()
      for (const mail of mails) {
        try {
          await this.#send(mail)
          await trx.deleteFrom('mails').where('id', '=', mail.id).execute()
        } catch (error) {
          log.warn({ err: error, mailId: mail.id, attempts: mail.attempts + 1 }, 'a mail could not be sent')
          const delay = (delaysMinutes[mail.attempts] ?? 1) * 60_000
          await trx
            .updateTable('mails')
            .set({
              attempts: mail.attempts + 1,
              nextAttemptAt: new Date(clock() + delay),
              lastError: error instanceof Error ? error.message.slice(0, 500) : 'unknown',
            })
            .where('id', '=', mail.id)
            .execute()
        }
      }
      return mails.length
    })
  }

  async #send({ recipient, subject, body }: Mail): Promise<void> {
    const sent = await this.#transport.sendMail({ to: { name: '', address: recipient }, subject, text: body })
    if (this.#options.smtpUrl) return
    const folder = join(this.#options.dataDir, 'mail')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = join(folder, `${this.#options.clock()}-${newId()}.eml`)
    await writeFile(`${file}.part`, sent.message, { mode: 0o600, flush: true })
    await rename(`${file}.part`, file)
  }
}
