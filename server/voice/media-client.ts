/**
 * Voice's end of a media worker's socket: orders out, reports in. It remembers what each endpoint is to be, so that a
 * worker's successor gets everything again (T6: the same ports, media back without SIP), and a worker that outlived the
 * voice process before us is taken over as it is.
 *
 *   order(order)      carried out now, or when the worker is there
 *   settled()         everything that lives on has been ordered: what else the worker has open is closed
 *
 * Reports come once: `opened` or `open_failed` for each `open`, `closed` for each `close`, also when the worker dies in
 * between.
 */
import type { EndpointId, MediaOrder, MediaReport, PlaySource, RemoteMedia } from '../../engine/rtp/messages.ts'
import type { FromWorker } from '../media/protocol.ts'
import { type Hello, WorkerConnection } from '../media/worker-connection.ts'

/** A call that waits for its port has a caller who waits. */
const openMs = 5_000
const checkMs = 500
const gatherMs = 2
/** A port that was ours a moment ago: its last owner may still be dying. */
const reopenMs = 100
const mostReopens = 50

interface Wanted {
  readonly open: Extract<MediaOrder, { type: 'open' }>
  /** Reported to voice. */
  isOpened: boolean
  readonly sinceMs: number
  reopens: number
  remote: RemoteMedia | null
  peer: EndpointId | null
  meeting: Extract<MediaOrder, { type: 'meeting' }> | null
  play: { readonly play: string; readonly source: PlaySource } | null
  recording: { readonly path: string; readonly sides: 'received' | 'both'; readonly isPaused: boolean } | null
  isMuted: boolean
}

type Hears = Extract<MediaOrder, { type: 'mix' }>['hears']

export class MediaClient {
  readonly #report: (report: MediaReport) => void
  readonly #connection: WorkerConnection
  readonly #wanted = new Map<EndpointId, Wanted>()
  readonly #mixes = new Map<string, Hears>()
  /** `close` was ordered, `closed` has not come. */
  readonly #closing = new Set<EndpointId>()
  #others: readonly EndpointId[] = []
  #isSettled = false
  #epoch: string | null = null
  #queue: MediaOrder[] = []
  #sentAtMs = 0
  readonly #check: NodeJS.Timeout

  constructor(path: string, report: (report: MediaReport) => void) {
    this.#report = report
    this.#connection = new WorkerConnection(path, 'voice', {
      up: (hello) => this.#up(hello),
      lost: () => {
        this.#queue = []
      },
      message: (message) => this.#read(message),
    })
    this.#check = setInterval(() => this.#giveUpOpening(), checkMs)
    this.#check.unref()
  }

  get isUp(): boolean {
    return this.#connection.isUp
  }

  /** As it was described last. */
  remoteOf(endpoint: EndpointId): RemoteMedia | null {
    return this.#wanted.get(endpoint)?.remote ?? null
  }

  stop(): void {
    clearInterval(this.#check)
    this.#connection.stop()
  }

  order(order: MediaOrder): void {
    this.#remember(order)
    if (this.isUp) this.#send(order)
    else if (order.type === 'close') setImmediate(() => this.#closed(order.endpoint))
  }

  settled(): void {
    this.#isSettled = true
    this.#closeOthers()
  }

  #closeOthers(): void {
    const others = this.#others.filter((endpoint) => !this.#wanted.has(endpoint))
    this.#others = []
    for (const endpoint of others) this.#send({ type: 'close', endpoint })
  }

  /** What happens in one turn of the loop is one line; when there are many turns, in a few of them: each wakes the worker. */
  #send(order: MediaOrder): void {
    this.#queue.push(order)
    if (this.#queue.length > 1) return
    if (performance.now() - this.#sentAtMs > gatherMs) queueMicrotask(() => this.#flush())
    else setTimeout(() => this.#flush(), gatherMs)
  }

  #flush(): void {
    const orders = this.#queue
    this.#queue = []
    this.#sentAtMs = performance.now()
    if (orders.length > 0) this.#connection.write({ type: 'rtp', orders })
  }

  #remember(order: MediaOrder): void {
    if (order.type === 'open') return this.#rememberOpen(order)
    if (order.type === 'bridge') return this.#rememberBridge(order.a, order.b)
    if (order.type === 'mix') return this.#rememberMix(order.mix, order.hears)
    const wanted = this.#wanted.get(order.endpoint)
    if (!wanted) return
    switch (order.type) {
      case 'remote':
        wanted.remote = order.remote
        return
      case 'unbridge':
        return this.#forgetJoin(order.endpoint)
      case 'meeting':
        this.#forgetJoin(order.endpoint)
        wanted.meeting = order
        return
      case 'mute':
        wanted.isMuted = order.isMuted
        return
      case 'play':
        wanted.play = { play: order.play, source: order.source }
        return
      case 'stop':
        wanted.play = null
        return
      case 'record':
        wanted.recording = { path: order.path, sides: order.sides, isPaused: false }
        return
      case 'record_pause':
        if (wanted.recording) wanted.recording = { ...wanted.recording, isPaused: order.isPaused }
        return
      case 'record_stop':
        // With the worker away there is nobody who would tell of its end.
        if (!this.isUp) wanted.recording = null
        return
      case 'close':
        this.#forgetJoin(order.endpoint)
        this.#wanted.delete(order.endpoint)
        this.#closing.add(order.endpoint)
    }
  }

  #rememberOpen(open: Extract<MediaOrder, { type: 'open' }>): void {
    const again = { remote: null, peer: null, meeting: null, play: null, recording: null, isMuted: false }
    const sinceMs = performance.now()
    this.#wanted.set(open.endpoint, { open, isOpened: false, sinceMs, reopens: 0, ...again })
  }

  #rememberBridge(a: EndpointId, b: EndpointId): void {
    const [first, second] = [this.#wanted.get(a), this.#wanted.get(b)]
    if (!first || !second) return
    this.#forgetJoin(a)
    this.#forgetJoin(b)
    first.peer = b
    second.peer = a
  }

  #rememberMix(mix: string, hears: Hears): void {
    this.#mixes.delete(mix)
    const members = membersOf(hears)
    for (const endpoint of members) this.#forgetJoin(endpoint)
    if (members.size > 0) this.#mixes.set(mix, hears)
  }

  #forgetJoin(endpoint: EndpointId): void {
    for (const [mix, hears] of this.#mixes) {
      if (!membersOf(hears).has(endpoint)) continue
      const rest = without(hears, endpoint)
      if (membersOf(rest).size > 0) this.#mixes.set(mix, rest)
      else this.#mixes.delete(mix)
    }
    const wanted = this.#wanted.get(endpoint)
    const peer = wanted?.peer ? this.#wanted.get(wanted.peer) : undefined
    if (peer) peer.peer = null
    if (!wanted) return
    wanted.peer = null
    wanted.meeting = null
  }

  #up({ epoch, endpoints }: Hello): void {
    const isSuccessor = this.#epoch !== null && this.#epoch !== epoch
    this.#epoch = epoch
    this.#others = endpoints.map(({ endpoint }) => endpoint)
    const broken = isSuccessor ? this.#takeRecordings() : []
    for (const endpoint of this.#closing) {
      if (this.#others.includes(endpoint)) this.#send({ type: 'close', endpoint })
      else setImmediate(() => this.#closed(endpoint))
    }
    this.#restore()
    // Whoever hears of it may order another: of endpoints that are there again.
    for (const report of broken) this.#report(report)
    if (this.#isSettled) this.#closeOthers()
  }

  /** The worker of before may have it all already: then nothing of it changes anything. */
  #restore(): void {
    for (const { open } of this.#wanted.values()) this.#send(open)
    for (const [endpoint, { remote }] of this.#wanted) if (remote) this.#send({ type: 'remote', endpoint, remote })
    for (const [a, { peer: b }] of this.#wanted) if (b !== null && a < b) this.#send({ type: 'bridge', a, b })
    for (const [mix, hears] of this.#mixes) this.#send({ type: 'mix', mix, hears })
    for (const { meeting } of this.#wanted.values()) if (meeting) this.#send(meeting)
    for (const [endpoint, { isMuted }] of this.#wanted) if (isMuted) this.#send({ type: 'mute', endpoint, isMuted })
    for (const [endpoint, { play }] of this.#wanted) if (play) this.#send({ type: 'play', endpoint, ...play })
    for (const [endpoint, { recording }] of this.#wanted) if (recording) this.#record(endpoint, recording)
  }

  #record(endpoint: EndpointId, { path, sides, isPaused }: NonNullable<Wanted['recording']>): void {
    this.#send({ type: 'record', endpoint, path, sides })
    if (isPaused) this.#send({ type: 'record_pause', endpoint, isPaused })
  }

  /** What was written so far is there; the rest of the call is not. */
  #takeRecordings(): MediaReport[] {
    return [...this.#wanted].flatMap(([endpoint, wanted]): MediaReport[] => {
      if (wanted.recording === null) return []
      const { path } = wanted.recording
      wanted.recording = null
      return [{ type: 'recorded', endpoint, path, durationMs: 0, message: 'the media worker died' }]
    })
  }

  #read(message: Exclude<FromWorker, Hello>): void {
    if (message.type === 'rtp') for (const report of message.reports) this.#hear(report)
  }

  #hear(report: MediaReport): void {
    const wanted = this.#wanted.get(report.endpoint)
    switch (report.type) {
      case 'opened':
        if (!wanted) return
        // One that was ordered while the port could not be had is unknown to the worker, which knows one that goes on.
        if (wanted.isOpened) return wanted.recording ? this.#record(report.endpoint, wanted.recording) : undefined
        wanted.isOpened = true
        break
      case 'open_failed':
        if (!wanted || this.#reopens(wanted)) return
        this.#wanted.delete(report.endpoint)
        break
      case 'played':
        if (wanted?.play?.play === report.play) wanted.play = null
        break
      case 'recorded':
        if (wanted?.recording?.path === report.path) wanted.recording = null
        break
      case 'closed':
        if (!this.#closing.delete(report.endpoint)) return
    }
    this.#report(report)
  }

  /** A successor that finds a port taken tries again: a live call hangs on it. */
  #reopens(wanted: Wanted): boolean {
    if (!wanted.isOpened || wanted.reopens >= mostReopens) return false
    wanted.reopens += 1
    const { endpoint } = wanted.open
    setTimeout(() => {
      if (this.#wanted.get(endpoint) !== wanted || !this.isUp) return
      this.#send(wanted.open)
      if (wanted.remote) this.#send({ type: 'remote', endpoint, remote: wanted.remote })
      if (wanted.peer) this.#send({ type: 'bridge', a: endpoint, b: wanted.peer })
      for (const [mix, hears] of this.#mixes)
        if (membersOf(hears).has(endpoint)) this.#send({ type: 'mix', mix, hears })
      if (wanted.meeting) this.#send(wanted.meeting)
      if (wanted.isMuted) this.#send({ type: 'mute', endpoint, isMuted: true })
      if (wanted.play) this.#send({ type: 'play', endpoint, ...wanted.play })
    }, reopenMs)
    return true
  }

  #giveUpOpening(): void {
    const nowMs = performance.now()
    for (const [endpoint, { isOpened, sinceMs }] of this.#wanted) {
      if (isOpened || nowMs - sinceMs < openMs) continue
      this.#wanted.delete(endpoint)
      if (this.isUp) this.#send({ type: 'close', endpoint })
      this.#report({ type: 'open_failed', endpoint, message: 'the media worker is away' })
    }
  }

  #closed(endpoint: EndpointId): void {
    if (this.#closing.delete(endpoint)) this.#report({ type: 'closed', endpoint, quality: null })
  }
}

const membersOf = (hears: Hears): Set<EndpointId> => new Set(Object.entries(hears).flat(2))

const without = (hears: Hears, gone: EndpointId): Hears =>
  Object.fromEntries(
    Object.entries(hears).flatMap(([listener, speakers]) =>
      listener === gone ? [] : [[listener, speakers.filter((speaker) => speaker !== gone)]],
    ),
  )
