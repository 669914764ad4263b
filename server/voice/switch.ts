/**
 * Telephony of one process, put together: sockets, doorkeeper, registrations, the exchange with its calls, the writer and
 * the media worker's client; and the clockwork that keeps them tidy.
 */
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientConfig } from 'pg'
import type { CallCommand, CommandRefusal } from '../../engine/call/command.ts'
import type { MediaPlace } from '../../engine/call/host.ts'
import type { MeetingPhone } from '../../engine/call/meeting-phone.ts'
import type { DialTarget, LegId, Source } from '../../engine/call/leg.ts'
import { routeIncoming } from '../../engine/call/routing.ts'
import type { MediaReport } from '../../engine/rtp/messages.ts'
import { readInvite } from '../../engine/sip/leg-headers.ts'
import { DigestClient } from '../../engine/sip/digest-client.ts'
import type { ResponseParts } from '../../engine/sip/format.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import type { LegsOptions } from '../../engine/sip/leg-port.ts'
import type { ParseFault, SipMessage } from '../../engine/sip/message.ts'
import type { Binding, BindingChange } from '../../engine/sip/registrar.ts'
import { nextHopUri } from '../../engine/sip/route-set.ts'
import type { Signer } from '../auth/signing.ts'
import { whenPortIsFree } from '../control-program.ts'
import { newId } from '../ids.ts'
import { recordingPartPath } from '../recording/files.ts'
import { touchCalls } from '../store/call-batch.ts'
import type { Database } from '../store/database.ts'
import { listRegistrations, writeRegistrations } from '../store/registrations.ts'
import { listSipSubscriptions, writeSipSubscriptions } from '../store/sip-subscriptions.ts'
import { listTrunkRegistrations, writeTrunkRegistrations } from '../store/trunk-registrations.ts'
import { Addresses } from './addresses.ts'
import { CallBook } from './call-book.ts'
import { Changes } from './changes.ts'
import type { ControlHandler } from './control.ts'
import type { VoiceFigures } from './control-protocol.ts'
import type { DeviceLogin, Directories } from './directories.ts'
import { DeviceEvents } from './device-events.ts'
import { Doorkeeper, hashes } from './doorkeeper.ts'
import { Exchange, instant, newCallId, newLegId, newToken, type OutsideHost } from './exchange.ts'
import { Ladders } from './ladders.ts'
import { Locator } from './locator.ts'
import { LoopLag } from './loop-lag.ts'
import { MediaClient } from './media-client.ts'
import { MemoryReturn } from './memory-return.ts'
import { MeetingWays } from './meeting-ways.ts'
import { Ports } from './ports.ts'
import { brought } from './prompts.ts'
import { Reception } from './reception.ts'
import { type DeviceOfBindings, Registrations } from './registrations.ts'
import { resumeCalls } from './restart.ts'
import type { OutsideCall } from '../sandbox/protocol.ts'
import type { Sandbox } from './sandbox.ts'
import { type SipPort, sipPorts, Sockets } from './sockets.ts'
import type { Spool } from './spool.ts'
import { TrunkProbes } from './trunk-probes.ts'
import { TrunkRegistrations } from './trunk-registrations.ts'
import { TrunkWays } from './trunk-ways.ts'
import { Watchers } from './watchers.ts'
import { Writer } from './writer.ts'
import type { WriterThread } from './writer-thread.ts'

export interface SwitchOptions {
  readonly node: string
  readonly connection: ClientConfig
  readonly session: WriterThread
  readonly database: Database
  readonly directories: Directories
  readonly log: FastifyBaseLogger
  readonly signer: Signer
  readonly spool: Spool
  readonly epoch: string
  readonly sip: {
    readonly listenIp: string
    readonly port: number
    readonly extraPorts: readonly SipPort[]
    readonly bridgePath: string
    readonly tls: { readonly cert: string; readonly key: string }
    readonly mostPerAddress: number
  }
  readonly network: { readonly localNets: readonly string[]; readonly publicIps: readonly string[] }
  readonly rtpPorts: { readonly first: number; readonly last: number }
  readonly workerSocket: (worker: number) => string
  readonly dataDir: string
  readonly sandbox: Sandbox
  /** Events wait in the inbox. */
  readonly wrote: () => void
  /** Which legs are in meetings is another. */
  readonly phonesChanged: () => void
}

const agent = 'Carillon'
/** RFC 4568 §6.2: key and salt of AES_CM_128. */
const newSrtpKey = () => randomBytes(30).toString('base64')
const expireMs = 5_000
/** Between two looks for what could not be read of the configuration. */
const rereadMs = 1_000
/** Between two looks for what came after calls were over (T33). */
const laddersMs = 1_000
const sweepMs = 30_000
/** T3: how far a call was surely alive. */
const heartbeatMs = 10_000
const namesMs = 60_000
/** The supervisor starts us with `--expose-gc`. A regular collection keeps the pages for what comes next. */
const collectAll = () => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
/** T8: with the loop this late, or so much waiting for the writer, new calls are shed. */
const lateMs = 500
const retrySeconds = 2

export class Switch implements ControlHandler {
  readonly #options: SwitchOptions
  readonly #addresses: Addresses
  readonly #sockets: Sockets
  readonly #registrations: Registrations
  /** Of trunks that register here. */
  readonly #trunkBindings: Registrations
  readonly #trunks: TrunkWays
  readonly #trunkRegistrations: TrunkRegistrations
  readonly #trunkProbes: TrunkProbes
  readonly #exchange: Exchange
  readonly #changes: Changes
  readonly #locator: Locator
  readonly #doorkeeper: Doorkeeper
  readonly #reception: Reception
  readonly #watchers: Watchers
  readonly #writer: Writer
  readonly #book: CallBook
  readonly #ladders = new Ladders(Date.now)
  readonly #memory = new MemoryReturn(collectAll)
  readonly #deviceEvents = new DeviceEvents(Date.now)
  readonly #media: MediaClient
  readonly #ways: MeetingWays
  /** Workers of meetings that phones of ours are in, besides ours. */
  #isSettled = false
  #isStopping = false
  readonly #others = new Map<number, MediaClient>()
  readonly #ports: Ports
  /** Of the time since figures were asked for last. */
  readonly #lag = monitorEventLoopDelay({ resolution: 10 })
  readonly #loopLag = new LoopLag()
  readonly #timers: NodeJS.Timeout[] = []
  /** Where the peer of a leg sends its SIP from. */
  readonly #peers = new Map<LegId, string>()
  /** What calls of the process before this one have to say, such as a BYE, until there are sockets. */
  #unsent: [Hop, Uint8Array, string][] | null = []
  readonly #counts = { messagesIn: 0, messagesOut: 0, malformed: 0 }

  constructor(options: SwitchOptions) {
    this.#options = options
    const { node, directories, database, log, signer, spool, sip, network, epoch, wrote, connection, session } = options
    this.#addresses = new Addresses({ ...network, listenIp: sip.listenIp }, () => performance.now())
    this.#ports = new Ports(options.rtpPorts)
    this.#changes = new Changes({ read: (accountId) => this.#read(accountId), log })
    this.#sockets = new Sockets({
      ...sip,
      addresses: this.#addresses,
      log,
      epoch,
      received: (message, source, bytes) => this.#received(message, source, bytes),
      failed: (ticket) => this.#exchange.sendFailed(ticket),
      closed: (flow, peer) => {
        this.#exchange.flowClosed(flow)
        if (peer !== null) this.#trunkRegistrations.connectionClosed(peer)
      },
    })
    const locator = new Locator({
      clock: () => performance.now(),
      ownPorts: new Set(sipPorts(sip).map(({ port }) => port)),
      isOwnAddress: (address) => this.#addresses.toward(address) === address,
      isLocal: (address) => this.#addresses.isLocal(address),
      isSandbox: ({ address, port }) => options.sandbox.isAt(address, port),
    })
    this.#locator = locator
    this.#registrations = new Registrations({
      node,
      clock: Date.now,
      log,
      mark: (text) => signer.mark('credentials of a registration', text),
      write: async (kept, gone, events) => {
        await writeRegistrations(database, kept, gone, events)
        if (events.length > 0) wrote()
      },
      isAlive: (flow) => this.#sockets.isAlive(flow),
      changed: (device, change, bindings) => this.#registrationChanged(device, change, bindings),
    })
    this.#trunkBindings = new Registrations({
      node,
      clock: Date.now,
      log,
      mark: (text) => signer.mark('credentials of a registration', text),
      write: (kept, gone) => writeTrunkRegistrations(database, kept, gone),
      isAlive: (flow) => this.#sockets.isAlive(flow),
      changed: ({ deviceId: trunk }, { type, binding }) => {
        log.info({ trunk, binding: type, address: binding.source.address }, 'registration of a trunk here')
        return null
      },
    })
    const locate: LegsOptions['locate'] = (_now, uri, done) => {
      // The answer may come at once, and then within the step that asked.
      locator.locate(uri, (hops) => this.#exchange.run((now) => done(now, hops)))
    }
    this.#trunkRegistrations = new TrunkRegistrations({
      directories,
      exchange: () => this.#exchange,
      locate,
      tokenOf: (trunkId) => signer.mark('trunk contact', trunkId).replaceAll('_', '.'),
      agent,
      log,
    })
    this.#trunkProbes = new TrunkProbes({ directories, exchange: () => this.#exchange, locate, agent, log })
    this.#trunks = new TrunkWays({
      directories,
      locate: (uri, done) => locator.locate(uri, done),
      trunkOfToken: (user) => this.#trunkRegistrations.trunkOf(user),
      isSandbox: ({ address, port }) => options.sandbox.isAt(address, port),
      clock: () => performance.now(),
    })
    const isEmergency = (request: SipMessage, source: Source) => {
      const destination = routeIncoming(directories, readInvite(request, source))?.destination
      return destination?.type === 'outside' && destination.isEmergency
    }
    this.#doorkeeper = new Doorkeeper({
      isEmergency,
      directories,
      trunks: this.#trunks,
      isDeviceAt: (source) => this.#registrations.ownerAt(source) !== null,
      trunkAt: (source) => directories.trunkSignIn(this.#trunkBindings.ownerAt(source) ?? ''),
      clock: Date.now,
      sign: (text) => signer.mark('sip nonce', text),
      hasRegistration: (address) =>
        [this.#registrations, this.#trunkBindings].some((one) => one.hasAddress(address)) || this.#trunks.has(address),
      log,
    })
    this.#book = new CallBook({
      node,
      ladders: this.#ladders,
      isGone: (leg) => this.#exchange.legs.callIdOf(leg) === null,
    })
    this.#writer = new Writer({
      ...{ connection, session, node, spool, log, take: this.#book.take, wrote },
      superseded: () => {
        // The next process reads how things are.
        throw new Error('another voice process wrote while the database was away')
      },
    })
    this.#media = new MediaClient(options.workerSocket(0), (report) => this.#hear(report))
    this.#ways = new MeetingWays({
      own: this.#media,
      other: (worker) => this.#other(worker),
      ports: this.#ports,
      epoch: options.epoch,
    })
    const digest = new DigestClient({ hashes, token: newToken })
    this.#exchange = new Exchange({
      send: (hop, bytes, ticket) => this.#send(hop, bytes, ticket),
      local: (hop) => this.#sockets.local(hop),
      legs: {
        agent,
        locate,
        flow: (id) => this.#flow(id),
        authorize: (challenge, request, login) => digest.answer(challenge, request, login),
        onRequest: (now, transaction) => this.#reception.receive(now, transaction, this.#exchange.legs),
      },
      host: this.#callHost(),
      order: (order) => {
        if (order.type === 'open') this.#ports.claim(order.endpoint, order.port)
        this.#ways.order(order)
      },
      phonesChanged: () => options.phonesChanged(),
      book: this.#book,
      writer: this.#writer,
      lineChanged: (now, deviceId) => this.#watchers.lineChanged(now, deviceId),
      closed: (endpoint) => {
        this.#ports.release(endpoint)
        this.#peers.delete(endpoint)
      },
      openFailed: (endpoint) => this.#ports.release(endpoint),
    })
    this.#watchers = new Watchers({
      transactions: this.#exchange.transactions,
      queue: this.#exchange.queue,
      agent,
      log,
      lamps: {
        account: (id) => directories.account(id),
        linesOf: (deviceId) => this.#exchange.calls.linesOf(deviceId),
        dialogAtPeer: (leg) => this.#exchange.legs.dialogAtPeer(leg),
      },
      registeredFrom: (deviceId) => this.#registrations.sources(deviceId),
      isAlive: (flow) => this.#sockets.isAlive(flow),
      mayWatch: (deviceId) => directories.device(deviceId)?.isEnabled === true,
      write: (kept, gone) => writeSipSubscriptions(database, node, kept, gone),
    })
    this.#reception = new Reception({
      doorkeeper: this.#doorkeeper,
      registrations: this.#registrations,
      trunkBindings: this.#trunkBindings,
      watchers: this.#watchers,
      newLegId,
      accepting: (leg, source) => this.#peers.set(leg, source.address),
      refusal: () => this.#refusal(),
      isEmergency,
      run: (step) => this.#exchange.run(step),
    })
  }

  async start(): Promise<void> {
    const { database, node, directories, log } = this.#options
    await this.#writer.start()
    this.#registrations.restore(await listRegistrations(database, node), (id) => directories.device(id))
    this.#trunkBindings.restore(await listTrunkRegistrations(database, node), (id) => this.#trunkOfBindings(id))
    this.#trunks.refresh()
    const parts = { database, node, directories, log, exchange: this.#exchange, book: this.#book }
    const { resumed, lost } = await resumeCalls(parts)
    if (resumed + lost > 0) log.info({ resumed, lost }, 'calls of the process before this one')
    this.#writer.poke()
    this.#media.settled()
    for (const client of this.#others.values()) client.settled()
    this.#isSettled = true
    await whenPortIsFree(() => this.#sockets.open())
    const unsent = this.#unsent ?? []
    this.#unsent = null
    for (const [hop, bytes, ticket] of unsent) this.#send(hop, bytes, ticket)
    this.#trunkRegistrations.refresh()
    this.#trunkProbes.refresh()
    const watching = await listSipSubscriptions(database, node)
    this.#exchange.run((now) => this.#watchers.restore(now, watching))
    this.#lag.enable()
    this.#loopLag.start()
    this.#every(laddersMs, () => {
      if (this.#book.endLadders(instant())) this.#writer.poke()
    })
    this.#every(rereadMs, () => void this.#changes.again())
    this.#every(expireMs, () => {
      this.#registrations.expire()
      this.#trunkBindings.expire()
    })
    this.#every(sweepMs, () => {
      this.#ladders.sweep(this.#book.sipCallIds)
      this.#sweepPeers()
      this.#doorkeeper.sweep()
      this.#memory.sweep(this.#exchange.transactions.size)
    })
    this.#every(namesMs, () => this.#trunks.refresh())
    this.#every(heartbeatMs, () => this.#heartbeat())
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    // Who waits for an answer that was only to be written gets it; nothing new begins.
    this.#isStopping = true
    if (this.#isSettled) await new Promise<void>((resolve) => this.#writer.whenFlushed(resolve))
    this.#loopLag.stop()
    this.#sockets.close()
    this.#exchange.stop()
    this.#media.stop()
    for (const client of this.#others.values()) client.stop()
    this.#options.sandbox.stop()
    await this.#watchers.stop()
    await this.#registrations.stop()
    await this.#trunkBindings.stop()
    this.#book.endLadders(instant(), true)
    await this.#writer.stop()
  }

  changed(accountId: string): Promise<void> {
    return this.#changes.read(accountId)
  }

  async #read(accountId: string): Promise<void> {
    const { directories, sandbox } = this.#options
    await directories.reload(accountId)
    if (directories.hasSandbox && sandbox.port === null) {
      await sandbox.start()
      await directories.reload(accountId)
    }
    this.#registrations.drop(accountId, (deviceId) => directories.device(deviceId))
    this.#trunkBindings.drop(accountId, (trunkId) => this.#trunkOfBindings(trunkId))
    this.#trunks.refresh()
    this.#trunkRegistrations.refresh()
    this.#trunkProbes.refresh()
    this.#exchange.run((now) => this.#watchers.refresh(now, accountId))
  }

  phones(): readonly MeetingPhone[] {
    return this.#exchange.calls.meetingPhones()
  }

  dropPhone(participantId: string): void {
    this.#exchange.run((now) => this.#exchange.calls.dropPhone(now, participantId))
  }

  #hear(report: MediaReport): void {
    if (!this.#ways.hear(report)) this.#exchange.report(report)
  }

  #other(worker: number): MediaClient {
    const known = this.#others.get(worker)
    if (known) return known
    const client = new MediaClient(this.#options.workerSocket(worker), (report) => this.#hear(report))
    this.#others.set(worker, client)
    if (this.#isSettled) client.settled()
    return client
  }

  sandboxCall(call: OutsideCall): boolean {
    return this.#options.sandbox.call(call)
  }

  command(command: CallCommand): CommandRefusal | null {
    let refusal: CommandRefusal | null = null
    this.#exchange.run((now) => {
      refusal = this.#exchange.calls.command(now, command)
    })
    return refusal
  }

  #trunkOfBindings(deviceId: string): DeviceLogin | undefined {
    const signIn = this.#options.directories.trunkSignIn(deviceId)
    return signIn === null ? undefined : { ...signIn, deviceId, ownerId: null }
  }

  #registrationChanged(device: DeviceOfBindings, change: BindingChange, bindings: readonly Binding[]) {
    if (change.type !== 'removed') this.#exchange.run((now) => this.#watchers.deviceBack(now, device.deviceId))
    return this.#deviceEvents.rowOf(device, change, bindings)
  }

  figures(): VoiceFigures {
    const { user, system } = process.cpuUsage()
    const loopLagMs = Math.max(0, this.#lag.max / 1e6 - 10)
    this.#lag.reset()
    const { rss, heapUsed } = process.memoryUsage()
    return {
      calls: this.#exchange.calls.size,
      legs: this.#exchange.legs.size,
      transactions: this.#exchange.transactions.size,
      timers: this.#exchange.queue.size,
      nonces: this.#doorkeeper.remembered,
      ladders: this.#ladders.size,
      rtpPorts: this.#ports.size,
      registrations: this.#registrations.size,
      subscriptions: this.#watchers.size,
      connections: this.#sockets.connections,
      waiting: this.#writer.waiting,
      spoolBytes: this.#options.spool.bytes,
      loopLagMs,
      rssBytes: rss,
      heapBytes: heapUsed,
      cpuMicros: user + system,
      ...this.#counts,
    }
  }

  #every(ms: number, act: () => void): void {
    this.#timers.push(setInterval(act, ms))
  }

  /** Of legs that ended before they had media. */
  #sweepPeers(): void {
    for (const leg of this.#peers.keys()) {
      if (!this.#ports.has(leg) && this.#exchange.legs.callIdOf(leg) === null) this.#peers.delete(leg)
    }
  }

  #heartbeat(): void {
    const { database, node, log } = this.#options
    if (this.#book.size === 0) return
    touchCalls(database, node).catch((error: unknown) => log.warn({ err: error }, 'no heartbeat of calls'))
  }

  #received(message: SipMessage | ParseFault, source: Hop, bytes: Uint8Array): void {
    if (this.#isStopping) return
    this.#counts.messagesIn += 1
    if (message.isFault) this.#counts.malformed += 1
    else this.#ladders.noteIn(message.callId, message.method === 'INVITE' && message.isRequest, source, bytes)
    this.#exchange.receive(message, source)
  }

  #send(hop: Hop, bytes: Uint8Array, ticket: string): void {
    if (this.#unsent) {
      this.#unsent.push([hop, bytes, ticket])
      return
    }
    this.#counts.messagesOut += 1
    this.#ladders.noteOut(hop, bytes)
    this.#sockets.send(hop, bytes, ticket)
  }

  /** T8: 503 only for overload of the whole system. */
  #refusal(): ResponseParts | null {
    const isLate = this.#loopLag.recentMs > lateMs
    if (!isLate && !this.#writer.isOverfull) return null
    return { status: 503, headers: [['Retry-After', String(retrySeconds)]] }
  }

  #callHost(): OutsideHost {
    const { directories } = this.#options
    return {
      directories,
      newCallId,
      newLegId,
      newRecordingId: newId,
      recordingPath: (id, part) => recordingPartPath(this.#options.dataDir, id, part),
      newSdpSessionId: () => String(Math.floor(instant())),
      newSrtpKeys: () => ({ AES_CM_128_HMAC_SHA1_80: newSrtpKey(), AES_CM_128_HMAC_SHA1_32: newSrtpKey() }),
      contacts: (deviceId) => this.#registrations.contacts(deviceId),
      trunkContacts: (trunkId) => this.#trunkBindings.contacts(trunkId),
      isTrunkUp: (trunkId) => this.#trunkProbes.isUp(trunkId),
      mediaPlace: (leg, peer, endpoint) => this.#mediaPlace(leg, peer, endpoint),
      signallingAddress: (leg) => this.#exchange.legs.hopOf(leg)?.address ?? this.#peers.get(leg) ?? '',
      prompt: brought(),
    }
  }

  #mediaPlace(leg: LegId, peer: DialTarget | null, endpoint: string): MediaPlace | null {
    const address = this.#peerAddress(leg, peer)
    const port = this.#ports.take(endpoint)
    if (port === null) return null
    this.#peers.set(leg, address)
    const { listenIp } = this.#options.sip
    const bindAddress = listenIp === '0.0.0.0' && address.includes(':') ? '::' : listenIp
    return { port, bindAddress, address: this.#addresses.toward(address) }
  }

  /** Where a binding of a device or a trunk came from. */
  #flow(id: string): Hop | null {
    return this.#registrations.flow(id) ?? this.#trunkBindings.flow(id)
  }

  /** Where its sound will be sent to and come from, as far as is known. */
  #peerAddress(leg: LegId, peer: DialTarget | null): string {
    if (peer === null) return this.#peers.get(leg) ?? this.#exchange.legs.hopOf(leg)?.address ?? '127.0.0.1'
    const hop = peer.flow === null ? null : this.#flow(peer.flow)
    return hop?.address ?? this.#locator.addressOf(nextHopUri(peer.uri, peer.route))
  }
}
