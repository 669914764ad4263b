/**
 * The SIP messages of each call as they were on the wire (T33), kept as bytes and made text once: when the call is over,
 * and what came after that, such as the answer to its last BYE, a moment later. Dialogs are known by their Call-ID; a
 * call has one for each leg.
 */
import type { Hop } from '../../engine/sip/hop.ts'

/** One message of the ladder, as `GET /v3.0/calls_history/{id}/trace` shows it. */
interface LadderMessage {
  /** RFC 3339, to the millisecond. */
  readonly at: string
  readonly direction: 'in' | 'out'
  readonly transport: Hop['transport']
  /** The other end: address and port. */
  readonly peer: string
  readonly sip_call_id: string
  readonly message: string
}

interface Taken {
  /** JSON text; null: with what still comes there may be more than a ladder has, so that all of it is in that. */
  readonly messages: string | null
  /** For how many more there is room. */
  readonly room: number
}

interface Entry {
  readonly at: number
  readonly isOut: boolean
  readonly hop: Hop
  readonly bytes: Uint8Array
}

const mostMessages = 200
/** Of a call that is over, as a rule. */
const mostLate = 10
/** An INVITE that became no call, or whose last messages come late. */
const orphanMs = 70_000
const mostDialogs = 100_000
/** Ten thousand calls; anybody may send INVITEs, and each is kept for a while before it is known to become no call. */
const mostBytes = 256 * 1024 * 1024

/** As engine/sip/format.ts writes it, whatever it is called in what it answers. */
const callIdLine = Buffer.from('\r\nCall-ID: ')
const inviteLine = Buffer.from('INVITE ')
const carriageReturn = 13
/** What must not be stored: RFC 3261 §22 credentials, and the media keys of RFC 4568. */
const secrets = [
  // With the lines that it is folded over (§7.3.1).
  [/^((?:proxy-)?authorization[ \t]*:[ \t]*)[^\r\n]*(?:\r\n[ \t][^\r\n]*)*/gim, '$1(left out)'],
  [/^(a=crypto:(?:\d+[ \t]+\w+)?)[^\r\n]*/gim, '$1 (left out)'],
] as const

export class Ladders {
  readonly #dialogs = new Map<string, Entry[]>()
  readonly #clock: () => number
  /** Of all messages that are kept. */
  #bytes = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  get size(): number {
    return this.#dialogs.size
  }

  /** A message that came in; `begins` an INVITE that may begin a dialog. */
  noteIn(callId: string, begins: boolean, hop: Hop, bytes: Uint8Array): void {
    const entries = this.#dialogs.get(callId)
    if (entries !== undefined) this.#add(entries, { at: this.#clock(), isOut: false, hop, bytes })
    else if (begins) this.#begin(callId, { at: this.#clock(), isOut: false, hop, bytes })
  }

  /** A message of ours. */
  noteOut(hop: Hop, bytes: Uint8Array): void {
    const message = viewOf(bytes)
    const line = message.indexOf(callIdLine)
    if (line === -1) return
    const from = line + callIdLine.length
    const callId = message.toString('utf8', from, message.indexOf(carriageReturn, from))
    const entry = { at: this.#clock(), isOut: true, hop, bytes }
    const entries = this.#dialogs.get(callId)
    if (entries !== undefined) this.#add(entries, entry)
    else if (message.subarray(0, inviteLine.length).equals(inviteLine)) this.#begin(callId, entry)
  }

  #begin(callId: string, entry: Entry): void {
    if (this.#dialogs.size >= mostDialogs) return
    const entries: Entry[] = []
    this.#add(entries, entry)
    if (entries.length > 0) this.#dialogs.set(callId, entries)
  }

  #add(entries: Entry[], entry: Entry): void {
    if (this.#bytes + entry.bytes.length > mostBytes) return
    this.#bytes += entry.bytes.length
    entries.push(entry)
    if (entries.length >= 2 * mostMessages) this.#bytes -= sizeOf(entries.splice(0, mostMessages))
  }

  #forget(callId: string): void {
    this.#bytes -= sizeOf(this.#dialogs.get(callId) ?? [])
    this.#dialogs.delete(callId)
  }

  /** The ladder of a call that is over; what still comes is in `rest`. `left`: dialogs that another call has now. */
  take(callIds: readonly string[], left: readonly string[] = []): Taken {
    const all = this.#of([...callIds, ...left])
    if (all.length > mostMessages - mostLate) return { messages: null, room: mostMessages }
    for (const callId of callIds) {
      const entries = this.#dialogs.get(callId)
      if (entries) this.#bytes -= sizeOf(entries.splice(0))
    }
    return { messages: JSON.stringify(all.map(toMessage)), room: mostMessages - all.length }
  }

  /** The last of what came since it was taken, at most `room`, and forgets it; null: nothing. */
  rest(callIds: readonly string[], room: number): string | null {
    const all = this.#of(callIds)
    for (const callId of callIds) this.#forget(callId)
    return all.length === 0 ? null : JSON.stringify(all.slice(-room).map(toMessage))
  }

  #of(callIds: readonly string[]): (Entry & { readonly callId: string })[] {
    const all = callIds.flatMap((callId) => (this.#dialogs.get(callId) ?? []).map((entry) => ({ ...entry, callId })))
    return all.sort((a, b) => a.at - b.at)
  }

  /** Call from time to time: what became no call is forgotten. */
  sweep(live: ReadonlySet<string>): void {
    const before = this.#clock() - orphanMs
    for (const [callId, entries] of this.#dialogs) {
      if ((entries.at(-1)?.at ?? 0) < before && !live.has(callId)) this.#forget(callId)
    }
  }
}

const sizeOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes.length, 0)

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

function toMessage({ at, isOut, hop, bytes, callId }: Entry & { readonly callId: string }): LadderMessage {
  const host = hop.address.includes(':') ? `[${hop.address}]` : hop.address
  const message = withoutSecrets(viewOf(bytes).toString('utf8'))
  return {
    at: new Date(at).toISOString(),
    direction: isOut ? 'out' : 'in',
    transport: hop.transport,
    peer: `${host}:${hop.port}`,
    sip_call_id: callId,
    message,
  }
}

function withoutSecrets(message: string): string {
  // Most messages have none, and to look for all of them line by line takes longer than all else that is done here.
  if (!/authorization|a=crypto/i.test(message)) return message
  return secrets.reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), message)
}
