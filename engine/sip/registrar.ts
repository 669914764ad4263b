/**
 * What a REGISTER does to the bindings of an address (RFC 3261 §10.3), with Path (RFC 3327) and the core of RFC 5626.
 * Pure: the request and the bindings go in, the changes, the bindings after them and the answer come out. Whoever calls
 * has authenticated the request and found the address of record that its To names.
 *
 * Invariant: all changes of a request or none; and after it at most one binding for each instance, or for each instance
 * and reg-id, or for each contact. A phone that comes back by another contact replaces its old one: the same instance or
 * the same Call-ID is the same phone (T7).
 */
import { parseNameAddr } from './address.ts'
import type { HeaderLine, ResponseParts } from './format.ts'
import { type Contact, hasToken, numberHeader, parseContacts, unknownExtensions } from './headers.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import { detached } from './text.ts'
import { isSameUri, parseUri, uriParameter } from './uri.ts'

/** Of the wall clock: bindings outlive the process (T7). */
export type UnixMs = number

export interface Binding {
  /** Its name among the bindings of one address: `instance`, `instance;reg-id`, or the contact's URI. */
  readonly key: string
  /** The URI to send requests to. */
  readonly contact: string
  readonly q: number
  /** RFC 5626; null: not said. */
  readonly instance: string | null
  readonly regId: number | null
  readonly callId: string
  readonly cseq: number
  /** The Route set of requests to it (RFC 3327 §5.2), as name-addr. */
  readonly path: readonly string[]
  /** Where the registration came from; requests go there too (T10). */
  readonly source: Hop
  readonly userAgent: string
  readonly registeredAt: UnixMs
  readonly expiresAt: UnixMs
}

export type BindingChange =
  | { readonly type: 'added'; readonly binding: Binding }
  /** Something else than time, Call-ID and CSeq changed: contact, path, source, q, user agent. */
  | { readonly type: 'changed'; readonly binding: Binding; readonly before: Binding }
  /** Only `cseq`, `callId` and `expiresAt` moved on. */
  | { readonly type: 'refreshed'; readonly binding: Binding }
  | {
      readonly type: 'removed'
      readonly binding: Binding
      readonly reason: 'unregistered' | 'replaced' | 'expired' | Revoked
    }

/** Its device must not be there any more, or signs in by other credentials now. */
export type Revoked = 'deleted' | 'disabled' | 'credentials_changed'

export interface RegistrarLimits {
  /** Asked for less: 423 (§10.3). */
  readonly minSeconds: number
  /** Asked for more, it is given this. */
  readonly maxSeconds: number
  readonly defaultSeconds: number
  readonly maxContacts: number
  /** RFC 5626 §5.4: in how many seconds a phone has to send something by its flow; null: it is not told. */
  readonly flowTimerSeconds: number | null
}

export interface Registered {
  readonly changes: readonly BindingChange[]
  /** All of the address, after the changes. */
  readonly bindings: readonly Binding[]
  readonly response: ResponseParts
}

/**
 * Of a binding's name, under which it is written down: an index of PostgreSQL takes 2,704 bytes, and what it refuses would
 * keep the bindings of all other phones from being written. Tokens for push messages make a contact some hundred long.
 */
export const mostKeyLength = 800

/** §8.2.2.3; `outbound` and `path` may be required of us, and nothing else. */
const knownExtensions: ReadonlySet<string> = new Set(['path', 'outbound'])

/** `bindings`: those of the address before; what of them is over counts as gone. */
export function register(
  now: UnixMs,
  request: SipMessage,
  source: Hop,
  bindings: readonly Binding[],
  limits: RegistrarLimits,
): Registered {
  const refuse = (status: number, reason?: string, headers: readonly HeaderLine[] = []): Registered => {
    return { changes: [], bindings, response: { status, headers, ...(reason === undefined ? {} : { reason }) } }
  }
  const unknown = unknownExtensions(request, knownExtensions)
  if (unknown.length > 0) return refuse(420, undefined, [['Unsupported', unknown.join(', ')]])
  if (!isSip(request.to.uri)) return refuse(400, 'To Is No SIP Address')
  const contacts = parseContacts(request)
  if (contacts === null) return refuse(400, 'Bad Contact')
  const isOutbound = usesOutbound(request, contacts)
  if (isOutbound === 'no edge') return refuse(439)
  const update = new BindingUpdate(now, request, source, bindings, limits, isOutbound)
  const fault = contacts === '*' ? update.removeAll() : update.apply(contacts)
  if (fault !== null) return refuse(fault.status, fault.reason, fault.headers)
  return { changes: update.changes, bindings: update.bindings, response: update.response() }
}

/** What is over by `now`, of the bindings of one address or of all. */
export function expiredBindings(now: UnixMs, bindings: Iterable<Binding>): BindingChange[] {
  const changes: BindingChange[] = []
  for (const binding of bindings) {
    if (binding.expiresAt <= now) changes.push({ type: 'removed', binding, reason: 'expired' })
  }
  return changes
}

/**
 * RFC 5626 §6: reg-id counts only beside an instance and `Supported: outbound`. When a proxy stands between, it has to
 * have put `ob` in its Path, or our requests would not find the flow.
 */
function usesOutbound(request: SipMessage, contacts: readonly Contact[] | '*'): boolean | 'no edge' {
  if (contacts === '*' || !hasToken(request, 'supported', 'outbound')) return false
  if (!contacts.some(({ instance, regId }) => instance !== '' && regId !== null)) return false
  if (request.headers('via').length === 1) return true
  const edge = parseUri(parseNameAddr(request.headers('path').at(-1) ?? '')?.uri ?? '')
  return edge !== null && uriParameter(edge, 'ob') !== undefined ? true : 'no edge'
}

interface Fault {
  readonly status: number
  readonly reason?: string
  readonly headers?: readonly HeaderLine[]
}

const outOfOrder: Fault = { status: 500, reason: 'CSeq Out of Order' }

/** One request's work on the bindings of its address. */
class BindingUpdate {
  readonly changes: BindingChange[] = []
  readonly #now: UnixMs
  readonly #request: SipMessage
  readonly #limits: RegistrarLimits
  readonly #source: Hop
  readonly #isOutbound: boolean
  readonly #path: readonly string[]
  readonly #bindings = new Map<string, Binding>()

  constructor(
    now: UnixMs,
    request: SipMessage,
    source: Hop,
    bindings: readonly Binding[],
    limits: RegistrarLimits,
    isOutbound: boolean,
  ) {
    this.#now = now
    this.#request = request
    this.#limits = limits
    this.#source = source
    this.#isOutbound = isOutbound
    this.#path = request.headers('path')
    for (const binding of bindings) {
      if (binding.expiresAt > now) this.#bindings.set(binding.key, binding)
      else this.changes.push({ type: 'removed', binding, reason: 'expired' })
    }
  }

  get bindings(): Binding[] {
    return [...this.#bindings.values()]
  }

  /** §10.3 step 6, `Contact: *`. */
  removeAll(): Fault | null {
    if (numberHeader(this.#request, 'expires') !== 0) return { status: 400, reason: 'Wildcard Without Expires: 0' }
    for (const binding of this.bindings) {
      if (this.#isOld(binding)) return outOfOrder
      this.#remove(binding, 'unregistered')
    }
    return null
  }

  /** §10.3 step 7. */
  apply(contacts: readonly Contact[]): Fault | null {
    const named = new Set<string>()
    for (const contact of contacts) {
      if (!isSip(contact.address.uri)) return { status: 400, reason: 'Bad Contact' }
      const seconds = this.#secondsOf(contact)
      if (seconds > 0 && seconds < this.#limits.minSeconds && seconds < 3_600) {
        return { status: 423, headers: [['Min-Expires', `${this.#limits.minSeconds}`]] }
      }
      const key = this.#keyOf(contact, contacts)
      if (key.length > mostKeyLength) return { status: 400, reason: 'Contact Too Long' }
      const before = this.#bindings.get(key) ?? this.#findByUri(contact)
      if (before !== undefined && !named.has(before.key) && this.#isOld(before)) return outOfOrder
      if (seconds > 0) named.add(this.#put(contact, key, seconds, before))
      else if (before !== undefined) this.#remove(before, 'unregistered')
    }
    this.#replaceSameCall(named)
    // Not 503, which would say that the whole server is overloaded (T8).
    if (named.size > this.#limits.maxContacts) return { status: 403, reason: 'Too Many Contacts' }
    this.#makeRoom(named)
    return null
  }

  /** §10.3 step 8. */
  response(): ResponseParts {
    const headers: HeaderLine[] = this.bindings.map((binding) => ['Contact', this.#describe(binding)])
    if (this.#isOutbound) {
      headers.push(['Require', 'outbound'])
      const { flowTimerSeconds } = this.#limits
      if (flowTimerSeconds !== null) headers.push(['Flow-Timer', `${flowTimerSeconds}`])
    }
    // RFC 3327 §5.3: the phone is told what route requests will take.
    for (const value of this.#path) headers.push(['Path', value])
    return { status: 200, headers }
  }

  #describe(binding: Binding): string {
    const { contact, instance, regId, q, expiresAt } = binding
    let text = `<${contact}>`
    if (instance !== null) text += `;+sip.instance="<${instance}>"`
    if (regId !== null) text += `;reg-id=${regId}`
    if (q !== 1) text += `;q=${q}`
    return `${text};expires=${Math.ceil((expiresAt - this.#now) / 1_000)}`
  }

  #secondsOf({ expires }: Contact): number {
    const asked = expires ?? numberHeader(this.#request, 'expires') ?? this.#limits.defaultSeconds
    return Math.min(asked, this.#limits.maxSeconds)
  }

  /** A phone that names two contacts of one instance without reg-id means two: then the contacts tell them apart. */
  #keyOf(contact: Contact, all: readonly Contact[]): string {
    const { instance, regId, address } = contact
    if (instance === '') return address.uri
    if (regId !== null && this.#isOutbound) return `${instance};${regId}`
    const isOnly = all.every((other) => other === contact || other.instance !== instance || other.expires === 0)
    return isOnly ? instance : address.uri
  }

  /** By the rules of §19.1.4. Flows of RFC 5626 are told apart by their reg-id alone, since they share their contact. */
  #findByUri(contact: Contact): Binding | undefined {
    if (contact.regId !== null && this.#isOutbound) return undefined
    const uri = parseUri(contact.address.uri)
    for (const binding of this.#bindings.values()) {
      if (binding.regId !== null) continue
      const other = parseUri(binding.contact)
      if (uri !== null && other !== null && isSameUri(uri, other)) return binding
    }
    return undefined
  }

  #isOld({ callId, cseq }: Binding): boolean {
    return callId === this.#request.callId && this.#request.cseq <= cseq
  }

  /** Gives the key under which the binding is now. */
  #put(contact: Contact, wanted: string, seconds: number, before: Binding | undefined): string {
    const isFlow = contact.regId !== null && this.#isOutbound
    // What is known by its contact keeps the spelling under which it is stored.
    const key = before !== undefined && contact.instance === '' && before.instance === null ? before.key : wanted
    const binding: Binding = {
      key,
      contact: contact.address.uri,
      q: contact.q,
      instance: contact.instance === '' ? null : contact.instance,
      regId: isFlow ? contact.regId : null,
      callId: this.#request.callId,
      cseq: this.#request.cseq,
      path: this.#path,
      source: this.#source,
      userAgent: this.#request.header('user-agent') ?? '',
      registeredAt: before?.registeredAt ?? this.#now,
      expiresAt: this.#now + seconds * 1_000,
    }
    if (before !== undefined && before.key === key && isSamePlace(before, binding)) {
      const { cseq, expiresAt } = binding
      const callId = before.callId === binding.callId ? before.callId : detached(binding.callId)
      const refreshed = { ...before, callId, cseq, expiresAt }
      this.#bindings.set(key, refreshed)
      this.changes.push({ type: 'refreshed', binding: refreshed })
      return key
    }
    if (before !== undefined && before.key !== key) this.#remove(before, 'replaced')
    const kept = detachedBinding(binding)
    this.#bindings.set(key, kept)
    if (before === undefined || before.key !== key) this.changes.push({ type: 'added', binding: kept })
    else this.changes.push({ type: 'changed', binding: kept, before })
    return key
  }

  /** T7: what the same Call-ID registered before and no longer names. Flows have their own life (RFC 5626 §4.2). */
  #replaceSameCall(named: ReadonlySet<string>): void {
    if (named.size === 0) return
    for (const binding of this.bindings) {
      const isSame = binding.callId === this.#request.callId && binding.regId === null
      if (isSame && !named.has(binding.key)) this.#remove(binding, 'replaced')
    }
  }

  /**
   * A phone without instance that starts again and again leaves a contact behind each time; it must not lock itself out
   * by them, so those that would expire first go.
   */
  #makeRoom(named: ReadonlySet<string>): void {
    const spare = this.bindings.filter(({ key }) => !named.has(key)).sort((a, b) => a.expiresAt - b.expiresAt)
    for (const binding of spare.slice(0, Math.max(0, this.#bindings.size - this.#limits.maxContacts))) {
      this.#remove(binding, 'replaced')
    }
  }

  #remove(binding: Binding, reason: 'unregistered' | 'replaced'): void {
    this.#bindings.delete(binding.key)
    this.changes.push({ type: 'removed', binding, reason })
  }
}

/** It lives for as long as a phone is there; its texts would keep the whole REGISTER in memory. */
function detachedBinding(binding: Binding): Binding {
  const { key, contact, instance, callId, path, userAgent } = binding
  return {
    ...binding,
    key: detached(key),
    contact: detached(contact),
    instance: instance === null ? null : detached(instance),
    callId: detached(callId),
    path: path.map(detached),
    userAgent: detached(userAgent),
  }
}

function isSamePlace(a: Binding, b: Binding): boolean {
  const isSameSource =
    a.source.flow === b.source.flow &&
    a.source.port === b.source.port &&
    a.source.address === b.source.address &&
    a.source.transport === b.source.transport
  const isSamePath = a.path.length === b.path.length && a.path.every((value, at) => value === b.path[at])
  return isSameSource && isSamePath && a.contact === b.contact && a.q === b.q && a.userAgent === b.userAgent
}

function isSip(uri: string): boolean {
  const scheme = parseUri(uri)?.scheme
  return scheme === 'sip' || scheme === 'sips'
}
