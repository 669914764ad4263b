/**
 * Where devices are (and, in another one of it, trunks that register here): their bindings in memory, and in the database so that they outlive the process (T7). What is new or
 * different is written before the phone has its 200; a plain refresh is written within a second.
 *
 * Invariant: a binding over a connection counts only while the connection lives.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { DeviceContact } from '../../engine/call/host.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import {
  type Binding,
  type BindingChange,
  expiredBindings,
  register,
  type RegistrarLimits,
  type Revoked,
} from '../../engine/sip/registrar.ts'
import type { ResponseParts } from '../../engine/sip/format.ts'
import type { SipMessage } from '../../engine/sip/message.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import type { InboxRow } from '../events/inbox.ts'
import type { BindingName, RegistrationRow } from '../store/registrations.ts'
import type { SignIn } from './directories.ts'

export interface RegistrationsOptions {
  readonly node: string
  /** Wall time. */
  readonly clock: () => number
  readonly log: FastifyBaseLogger
  /** All of it or nothing: rows and the events that tell of them (E1). */
  readonly write: (
    kept: readonly RegistrationRow[],
    gone: readonly BindingName[],
    events: readonly InboxRow[],
  ) => Promise<void>
  readonly isAlive: (flow: string) => boolean
  /** Of credentials: what shows whether they are others now, and tells nothing of them. */
  readonly mark: (text: string) => string
  /** Something that an event tells of, which is answered, with all bindings after it; null: nobody is told. */
  readonly changed: (device: DeviceOfBindings, change: BindingChange, bindings: readonly Binding[]) => InboxRow | null
}

export interface DeviceOfBindings {
  readonly deviceId: string
  readonly accountId: string
  readonly username: string
  /** Null: nobody's, or a trunk. */
  readonly ownerId: string | null
}

type Credentials = Pick<SignIn, 'username' | 'realm' | 'password'>

const limits: RegistrarLimits = {
  minSeconds: 30,
  maxSeconds: 3_600,
  defaultSeconds: 300,
  maxContacts: 10,
  // T7: a phone notices within two minutes that its connection is gone.
  flowTimerSeconds: 90,
}
const refreshMs = 1_000
const retryMs = 1_000
/** With the database away a phone is told that it is registered all the same (T4). */
const longestWaitMs = 1_000
/** Devices in one write: a transaction holds the presence of their owners, for which the writer of calls waits. */
const mostDevices = 1_000
/**
 * What is restored is kept so long at least: a phone whose refresh came while nobody was here tries again after 30 to 60 s
 * (RFC 5626 section 4.5), and one whose refresh was acknowledged and not written does not know that it has to.
 */
const graceMs = 60_000

interface Entry {
  device: DeviceOfBindings
  /** What its bindings were made with. */
  credentials: string
  bindings: readonly Binding[]
}

/** Of a device. */
interface Unwritten {
  /** By key; null: to delete. */
  readonly rows: Map<string, RegistrationRow | null>
  readonly events: InboxRow[]
  readonly waiting: (() => void)[]
}

export class Registrations {
  readonly #options: RegistrationsOptions
  readonly #byDevice = new Map<string, Entry>()
  /** How many bindings come from an address. */
  readonly #addresses = new Map<string, number>()
  /** The devices behind an address and port: more than one where a proxy stands before them. */
  readonly #byPeer = new Map<string, Set<string>>()
  /** What is to be written, by device. */
  readonly #dirty = new Map<string, Unwritten>()
  #timer: NodeJS.Timeout | null = null
  #isUrgent = false
  #isWriting = false
  /** After a write that failed: nothing is so urgent that the database is asked all the time. */
  #isPausing = false

  constructor(options: RegistrationsOptions) {
    this.#options = options
  }

  get size(): number {
    let count = 0
    for (const { bindings } of this.#byDevice.values()) count += bindings.length
    return count
  }

  /** What a process before this one left. */
  restore(
    rows: readonly RegistrationRow[],
    deviceOf: (deviceId: string) => (DeviceOfBindings & SignIn) | undefined,
  ): void {
    for (const row of rows) {
      const device = deviceOf(row.deviceId)
      if (device === undefined) continue
      const { binding, credentials } = fromRow(row, this.#options.clock())
      const entry = this.#entry(device, credentials ?? this.#markOf(device))
      this.#set(entry, [...entry.bindings, binding])
    }
    this.drop(null, deviceOf)
  }

  /** The answer, once what changed is durable. */
  register(
    request: SipMessage,
    source: Hop,
    device: DeviceOfBindings & Credentials,
    answer: (parts: ResponseParts) => void,
  ): void {
    if (parseUri(request.to.uri)?.user.toLowerCase() !== device.username.toLowerCase()) {
      return answer({ status: 403, reason: 'Another User' })
    }
    const entry = this.#entry(device, this.#markOf(device))
    const { changes, bindings, response } = register(this.#options.clock(), request, source, entry.bindings, limits)
    this.#set(entry, bindings)
    let isPlain = true
    for (const change of changes) {
      if (change.type !== 'refreshed') isPlain = false
      this.#note(entry, change)
    }
    if (isPlain) answer(response)
    else this.#whenWritten(device.deviceId, () => answer(response))
  }

  /** The latest first; of several flows of one phone one (RFC 5626 §7), or it would ring for each. */
  contacts(deviceId: string): DeviceContact[] {
    const flows = this.#reachable(deviceId)
    const isFirst = ({ instance, regId }: Binding, index: number) =>
      regId === null || flows.findIndex((one) => one.regId !== null && one.instance === instance) === index
    return flows.filter(isFirst).map((binding) => ({
      target: {
        uri: binding.contact,
        route: binding.path,
        flow: flowId(deviceId, binding.key),
        credentials: null,
      },
      isSecure: binding.source.transport === 'tls' || binding.source.transport === 'wss',
    }))
  }

  /** Where its bindings came from, the latest first. */
  sources(deviceId: string): Hop[] {
    return this.#reachable(deviceId).map(({ source }) => source)
  }

  #reachable(deviceId: string): Binding[] {
    const now = this.#options.clock()
    return (this.#byDevice.get(deviceId)?.bindings ?? [])
      .filter(({ expiresAt, source }) => expiresAt > now && this.#isReachable(source))
      .toSorted((a, b) => b.q - a.q || b.registeredAt - a.registeredAt)
  }

  /** Where requests to a binding go: where its registration came from (T10). */
  flow(id: string): Hop | null {
    const [deviceId = '', key] = id.split('\n')
    const binding = this.#byDevice.get(deviceId)?.bindings.find((one) => one.key === key)
    return binding && this.#isReachable(binding.source) ? binding.source : null
  }

  /** Whose binding comes from there; null: nobody's. */
  ownerAt(source: Hop): string | null {
    const [deviceId = null] = this.#byPeer.get(peerKey(source)) ?? []
    return deviceId
  }

  hasAddress(address: string): boolean {
    return this.#addresses.has(address)
  }

  /** Call every few seconds. */
  expire(): void {
    const now = this.#options.clock()
    for (const entry of this.#byDevice.values()) {
      const changes = expiredBindings(now, entry.bindings)
      if (changes.length === 0) continue
      this.#set(
        entry,
        entry.bindings.filter(({ expiresAt }) => expiresAt > now),
      )
      for (const change of changes) this.#note(entry, change)
    }
  }

  /**
   * Those of devices that are no more, may not register any more, or have other credentials than they came with. Devices of
   * other accounts than the one that changed are as they were; null: any may have changed.
   */
  drop(accountId: string | null, deviceOf: (deviceId: string) => (DeviceOfBindings & SignIn) | undefined): void {
    for (const [deviceId, entry] of this.#byDevice) {
      if (accountId !== null && entry.device.accountId !== accountId) continue
      const device = deviceOf(deviceId)
      // Of one that is no more the last owner is told.
      if (device) entry.device = toDevice(device)
      const reason = this.#whyRevoked(entry, device)
      if (reason === null) continue
      const { bindings } = entry
      this.#set(entry, [])
      for (const binding of bindings) this.#note(entry, { type: 'removed', binding, reason })
    }
  }

  #whyRevoked({ credentials }: Entry, signIn: SignIn | undefined): Revoked | null {
    if (!signIn) return 'deleted'
    if (!signIn.isEnabled) return 'disabled'
    return this.#markOf(signIn) === credentials ? null : 'credentials_changed'
  }

  #markOf({ username, realm, password }: Credentials): string {
    return this.#options.mark([username.toLowerCase(), realm, password].join('\n'))
  }

  async stop(): Promise<void> {
    // What changed while a write was under way goes with one of its own.
    while (this.#isWriting) await new Promise((resolve) => setImmediate(resolve))
    do {
      await this.#write()
      if (this.#timer) clearTimeout(this.#timer)
    } while (this.#dirty.size > 0 && !this.#isPausing)
  }

  #entry(device: DeviceOfBindings, credentials: string): Entry {
    const known = this.#byDevice.get(device.deviceId)
    if (known) {
      known.credentials = credentials
      return known
    }
    const made: Entry = { device: toDevice(device), credentials, bindings: [] }
    this.#byDevice.set(device.deviceId, made)
    return made
  }

  #set(entry: Entry, bindings: readonly Binding[]): void {
    const before = entry.bindings
    entry.bindings = bindings
    // A refresh keeps the place that it had.
    if (!isSamePlaces(before, bindings)) this.#move(entry.device.deviceId, before, bindings)
    if (bindings.length === 0) this.#byDevice.delete(entry.device.deviceId)
    else this.#byDevice.set(entry.device.deviceId, entry)
  }

  #move(deviceId: string, before: readonly Binding[], after: readonly Binding[]): void {
    for (const { source } of before) {
      this.#count(source.address, -1)
      const devices = this.#byPeer.get(peerKey(source))
      devices?.delete(deviceId)
      if (devices?.size === 0) this.#byPeer.delete(peerKey(source))
    }
    for (const { source } of after) {
      this.#count(source.address, 1)
      const devices = this.#byPeer.get(peerKey(source))
      if (devices === undefined) this.#byPeer.set(peerKey(source), new Set([deviceId]))
      else devices.add(deviceId)
    }
  }

  #count(address: string, by: 1 | -1): void {
    const count = (this.#addresses.get(address) ?? 0) + by
    if (count > 0) this.#addresses.set(address, count)
    else this.#addresses.delete(address)
  }

  #isReachable({ flow }: Hop): boolean {
    return flow === null || this.#options.isAlive(flow)
  }

  #note({ device, credentials, bindings }: Entry, change: BindingChange): void {
    const { binding } = change
    const unwritten: Unwritten = this.#dirty.get(device.deviceId) ?? { rows: new Map(), events: [], waiting: [] }
    this.#dirty.set(device.deviceId, unwritten)
    const row = change.type === 'removed' ? null : toRow(device, binding, { node: this.#options.node, credentials })
    unwritten.rows.set(binding.key, row)
    if (change.type !== 'refreshed') {
      this.#isUrgent = true
      const event = this.#options.changed(device, change, bindings)
      if (event !== null) unwritten.events.push(event)
    }
    this.#schedule()
  }

  /** Something of the device is dirty. */
  #whenWritten(deviceId: string, then: () => void): void {
    let isDone = false
    const once = () => {
      if (isDone) return
      isDone = true
      clearTimeout(timer)
      then()
    }
    const timer = setTimeout(once, longestWaitMs)
    this.#dirty.get(deviceId)?.waiting.push(once)
  }

  #schedule(): void {
    if (this.#isWriting || (this.#timer !== null && (!this.#isUrgent || this.#isPausing))) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#write(), this.#isUrgent ? 2 : refreshMs)
  }

  async #write(): Promise<void> {
    this.#timer = null
    if (this.#isWriting || this.#dirty.size === 0) return
    this.#isWriting = true
    this.#isUrgent = false
    this.#isPausing = false
    const some = [...this.#dirty].slice(0, mostDevices)
    for (const [deviceId] of some) this.#dirty.delete(deviceId)
    const isMore = this.#dirty.size > 0
    try {
      await this.#send(some)
      for (const [, { waiting }] of some) for (const then of waiting) then()
    } catch (error) {
      // Behind the others, so that what the database refuses holds up nobody else.
      for (const [deviceId, unwritten] of some) this.#keep(deviceId, unwritten)
      this.#options.log.warn({ err: error }, 'registrations wait for the database')
      this.#isPausing = true
    }
    this.#isWriting = false
    if (this.#dirty.size === 0) return
    const pause = this.#isPausing ? retryMs : isMore || this.#isUrgent ? 2 : refreshMs
    this.#timer = setTimeout(() => void this.#write(), pause)
  }

  #send(some: readonly [string, Unwritten][]): Promise<void> {
    const kept: RegistrationRow[] = []
    const gone: BindingName[] = []
    for (const [deviceId, { rows }] of some) {
      for (const [binding, row] of rows) {
        if (row === null) gone.push({ deviceId, binding })
        else kept.push(row)
      }
    }
    return this.#options.write(
      kept,
      gone,
      some.flatMap(([, { events }]) => events),
    )
  }

  /** What could not be written; what changed meanwhile counts more. */
  #keep(deviceId: string, { rows, events, waiting }: Unwritten): void {
    const newer = this.#dirty.get(deviceId)
    this.#dirty.delete(deviceId)
    this.#dirty.set(deviceId, {
      rows: new Map([...rows, ...(newer?.rows ?? [])]),
      events: [...events, ...(newer?.events ?? [])],
      waiting: [...waiting, ...(newer?.waiting ?? [])],
    })
  }
}

const toDevice = ({ deviceId, accountId, username, ownerId }: DeviceOfBindings): DeviceOfBindings => ({
  deviceId,
  accountId,
  username,
  ownerId,
})

const peerKey = ({ transport, address, port }: Hop): string => `${transport} ${address} ${port}`

const isSamePlaces = (a: readonly Binding[], b: readonly Binding[]): boolean =>
  a.length === b.length && a.every(({ source }, at) => source === b[at]?.source)

/** A line feed stands in no id and no URI. */
const flowId = (deviceId: string, key: string) => `${deviceId}\n${key}`

const toRow = (
  device: DeviceOfBindings,
  binding: Binding,
  { node, credentials }: { node: string; credentials: string },
): RegistrationRow => ({
  deviceId: device.deviceId,
  binding: binding.key,
  accountId: device.accountId,
  aor: device.username,
  contact: binding.contact,
  instance: binding.instance,
  regId: binding.regId,
  callId: binding.callId,
  cseq: binding.cseq,
  path: [...binding.path],
  flow: { ...binding.source, q: binding.q, credentials },
  transport: binding.source.transport,
  userAgent: binding.userAgent === '' ? null : binding.userAgent,
  contactIp: binding.source.address,
  contactPort: binding.source.port,
  registeredAt: new Date(binding.registeredAt),
  expiresAt: new Date(binding.expiresAt),
  node,
})

/** `credentials` null: by a version before this one. */
function fromRow(row: RegistrationRow, now: number): { binding: Binding; credentials: string | null } {
  // As `toRow` wrote it.
  const { q = 1, credentials = null, ...source } = row.flow as Hop & { q?: number; credentials?: string }
  const binding: Binding = {
    key: row.binding,
    contact: row.contact,
    q,
    instance: row.instance,
    regId: row.regId,
    callId: row.callId,
    cseq: row.cseq,
    path: row.path,
    source,
    userAgent: row.userAgent ?? '',
    registeredAt: row.registeredAt.getTime(),
    expiresAt:
      row.expiresAt.getTime() > now - graceMs
        ? Math.max(row.expiresAt.getTime(), now + graceMs)
        : row.expiresAt.getTime(),
  }
  return { binding, credentials }
}
