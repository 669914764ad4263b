/**
 * New requests that belong to no call: registrations, subscriptions, calls that begin, questions whether we are alive.
 * Whoever is let in by the doorkeeper is served, everything else is refused in the words of RFC 3261.
 */
import type { LegId, Source } from '../../engine/call/leg.ts'
import type { Instant } from '../../engine/machine.ts'
import type { ResponseParts } from '../../engine/sip/format.ts'
import { allow, supported } from '../../engine/sip/leg-headers.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import type { SipMessage } from '../../engine/sip/message.ts'
import type { Legs } from '../../engine/sip/legs.ts'
import type { ServerTransaction } from '../../engine/sip/server-transaction.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import type { Admission, Doorkeeper } from './doorkeeper.ts'
import type { Registrations } from './registrations.ts'
import type { Watchers } from './watchers.ts'

export interface ReceptionOptions {
  readonly doorkeeper: Doorkeeper
  readonly registrations: Registrations
  /** Of trunks that register here. */
  readonly trunkBindings: Registrations
  readonly watchers: Watchers
  readonly newLegId: () => LegId
  /** A leg is about to begin, called from there. */
  readonly accepting: (leg: LegId, source: Hop) => void
  /** Null: a new call may begin; else how it is refused (T8). */
  readonly refusal: () => ResponseParts | null
  /** Such a call is never shed (T8, T18). */
  readonly isEmergency: (request: SipMessage, source: Source) => boolean
  /** Runs a step from outside the exchange. */
  readonly run: (step: (now: Instant) => void) => void
}

export class Reception {
  readonly #options: ReceptionOptions

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  receive(now: Instant, transaction: ServerTransaction, legs: Legs): void {
    // RFC 3261 §8.2.2.1.
    if (!understood.has(transaction.request.requestUri?.scheme ?? '')) return respond(now, transaction, { status: 416 })
    if (isKept.has(transaction.method) && hasNul(transaction.request)) {
      return respond(now, transaction, { status: 400, reason: 'NUL In Header' })
    }
    switch (transaction.method) {
      case 'REGISTER':
        return this.#register(now, transaction)
      case 'INVITE':
        return this.#invite(now, transaction, legs)
      case 'OPTIONS':
        return respond(now, transaction, { status: 200, headers: capabilities })
      case 'SUBSCRIBE':
        return this.#subscribe(now, transaction)
      case 'BYE':
      case 'PRACK':
        // RFC 3261 §15.1.2, RFC 3262 §3: they belong to a dialog, and without a tag of ours there is none.
        return respond(now, transaction, { status: 481 })
      case 'MESSAGE':
      case 'PUBLISH':
      case 'INFO':
      case 'NOTIFY':
      case 'REFER':
      case 'UPDATE':
        return respond(now, transaction, { status: 405, headers: [allow] })
      default:
        return respond(now, transaction, { status: 501, headers: [allow] })
    }
  }

  #register(now: Instant, transaction: ServerTransaction): void {
    const { doorkeeper, registrations, trunkBindings, run } = this.#options
    const { request, source } = transaction
    if (!understood.has(parseUri(request.to.uri)?.scheme ?? '')) {
      return respond(now, transaction, { status: 400, reason: 'To Is No SIP Address' })
    }
    const admission = doorkeeper.admit(request, source, false)
    if (admission.kind === 'refused') return respond(now, transaction, admission)
    let isAnswered = false
    const answer = (parts: ResponseParts) => {
      // At once for a plain refresh, else when it is written.
      if (isAnswered) return
      isAnswered = true
      run((at) => respond(at, transaction, parts))
    }
    if (admission.kind === 'device') return registrations.register(request, source, admission.login, answer)
    const { login } = admission
    // A carrier that is known by its address has no password to register with.
    if (login === null) return answer({ status: 403 })
    trunkBindings.register(request, source, { ...login, deviceId: login.trunkId, ownerId: null }, answer)
  }

  #subscribe(now: Instant, transaction: ServerTransaction): void {
    const { doorkeeper, watchers } = this.#options
    const admission = doorkeeper.admit(transaction.request, transaction.source, false)
    if (admission.kind === 'refused') return respond(now, transaction, admission)
    if (admission.kind === 'trunk') return respond(now, transaction, { status: 403 })
    watchers.subscribe(now, transaction, admission.login)
  }

  #invite(now: Instant, transaction: ServerTransaction, legs: Legs): void {
    const { doorkeeper, newLegId, refusal, isEmergency, accepting } = this.#options
    const { request, source } = transaction
    const admission = doorkeeper.admit(request, source, true)
    if (admission.kind === 'refused') return respond(now, transaction, admission)
    const from = toSource(admission)
    const refused = refusal()
    if (refused !== null && !isEmergency(request, from)) return respond(now, transaction, refused)
    const leg = newLegId()
    accepting(leg, source)
    // Whoever signs in may sit behind a NAT, which a Contact knows nothing of (T10).
    legs.accept(now, transaction, leg, from, admission.login !== null)
  }
}

function toSource(admission: Exclude<Admission, { kind: 'refused' }>): Source {
  if (admission.kind === 'trunk') return admission.source
  const { accountId, deviceId } = admission.login
  return { kind: 'device', accountId, deviceId }
}

/** What goes into the database as it came, whose text holds no NUL. */
const isKept: ReadonlySet<string> = new Set(['REGISTER', 'SUBSCRIBE'])

function hasNul(request: SipMessage): boolean {
  let has = false
  request.forEachLine((_name, value) => {
    has ||= value.includes('\0')
  })
  return has
}

const understood: ReadonlySet<string> = new Set(['sip', 'sips', 'tel'])

const capabilities = [allow, ['Accept', 'application/sdp'], supported] as const

function respond(now: Instant, transaction: ServerTransaction, parts: ResponseParts): void {
  transaction.respond(now, parts)
}
