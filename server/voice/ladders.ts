/**
 * The SIP messages of each call as they were on the wire (T33), kept as bytes and made text once, when the call is over.
 * Dialogs are known by their Call-ID; a call has one for each leg.
 */
import type { Hop } from '../../engine/sip/hop.ts'

/** One message of the ladder, as `GET /v3.0/calls_history/{id}/trace` shows it. */
export interface LadderMessage {
  /** RFC 3339, to the millisecond. */
  readonly at: string
  readonly direction: 'in' | 'out'
  readonly transport: Hop['transport']
  /** The other end: address and port. */
  readonly peer: string
  readonly sip_call_id: string
  readonly message: string
}

interface Entry {
  readonly at: number
  readonly isOut: boolean
  readonly hop: Hop
  readonly bytes: Uint8Array
}

const mostMessages = 200
/** An INVITE that became no call, or whose last messages come late. */
const orphanMs = 70_000
const mostDialogs = 100_000

const callIdHeader = /(?:^|\n)(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)/i
/** What must not be stored: RFC 3261 §22 credentials, and the media keys of RFC 4568. */
const secrets = [
  [/^((?:proxy-)?authorization[ \t]*:[ \t]*)[^\r\n]*/gim, '$1(left out)'],
  [/^(a=crypto:\d+ \S+ )[^\r\n]*/gim, '$1(left out)'],
] as const

export class Ladders {
  readonly #dialogs = new Map<string, Entry[]>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  get size(): number {
    return this.#dialogs.size
  }

  /** A message that came in; `begins` an INVITE that may begin a dialog. */
  noteIn(callId: string, begins: boolean, hop: Hop, bytes: Uint8Array): void {
    const entries = this.#dialogs.get(callId)
    if (entries !== undefined) add(entries, { at: this.#clock(), isOut: false, hop, bytes })
    else if (begins) this.#begin(callId, { at: this.#clock(), isOut: false, hop, bytes })
  }

  noteOut(hop: Hop, bytes: Uint8Array): void {
    const head = latin1(bytes, 1_500)
    const callId = callIdHeader.exec(head)?.[1]?.trimEnd()
    if (callId === undefined) return
    const entry = { at: this.#clock(), isOut: true, hop, bytes }
    const entries = this.#dialogs.get(callId)
    if (entries !== undefined) add(entries, entry)
    else if (head.startsWith('INVITE ')) this.#begin(callId, entry)
  }

  #begin(callId: string, entry: Entry): void {
    if (this.#dialogs.size < mostDialogs) this.#dialogs.set(callId, [entry])
  }

  /** The ladder of a call that is over, as JSON text, and forgets it. */
  take(callIds: Iterable<string>): string {
    const all: (Entry & { readonly callId: string })[] = []
    for (const callId of callIds) {
      for (const entry of this.#dialogs.get(callId) ?? []) all.push({ ...entry, callId })
      this.#dialogs.delete(callId)
    }
    all.sort((a, b) => a.at - b.at)
    return JSON.stringify(all.slice(-mostMessages).map(toMessage))
  }

  /** Call from time to time: what became no call is forgotten. */
  sweep(isLive: (callId: string) => boolean): void {
    const before = this.#clock() - orphanMs
    for (const [callId, entries] of this.#dialogs) {
      if ((entries.at(-1)?.at ?? 0) < before && !isLive(callId)) this.#dialogs.delete(callId)
    }
  }
}

function add(entries: Entry[], entry: Entry): void {
  entries.push(entry)
  if (entries.length >= 2 * mostMessages) entries.splice(0, mostMessages)
}

const latin1 = (bytes: Uint8Array, most: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(most, bytes.length)).toString('latin1')

function toMessage({ at, isOut, hop, bytes, callId }: Entry & { readonly callId: string }): LadderMessage {
  const host = hop.address.includes(':') ? `[${hop.address}]` : hop.address
  let message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  for (const [pattern, instead] of secrets) message = message.replaceAll(pattern, instead)
  return {
    at: new Date(at).toISOString(),
    direction: isOut ? 'out' : 'in',
    transport: hop.transport,
    peer: `${host}:${hop.port}`,
    sip_call_id: callId,
    // PostgreSQL's text holds no NUL.
    message: message.replaceAll('\0', '\uFFFD'),
  }
}
