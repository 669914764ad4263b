/** A scripted phone's side of a subscription (RFC 6665): it says 200 to each NOTIFY, and keeps what they say. */
import type { Phone } from './phone.ts'
import { type Message, header, headers } from './phone-message.ts'

let made = 0

export class Watching {
  readonly phone: Phone
  readonly number: string
  readonly #callId = `watching-${process.pid}-${++made}`
  #toTag = ''
  #cseq = 1

  constructor(phone: Phone, number: string) {
    this.phone = phone
    this.number = number
  }

  get uri(): string {
    return `sip:${this.number}@${this.phone.options.domain}`
  }

  /** The answer to a SUBSCRIBE, the first or in its dialog. */
  async subscribe(expires = 600, event = 'dialog'): Promise<Message> {
    const to = `To: <${this.uri}>${this.#toTag === '' ? '' : `;tag=${this.#toTag}`}`
    const lines = [
      `From: ${this.phone.aor};tag=${this.#callId}`,
      to,
      `Call-ID: ${this.#callId}`,
      `Contact: ${this.phone.contact}`,
      `Event: ${event}`,
      `Expires: ${expires}`,
    ]
    const answer = await this.phone.ask('SUBSCRIBE', this.uri, lines, this.#cseq)
    this.#cseq += 2
    this.#toTag = /;tag=([^;\s]+)/.exec(header(answer, 'To'))?.[1] ?? ''
    return answer
  }

  /** The next NOTIFY that says so, of all that come. */
  async told(what: string, isLike: (notify: Message) => boolean, ms?: number): Promise<Message> {
    for (;;) {
      const notify = await this.phone.next(
        `NOTIFY: ${what}`,
        (message) => message.method === 'NOTIFY' && header(message, 'Call-ID') === this.#callId,
        ms,
      )
      const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap((name) =>
        headers(notify, name).map((value) => `${name}: ${value}`),
      )
      const answer = ['SIP/2.0 200 OK', ...copied, 'Content-Length: 0', '', ''].join('\r\n')
      this.phone.answered(notify, answer)
      this.phone.send(answer)
      if (isLike(notify)) return notify
    }
  }

  /** The document in which the number is in that state. */
  state(state: string, ms?: number): Promise<Message> {
    return this.told(state, ({ body }) => body.includes(`<state>${state}</state>`), ms)
  }
}
