/**
 * A process's calls with fake legs, a fake media worker and a clock that jumps. What call logic asks is kept in order as
 * short lines (`log`); writes become durable and ports open at once, unless a test holds them back.
 */
import { Calls } from '../call/calls.ts'
import { type Account, Directory } from '../call/directory.ts'
import type { CallAction, CommandBy, CommandRefusal, Origination } from '../call/command.ts'
import type { CallHost, DeviceContact } from '../call/host.ts'
import type { IncomingInvite, LegCommand, LegEvent, LegId, ReferTarget, WrittenDialog } from '../call/leg.ts'
import type { CallRecord } from '../call/records.ts'
import type { CallOutput } from '../call/services.ts'
import type { KnownLegs } from '../call/snapshot.ts'
import type { MediaOrder, MediaReport } from '../rtp/messages.ts'
import { TimerQueue } from '../timer-queue.ts'
import { aCallflow, aDevice, anAccount, aUser, node } from './directory.ts'

type Dial = Extract<LegCommand, { type: 'dial' }>
type Event<T extends CallRecord['type']> = Extract<CallRecord, { type: T }>

export class CallWorld {
  now = 1_000_000
  directory = new Directory(anAccount())
  readonly timers = new TimerQueue()
  readonly calls: Calls
  /** Commands, orders and writes as lines. */
  log: string[] = []
  readonly commands: LegCommand[] = []
  readonly orders: MediaOrder[] = []
  readonly records: CallRecord[] = []
  readonly done: string[] = []
  /** Of what was commanded. */
  readonly commandIds: string[] = []
  /** Devices whose doing has changed. */
  readonly changedLines: string[] = []
  /** Devices without a binding. */
  readonly unregistered = new Set<string>()
  /** Trunks that do not answer when they are asked. */
  readonly deadTrunks = new Set<string>()
  /** How many bindings a device has, where not one. */
  readonly bindings = new Map<string, number>()
  /** Devices that registered over TLS. */
  readonly secured = new Set<string>()
  readonly prompts = new Map<string, string>()
  /** How often whoever runs meetings was told. */
  phonesTold = 0
  isWriterStuck = false
  isMediaStuck = false
  /** How many ports there are left. */
  portsLeft = 1000
  readonly stuckWrites: number[] = []
  readonly dialogs = new Map<string, LegId>()
  /** Of the second process on: no two have the same ids. */
  readonly #name: string
  #ids = 0
  #ports = 30_000

  constructor(name = '') {
    this.#name = name
    this.calls = new Calls(this.#host(), this.timers)
  }

  /** Two people with a phone each: alice on 1001 and bob on 1002. */
  static withAliceAndBob(name = ''): CallWorld {
    const world = new CallWorld(name)
    world.person('alice', '1001')
    world.person('bob', '1002')
    return world
  }

  /** A user with one device of the same name and a callflow on that number. */
  person(name: string, number: string): void {
    this.directory.put('user', aUser(name))
    this.directory.put('device', aDevice(`${name}-phone`, name))
    this.directory.put('callflow', aCallflow(`flow-${name}`, [number], node('user', { id: name })))
  }

  /** The account was changed, and is read again as a whole (T4); `change` puts what is new. */
  reconfigures(account: Partial<Account>, change: (directory: Directory) => void): void {
    this.directory = new Directory({ ...this.directory.account, ...account })
    change(this.directory)
  }

  /** A command about the only call, or the one that a leg is in; null: it was accepted. */
  act(action: CallAction, parts: { by?: Partial<CommandBy>; leg?: LegId } = {}): CommandRefusal | null {
    const by = { accountId: 'acme', userId: null, isAdmin: true, actor: '{}', ...parts.by }
    const callId = this.records.find((record) => record.type === 'event')?.call.id ?? 'none'
    const inCall = parts.leg === undefined ? undefined : this.calls.callOf(parts.leg)?.id
    const id = `cmd-${action.type}-${this.#newId('')}`
    this.commandIds.push(id)
    const refusal = this.calls.command(this.now, { type: 'act', id, by, callId: inCall ?? callId, action })
    this.#drain()
    return refusal
  }

  /** Click-to-call; null: it was accepted. */
  originate(parts: Partial<Origination>, by: Partial<CommandBy> = {}): CommandRefusal | null {
    const id = `cmd-originate-${this.#newId('')}`
    this.commandIds.push(id)
    const refusal = this.calls.command(this.now, {
      type: 'originate',
      id,
      by: { accountId: 'acme', userId: null, isAdmin: true, actor: '{}', ...by },
      callId: this.#newId('call'),
      origination: {
        from: { type: 'user', userId: 'alice' },
        to: { type: 'number', number: '1002' },
        isAutoAnswer: false,
        callerId: null,
        ringMs: 30_000,
        ...parts,
      },
    })
    this.#drain()
    return refusal
  }

  /** Each event with the command that it is of. */
  get caused(): (readonly [string, string | null])[] {
    return this.recordsOf('event').map(({ event, correlationId }) => [event, correlationId])
  }

  /** An INVITE of a device; gives the leg. */
  call(deviceId: string, number: string, parts: Partial<IncomingInvite> = {}): LegId {
    return this.invite({
      source: { kind: 'device', accountId: 'acme', deviceId },
      requestUri: `sip:${number}@pbx`,
      ...parts,
    })
  }

  callFromTrunk(trunkId: string, number: string, parts: Partial<IncomingInvite> = {}): LegId {
    return this.invite({
      source: { kind: 'trunk', accountId: 'acme', trunkId },
      requestUri: `sip:${number}@pbx`,
      ...parts,
    })
  }

  invite(parts: Partial<IncomingInvite> & Pick<IncomingInvite, 'source' | 'requestUri'>): LegId {
    const leg = this.#newId('in')
    const invite: IncomingInvite = {
      toUri: parts.requestUri,
      fromUri: 'sip:somebody@pbx',
      fromName: null,
      asserted: [],
      privacy: null,
      diversion: [],
      calledPartyId: null,
      replaces: null,
      sdp: sdp(),
      callId: `callid-${leg}`,
      userAgent: null,
      alertInfo: null,
      maxForwards: 70,
      ...parts,
    }
    this.leg({ type: 'incoming', leg, call: invite })
    return leg
  }

  leg(event: LegEvent): void {
    this.calls.handle(this.now, { type: 'leg', event })
    this.#drain()
  }

  media(report: MediaReport): void {
    this.calls.handle(this.now, { type: 'media', report })
    this.#drain()
  }

  rings(leg: LegId, body: string | null = null): void {
    this.leg({ type: 'progress', leg, status: body === null ? 180 : 183, sdp: body, branch: 'b1' })
  }

  /** A desk phone that may be told to answer. */
  ringsTalkative(leg: LegId): void {
    this.leg({ type: 'progress', leg, status: 180, sdp: null, branch: 'b1', takesTalk: true })
  }

  /** The 200 of a dialled leg, with the dialog that the SIP layer tells of right after it. */
  answers(leg: LegId, body: string = sdp({ port: 5000 })): void {
    this.leg({ type: 'answered', leg, sdp: body, isOffer: false, branch: 'b1', identity: null })
    this.leg({ type: 'confirmed', leg, dialog: dialogOf(leg) })
  }

  fails(leg: LegId, status: number, parts: Partial<Extract<LegEvent, { type: 'failed' }>> = {}): void {
    const none = { reason: `Status ${status}`, q850: null, retryAfter: null, contacts: [], isTimeout: false }
    this.leg({ type: 'failed', leg, status, ...none, ...parts })
  }

  hangsUp(leg: LegId, q850: number | null = null): void {
    this.leg({ type: 'ended', leg, by: 'remote', status: null, q850 })
  }

  cancels(leg: LegId): void {
    this.leg({ type: 'cancelled', leg, reason: null })
  }

  acks(leg: LegId, body: string | null = null): void {
    this.leg({ type: 'acked', leg, sdp: body })
    this.leg({ type: 'confirmed', leg, dialog: dialogOf(leg) })
  }

  reinvites(leg: LegId, body: string | null): void {
    this.leg({ type: 'offer', leg, sdp: body })
  }

  refers(leg: LegId, number: string, replaces: ReferTarget['replaces'] = null): void {
    this.leg({ type: 'refer', leg, target: { uri: `sip:${number}@pbx`, replaces, referredBy: null } })
  }

  press(leg: LegId, digit: string): void {
    this.media({ type: 'dtmf', endpoint: leg, digit, durationMs: 160 })
  }

  restore(
    text: string,
    hasDialog: KnownLegs['hasDialog'],
    isElsewhere: KnownLegs['isElsewhere'] = () => false,
  ): boolean {
    const isRestored = this.calls.restore(this.now, text, { hasDialog, isElsewhere })
    this.#drain()
    return isRestored
  }

  flush(): void {
    for (const write of this.stuckWrites.splice(0)) this.calls.handle(this.now, { type: 'flushed', write })
    this.#drain()
  }

  dropPhone(participantId: string): void {
    this.calls.dropPhone(this.now, participantId)
    this.#drain()
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (let next = this.timers.deadline(); next !== undefined && next <= until; next = this.timers.deadline()) {
      this.now = Math.max(this.now, next)
      this.timers.run(this.now)
      this.#drain()
    }
    this.now = until
  }

  get dials(): Dial[] {
    return this.commands.filter((command) => command.type === 'dial')
  }

  /** The last leg that was dialled, or the last to that user part. */
  dialled(user?: string): LegId {
    const found = this.dials.findLast(({ to }) => user === undefined || to.uri.startsWith(`sip:${user}@`))
    if (!found) throw new Error(`Nobody dialled ${user ?? 'anything'}: ${this.log.join('\n')}`)
    return found.leg
  }

  /** The commands to one leg, by their type. */
  commandsTo(leg: LegId): LegCommand[] {
    return this.commands.filter((command) => command.leg === leg)
  }

  last<T extends LegCommand['type']>(leg: LegId, type: T): Extract<LegCommand, { type: T }> | undefined {
    return this.commandsTo(leg).findLast(
      (command): command is Extract<LegCommand, { type: T }> => command.type === type,
    )
  }

  recordsOf<T extends CallRecord['type']>(type: T): Event<T>[] {
    return this.records.filter((record): record is Event<T> => record.type === type)
  }

  get events(): string[] {
    return this.recordsOf('event').map(({ event }) => event)
  }

  /** Each with its leg. */
  get legEvents(): string[] {
    return this.recordsOf('leg_event').map(({ event, leg }) => `${leg.id} ${event}`)
  }

  get cdr() {
    const [only, ...more] = this.recordsOf('cdr')
    if (!only || more.length > 0) throw new Error(`${more.length + (only ? 1 : 0)} history rows`)
    return only.cdr
  }

  /** What was logged since the last time it was asked. */
  takeLog(): string[] {
    const log = this.log
    this.log = []
    return log
  }

  #host(): CallHost {
    return {
      directories: {
        account: (id) => (id === this.directory.account.id ? this.directory : undefined),
        ofPhoneNumber: (number) => (this.directory.phoneNumbers.has(number) ? this.directory : undefined),
      },
      newCallId: () => this.#newId('call'),
      newLegId: () => this.#newId('out'),
      newRecordingId: () => this.#newId('recording'),
      recordingPath: (id, part) => `/recordings/${id}.${part}.wav`,
      newSdpSessionId: () => '1',
      newSrtpKeys: () => ({
        AES_CM_128_HMAC_SHA1_80: 'A'.repeat(40),
        AES_CM_128_HMAC_SHA1_32: 'B'.repeat(40),
      }),
      contacts: (deviceId) => this.#contacts(deviceId),
      trunkContacts: (trunkId) => this.#contacts(trunkId),
      isTrunkUp: (trunkId) => !this.deadTrunks.has(trunkId),
      mediaPlace: () => {
        if (this.portsLeft === 0) return null
        this.portsLeft -= 1
        this.#ports += 2
        return { port: this.#ports, bindAddress: '0.0.0.0', address: '10.0.0.1' }
      },
      signallingAddress: () => '10.9.9.9',
      dialogWith: (_now, leg) => dialogOf(leg),
      findDialog: ({ callId }) => this.dialogs.get(callId) ?? null,
      prompt: (name) => this.prompts.get(name) ?? null,
    }
  }

  #contacts(deviceId: string): DeviceContact[] {
    if (this.unregistered.has(deviceId)) return []
    return Array.from({ length: this.bindings.get(deviceId) ?? 1 }, (_, index) => ({
      target: { uri: `sip:${deviceId}@10.1.1.${index + 1}`, route: [], flow: `flow${index}`, credentials: null },
      isSecure: this.secured.has(deviceId),
    }))
  }

  #newId(prefix: string): string {
    this.#ids += 1
    return `${prefix}${this.#ids}${this.#name}`
  }

  #drain(): void {
    for (let output = this.calls.poll(); output !== undefined; output = this.calls.poll()) this.#carryOut(output)
  }

  #carryOut(output: CallOutput): void {
    switch (output.type) {
      case 'leg':
        this.commands.push(output.command)
        this.log.push(describeCommand(output.command))
        return this.#afterCommand(output.command)
      case 'media':
        this.orders.push(output.order)
        this.log.push(describeOrder(output.order))
        return this.#afterOrder(output.order)
      case 'write':
        this.records.push(...output.records)
        this.#logWrite(output.records)
        if (output.write === null) return
        if (this.isWriterStuck) this.stuckWrites.push(output.write)
        else this.calls.handle(this.now, { type: 'flushed', write: output.write })
        return
      case 'phones':
        this.phonesTold += 1
        return
      case 'line':
        this.changedLines.push(output.deviceId)
        return
      case 'done':
        this.done.push(output.callId)
        this.log.push('done')
    }
  }

  /** What legs tell besides is in `legEvents`. */
  #logWrite(records: readonly CallRecord[]): void {
    const others = records.filter(({ type }) => type !== 'leg_event')
    if (others.length > 0) this.log.push(`write ${others.map(describeRecord).join(', ')}`)
  }

  /** Our 200 makes the dialog of an incoming leg. */
  #afterCommand(command: LegCommand): void {
    if (command.type !== 'answer') return
    const event: LegEvent = { type: 'confirmed', leg: command.leg, dialog: dialogOf(command.leg) }
    this.calls.handle(this.now, { type: 'leg', event })
  }

  #afterOrder(order: MediaOrder): void {
    if (order.type !== 'open' && order.type !== 'close') return
    if (this.isMediaStuck) return
    const { endpoint } = order
    const report: MediaReport =
      order.type === 'open' ? { type: 'opened', endpoint } : { type: 'closed', endpoint, quality: null }
    this.calls.handle(this.now, { type: 'media', report })
  }
}

/** As the SIP layer would write it down. */
const dialogOf = (leg: LegId): WrittenDialog => ({ of: leg })

/** An offer or answer of a phone. */
export function sdp(
  parts: { port?: number; codecs?: readonly string[]; direction?: string; address?: string } = {},
): string {
  const { port = 4000, codecs = ['8 PCMA', '0 PCMU', '101 telephone-event'], direction = 'sendrecv' } = parts
  const payloads = codecs.map((codec) => codec.split(' ')[0])
  const maps = codecs.map((codec) => `a=rtpmap:${codec}/8000\r\n`).join('')
  const address = parts.address ?? '10.1.1.1'
  return `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${payloads.join(' ')}\r\n${maps}a=${direction}\r\n`
}

function describeCommand(command: LegCommand): string {
  const { type, leg } = command
  switch (type) {
    case 'dial':
      return `${leg} dial ${command.to.uri}`
    case 'progress':
      return `${leg} progress ${command.status}${command.sdp === null ? '' : ' sdp'}`
    case 'reject':
    case 'refer_answer':
    case 'refer_progress':
    case 'reject_offer':
      return `${leg} ${type} ${command.status}`
    case 'hangup':
      return `${leg} hangup${command.reason ? ` ${command.reason.protocol} ${command.reason.cause}` : ''}`
    default:
      return `${leg} ${type}`
  }
}

function describeOrder(order: MediaOrder): string {
  if (order.type === 'bridge') return `media bridge ${order.a} ${order.b}`
  if (order.type === 'mix') return `media mix ${order.mix} ${JSON.stringify(order.hears)}`
  if (order.type === 'play') return `media play ${order.endpoint} ${playName(order)}`
  return `media ${order.type} ${order.endpoint}`
}

function playName({ source }: Extract<MediaOrder, { type: 'play' }>): string {
  return source.type === 'tone' ? source.tone : source.type === 'file' ? source.path : source.type
}

const describeRecord = (record: CallRecord): string => (record.type === 'event' ? record.event : record.type)
