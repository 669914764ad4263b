/**
 * A phone that does what it is told: its own small SIP over one UDP socket or one WebSocket, written apart from the engine so that both
 * do not share a mistake. It answers digest challenges, keeps dialogs, and shows every message it got.
 */
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { until } from '../carillon.ts'
import { PhoneCall } from './phone-call.ts'
import { header, type Message, token, waitMs } from './phone-message.ts'

export interface PhoneOptions {
  readonly username: string
  readonly password: string
  readonly domain: string
  /** Of Carillon, or of the proxy before it. */
  readonly port: number
  /** Whose port that is; 127.0.0.1 unless given. */
  readonly server?: string
  /** From where it speaks; 127.0.0.1 unless given. Carriers have others of loopback, so that they are told apart. */
  readonly address?: string
  /** Any, unless given. */
  readonly localPort?: number
  /** What it would put into SDP. */
  readonly rtpPort: number
  /** SIP over WebSocket (RFC 7118) instead of UDP: the address to connect to. */
  readonly webSocket?: string
}

/** 64*T1: as long as a phone tries. */
const patienceMs = 32_000
const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export class Phone {
  readonly options: PhoneOptions
  readonly socket: Socket
  readonly inbox: Message[] = []
  /** Messages that a waiter took. */
  readonly #taken = new Set<Message>()
  readonly calls: PhoneCall[] = []
  localPort = 0
  #web: WebSocket | null = null

  private constructor(options: PhoneOptions) {
    this.options = options
    this.socket = createSocket(options.address?.includes(':') ? 'udp6' : 'udp4')
  }

  static async open(options: PhoneOptions): Promise<Phone> {
    const phone = new Phone(options)
    phone.socket.bind(options.localPort ?? 0, phone.address)
    await once(phone.socket, 'listening')
    phone.localPort = phone.socket.address().port
    phone.socket.on('message', (bytes) => phone.#read(bytes.toString()))
    if (options.webSocket !== undefined) await phone.connect()
    return phone
  }

  /** Opens its WebSocket, the first or another. */
  async connect(): Promise<WebSocket> {
    const web = new WebSocket(this.options.webSocket ?? '', 'sip')
    this.#web = web
    web.addEventListener('message', ({ data }) => this.#read(String(data)))
    await new Promise((resolve, reject) => {
      web.addEventListener('open', resolve, { once: true })
      web.addEventListener('error', reject, { once: true })
    })
    return web
  }

  close(): void {
    this.#isClosed = true
    this.socket.close()
    this.#web?.close()
  }

  #isClosed = false

  get address(): string {
    return this.options.address ?? '127.0.0.1'
  }

  /** As it stands in Via and Contact. */
  get host(): string {
    return this.address.includes(':') ? `[${this.address}]` : this.address
  }

  /** RFC 7118 §5: a browser has no name, and says so. */
  get #via(): string {
    return this.#web === null ? `UDP ${this.host}:${this.localPort}` : 'WS browser.invalid'
  }

  get contact(): string {
    if (this.#web !== null) return `<sip:${this.options.username}@browser.invalid;transport=ws>`
    return `<sip:${this.options.username}@${this.host}:${this.localPort}>`
  }

  get aor(): string {
    return `<sip:${this.options.username}@${this.options.domain}>`
  }

  #read(text: string): void {
    if (text.trim() === '') return
    const [start = ''] = text.split('\r\n', 1)
    const body = text.slice(text.indexOf('\r\n\r\n') + 4)
    const isResponse = start.startsWith('SIP/2.0 ')
    const [first = '', second = ''] = start.split(' ')
    const message = {
      method: isResponse ? '' : first,
      uri: isResponse ? '' : second,
      status: isResponse ? Number(second) : 0,
      text,
      body,
    }
    if (!isResponse && message.method !== 'ACK' && this.#isRepeated(message)) return
    this.inbox.push(message)
    for (const call of this.calls) call.onMessage(message)
  }

  send(text: string): void {
    if (this.#isClosed) return
    if (this.#web === null) this.socket.send(text, this.options.port, this.options.server ?? '127.0.0.1')
    else this.#web.send(text)
  }

  /** What we answered to requests, by branch and method: one that comes again gets it again. */
  readonly #answers = new Map<string, string>()

  answered(request: Message, text: string): void {
    this.#answers.set(keyOf(request), text)
  }

  #isRepeated(request: Message): boolean {
    const key = keyOf(request)
    const known = this.#answers.get(key)
    if (known === undefined) this.#answers.set(key, '')
    else if (known !== '') this.send(known)
    return known !== undefined
  }

  /** Again and again until `isDone`, as RFC 3261 §17 has it over UDP (timers A and E, and a 2xx until its ACK). */
  repeat(text: string, isDone: () => boolean): void {
    this.send(text)
    let pause = 500
    const giveUpAt = performance.now() + patienceMs
    const again = () => {
      if (isDone() || this.#isClosed || performance.now() > giveUpAt) return
      this.send(text)
      pause = Math.min(4_000, 2 * pause) // T2
      setTimeout(again, pause).unref()
    }
    setTimeout(again, pause).unref()
  }

  /** Some answer to that request came. */
  isAnswered(callId: string, cseq: string): boolean {
    return this.inbox.some(
      (message) =>
        message.status > 0 && header(message, 'Call-ID') === callId && header(message, 'CSeq').toUpperCase() === cseq,
    )
  }

  /** Takes the first message, come or to come, that is like this. */
  next(what: string, isLike: (message: Message) => boolean, ms = waitMs): Promise<Message> {
    return until(
      () => {
        const found = this.inbox.find((message) => !this.#taken.has(message) && isLike(message))
        if (found) this.#taken.add(found)
        return found
      },
      () =>
        `${this.options.username}: ${what}; it got ${this.inbox.map(({ text }) => text.split('\r\n', 1)[0]).join(' | ')}`,
      ms,
    )
  }

  request(method: string, uri: string, lines: readonly string[], body = ''): string {
    const type =
      body === '' || lines.some((line) => /^content-type/i.test(line)) ? [] : ['Content-Type: application/sdp']
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${this.#via};branch=z9hG4bK${token()};rport`,
      'Max-Forwards: 70',
      ...lines,
      ...type,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n')
  }

  /** The final answer; answers one challenge. */
  async ask(
    method: string,
    uri: string,
    lines: readonly string[],
    cseq: number,
    body = '',
    ms = patienceMs,
  ): Promise<Message> {
    const callId = lines.find((line) => line.startsWith('Call-ID'))?.slice(9) ?? ''
    const final = (number: number) => (message: Message) =>
      message.status >= 200 &&
      header(message, 'Call-ID') === callId &&
      header(message, 'CSeq').toUpperCase() === `${number} ${method}`
    const send = (number: number, more: readonly string[]) =>
      this.repeat(this.request(method, uri, [...lines, `CSeq: ${number} ${method}`, ...more], body), () =>
        this.isAnswered(callId, `${number} ${method}`),
      )
    send(cseq, [])
    const first = await this.next(`a final answer to ${method}`, final(cseq), ms)
    if (first.status !== 401 && first.status !== 407) return first
    const credentials = this.authorize(first, method, uri)
    send(cseq + 1, [credentials])
    return this.next(`a final answer to ${method} with credentials`, final(cseq + 1), ms)
  }

  authorize(challenge: Message, method: string, uri: string): string {
    const isProxy = challenge.status === 407
    const value = header(challenge, isProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
    const part = (name: string) => new RegExp(`${name}="?([^",]+)"?`).exec(value)?.[1] ?? ''
    const { username, password } = this.options
    const [realm, nonce, cnonce, nc] = [part('realm'), part('nonce'), token(), '00000001']
    const algorithm = part('algorithm') || 'MD5'
    const digest = algorithm === 'SHA-256' ? sha256 : md5
    const ha1 = digest(`${username}:${realm}:${password}`)
    const response = digest(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${digest(`${method}:${uri}`)}`)
    return `${isProxy ? 'Proxy-Authorization' : 'Authorization'}: Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}, qop=auth, cnonce="${cnonce}", nc=${nc}`
  }

  readonly #registerCallId = token()
  #registerCseq = 0

  async register(expires = 300, lines: readonly string[] = []): Promise<Message> {
    this.#registerCseq += 2
    const common = [`From: ${this.aor};tag=${token()}`, `To: ${this.aor}`, `Call-ID: ${this.#registerCallId}`]
    const uri = `sip:${this.options.domain}`
    return this.ask(
      'REGISTER',
      uri,
      [...common, `Contact: ${this.contact}`, `Expires: ${expires}`, ...lines],
      this.#registerCseq,
    )
  }

  /** What it offers: PCMA, then PCMU, with telephone events. */
  sdp(direction = 'sendrecv', version = 1): string {
    return [
      'v=0',
      `o=phone 1 ${version} IN IP4 127.0.0.1`,
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.options.rtpPort} RTP/AVP 8 0 101`,
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      `a=${direction}`,
      '',
    ].join('\r\n')
  }

  /** Sends an INVITE, with credentials when it is asked for them; what becomes of it is for the caller to see. */
  async invite(
    number: string,
    options: { sdp?: string | null; lines?: readonly string[]; domain?: string; uri?: string; from?: string } = {},
  ): Promise<PhoneCall> {
    const { uri = `sip:${number}@${options.domain ?? this.options.domain}` } = options
    const call = PhoneCall.outgoing(this, uri, options.from)
    this.calls.push(call)
    const body = options.sdp === undefined ? this.sdp() : (options.sdp ?? '')
    await call.invite(body, options.lines ?? [])
    return call
  }

  /** The next INVITE that comes; it rings. */
  async ringing(isRinging = true): Promise<PhoneCall> {
    const invite = await this.next(
      'an INVITE',
      ({ method, text }) => method === 'INVITE' && !/^To:.*;tag=/im.test(text),
    )
    const call = PhoneCall.incoming(this, invite)
    this.calls.push(call)
    if (isRinging) call.respond(invite, 180, 'Ringing')
    return call
  }
}

const keyOf = (request: Message) => `${/;branch=([^;\s]+)/.exec(header(request, 'Via'))?.[1]} ${request.method}`
