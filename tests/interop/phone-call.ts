/** One dialog of a scripted phone, and what it says within it. */
import type { Phone } from './phone.ts'
import { header, headers, type Message, tagOf, token, uriOf, waitMs } from './phone-message.ts'

export class PhoneCall {
  readonly phone: Phone
  readonly callId: string
  readonly localTag = token()
  readonly isOutgoing: boolean
  /** The INVITE as it was sent or came. */
  invitation: Message | null
  remoteTag = ''
  /** Request URI of what is sent within the dialog. */
  target: string
  routes: readonly string[] = []
  #local: string
  #remote: string
  #cseq = Math.floor(Math.random() * 1_000) + 1
  /** The INVITE as sent last, for ACK and CANCEL. */
  #sent = ''
  readonly #uri: string

  private constructor(
    phone: Phone,
    parts: {
      callId: string
      isOutgoing: boolean
      uri: string
      local: string
      remote: string
      invitation: Message | null
    },
  ) {
    this.phone = phone
    this.callId = parts.callId
    this.isOutgoing = parts.isOutgoing
    this.target = parts.uri
    this.#uri = parts.uri
    this.#local = parts.local
    this.#remote = parts.remote
    this.invitation = parts.invitation
  }

  static outgoing(phone: Phone, uri: string, from = phone.aor): PhoneCall {
    return new PhoneCall(phone, {
      callId: token(),
      isOutgoing: true,
      uri,
      local: from,
      remote: `<${uri}>`,
      invitation: null,
    })
  }

  static incoming(phone: Phone, invite: Message): PhoneCall {
    const call = new PhoneCall(phone, {
      callId: header(invite, 'Call-ID'),
      isOutgoing: false,
      uri: uriOf(header(invite, 'Contact')),
      local: header(invite, 'To'),
      remote: header(invite, 'From'),
      invitation: invite,
    })
    call.remoteTag = tagOf(header(invite, 'From'))
    call.routes = headers(invite, 'Record-Route')
    return call
  }

  /** Of a 2xx that may come again, by its CSeq. */
  readonly #acks = new Map<string, string>()

  /** A 200 that comes again wants its ACK again. */
  onMessage(message: Message): void {
    if (message.status < 200 || message.status > 299 || header(message, 'Call-ID') !== this.callId) return
    const ack = this.#acks.get(header(message, 'CSeq'))
    if (ack !== undefined) this.phone.send(ack)
  }

  get from(): string {
    return /;tag=/.test(this.#local) ? this.#local : `${this.#local};tag=${this.localTag}`
  }

  get to(): string {
    return this.remoteTag === '' || /;tag=/.test(this.#remote) ? this.#remote : `${this.#remote};tag=${this.remoteTag}`
  }

  #lines(): string[] {
    const routes = this.routes.map((route) => `Route: ${route}`)
    return [...routes, `From: ${this.from}`, `To: ${this.to}`, `Call-ID: ${this.callId}`]
  }

  async invite(body: string, lines: readonly string[]): Promise<void> {
    const send = (more: readonly string[]) => {
      this.#cseq += 1
      const all = [...this.#lines(), `CSeq: ${this.#cseq} INVITE`, `Contact: ${this.phone.contact}`, ...lines, ...more]
      this.#sent = this.phone.request('INVITE', this.#uri, all, body)
      const cseq = `${this.#cseq} INVITE`
      this.phone.repeat(this.#sent, () => this.phone.isAnswered(this.callId, cseq))
    }
    send([])
    const first = await this.#response(
      'an answer to INVITE',
      (status) => status > 100 || status === 401 || status === 407,
    )
    if (first.status !== 401 && first.status !== 407) {
      this.early.push(first)
      return
    }
    this.ack(first)
    send([this.phone.authorize(first, 'INVITE', this.#uri)])
  }

  /** Provisional and final answers that were seen already. */
  readonly early: Message[] = []

  #response(what: string, isLike: (status: number) => boolean, ms = waitMs): Promise<Message> {
    const found = this.early.findIndex(({ status }) => isLike(status))
    if (found >= 0) return Promise.resolve(this.early.splice(found, 1)[0] as Message)
    const cseq = `${this.#cseq} INVITE`
    return this.phone.next(
      what,
      (message) =>
        isLike(message.status) &&
        message.status > 0 &&
        header(message, 'Call-ID') === this.callId &&
        header(message, 'CSeq') === cseq,
      ms,
    )
  }

  provisional(status: number, ms = waitMs): Promise<Message> {
    return this.#response(`a ${status}`, (one) => one === status, ms)
  }

  /** The final answer, acknowledged; with 2xx the dialog stands. `body`: our answer, where the 2xx has the offer. */
  async final(ms = waitMs, body = ''): Promise<Message> {
    const answer = await this.#response('a final answer', (status) => status >= 200, ms)
    if (answer.status < 300) {
      this.remoteTag = tagOf(header(answer, 'To'))
      this.target = uriOf(header(answer, 'Contact'))
      this.routes = headers(answer, 'Record-Route').toReversed()
    }
    this.ack(answer, body)
    return answer
  }

  /** For a 2xx a request of its own; for others with the branch of the INVITE (RFC 3261 §17.1.1.3). */
  ack(answer: Message, body = ''): void {
    const cseq = Number.parseInt(header(answer, 'CSeq'), 10)
    if (answer.status < 300) {
      const ack = this.phone.request('ACK', this.target, [...this.#lines(), `CSeq: ${cseq} ACK`], body)
      this.#acks.set(header(answer, 'CSeq'), ack)
      return this.phone.send(ack)
    }
    const lines = [`From: ${this.from}`, `To: ${header(answer, 'To')}`, `Call-ID: ${this.callId}`, `CSeq: ${cseq} ACK`]
    this.phone.send(withBranchOf(this.#sent, this.phone.request('ACK', this.#uri, lines)))
  }

  cancel(): void {
    const lines = [...this.#lines(), `CSeq: ${this.#cseq} CANCEL`]
    this.phone.send(withBranchOf(this.#sent, this.phone.request('CANCEL', this.#uri, lines)))
  }

  response(
    request: Message,
    status: number,
    reason: string,
    options: { body?: string; lines?: readonly string[] } = {},
  ): string {
    const { body = '', lines = [] } = options
    const to = header(request, 'To')
    const isDialog = header(request, 'CSeq').endsWith('INVITE')
    const text = [
      `SIP/2.0 ${status} ${reason}`,
      ...headers(request, 'Via').map((via) => `Via: ${via}`),
      ...headers(request, 'Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${header(request, 'From')}`,
      `To: ${/;tag=/.test(to) || status === 100 ? to : `${to};tag=${this.localTag}`}`,
      `Call-ID: ${header(request, 'Call-ID')}`,
      `CSeq: ${header(request, 'CSeq')}`,
      ...(isDialog ? [`Contact: ${this.phone.contact}`] : []),
      ...lines,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n')
    this.phone.answered(request, text)
    return text
  }

  respond(
    request: Message,
    status: number,
    reason: string,
    options: { body?: string; lines?: readonly string[] } = {},
  ) {
    this.phone.send(this.response(request, status, reason, options))
  }

  /** Answers the INVITE and waits for the ACK. */
  async answer(sdp = this.phone.sdp(), ms = waitMs): Promise<void> {
    const { invitation } = this
    if (!invitation) throw new Error('there is nothing to answer')
    const isAcknowledged = () =>
      this.phone.inbox.some(({ method, text }) => method === 'ACK' && text.includes(`Call-ID: ${this.callId}\r\n`))
    this.phone.repeat(this.response(invitation, 200, 'OK', { body: sdp }), isAcknowledged)
    await this.received('ACK', ms)
  }

  /** The next request of this dialog with that method. */
  received(method: string, ms = waitMs): Promise<Message> {
    return this.phone.next(
      method,
      (message) => message.method === method && header(message, 'Call-ID') === this.callId,
      ms,
    )
  }

  /** A request within the dialog; its final answer. */
  request(method: string, lines: readonly string[] = [], body = ''): Promise<Message> {
    this.#cseq += 2
    return this.phone.ask(method, this.target, [...this.#lines(), ...lines], this.#cseq, body)
  }

  /** A new offer; the answer is acknowledged. */
  async reinvite(sdp: string): Promise<Message> {
    const answer = await this.request('INVITE', [`Contact: ${this.phone.contact}`], sdp)
    if (answer.status < 300) this.ack(answer)
    return answer
  }

  async bye(): Promise<Message> {
    return this.request('BYE')
  }

  /** Waits until the other side ends the call, and says 200 to it. */
  async ended(ms = waitMs): Promise<Message> {
    const bye = await this.received('BYE', ms)
    this.respond(bye, 200, 'OK')
    return bye
  }

  get dialog(): { callId: string; localTag: string; remoteTag: string } {
    return { callId: this.callId, localTag: tagOf(this.from), remoteTag: this.remoteTag }
  }
}

function withBranchOf(invite: string, request: string): string {
  const via = /^Via:.*$/m.exec(invite)?.[0] ?? ''
  return request.replace(/^Via:.*$/m, via)
}
