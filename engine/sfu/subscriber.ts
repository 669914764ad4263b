/**
 * What one peer receives: its slots, the negotiation of their m-lines (one in flight, M1), the estimate of its path and
 * how that is shared between the videos it wants, and answers to its feedback.
 */
import { costOf, type Shedding, share } from './allocation.ts'
import { BandwidthEstimate } from './bandwidth.ts'
import type { PeerId, PipeId, PipeParameters, SlotState, WantedVideo } from './messages.ts'
import { type Accepted, formatOffer, readAccepted } from './offer.ts'
import { type RtcpSink, readRtcp, writeDlrr } from './rtcp.ts'
import { type Outgoing, payloadAt } from './outgoing.ts'
import { RtpPacket } from './rtp.ts'
import { Probe } from './probe.ts'
import { parseSdp } from './sdp.ts'
import { Slot } from './slot.ts'
import type { Track } from './track.ts'
import { Vp8Descriptor } from './vp8.ts'

export interface SubscriberHost {
  readonly random: () => number
  readonly candidates: readonly string[]
  readonly outgoing: Outgoing
  readonly send: (pipe: PipeId, bytes: Uint8Array) => void
  readonly requestKeyFrame: (track: Track, rid: string) => void
  readonly onSlotShown: (subscriber: Subscriber, slot: Slot) => void
  readonly counters: { packetsOut: number; nacksReceived: number; retransmitted: number; malformed: number }
}

/** Spare m-lines in the first offer, so that the first people need no second one. */
const firstAudio = 4
const firstVideo = 4
const growAudio = 4
const growVideo = 3
const mostSlots = 60
const coalesceMs = 30
const standInMs = 1_000
/** Retransmissions and probes take at most this part of the estimate (M15). */
const repairShare = 0.15
/** Enough for one voice and a small picture, whatever the estimate. */
const leastRepairBps = 200_000
/** Packets a tick: 20 Mbit/s of padding. */
const mostPadding = 100

export class Subscriber implements RtcpSink {
  readonly peerId: PeerId
  readonly pipe: PipeId
  readonly local: PipeParameters
  readonly estimate = new BandwidthEstimate()
  readonly #probe = new Probe(this.estimate)
  readonly slots: Slot[] = []
  readonly outgoing: Outgoing
  accepted: Accepted | null = null
  isConnected = false
  wanted: readonly WantedVideo[] = []
  rttMs: number | null = null
  /** Videos that are wanted and do not fit the path. */
  readonly paused = new Set<Track>()
  revision = -1
  answeredRevision = -1
  pendingOffer: string | null = null
  #isRemoteSet = false
  /** When the next offer is due. */
  #dirtyAtMs: number | null = null
  readonly #host: SubscriberHost
  readonly #bySsrc = new Map<number, Slot>()
  readonly #packet = new RtpPacket()
  readonly #vp8 = new Vp8Descriptor()
  #nowMs = 0
  #nowUs = 0
  #repairBytes = 0
  #repairSinceMs = 0
  #shedding: Shedding = 0
  #lossSum = 0
  #lossCount = 0

  constructor(host: SubscriberHost, options: { peerId: PeerId; pipe: PipeId; local: PipeParameters }) {
    this.#host = host
    this.outgoing = host.outgoing
    this.peerId = options.peerId
    this.pipe = options.pipe
    this.local = options.local
    for (let i = 0; i < firstAudio; i++) this.#addSlot('audio')
    for (let i = 0; i < firstVideo; i++) this.#addSlot('video')
  }

  // --- negotiation ---

  #addSlot(kind: 'audio' | 'video'): Slot | null {
    if (this.slots.length >= mostSlots) return null
    const { random } = this.#host
    const draw = () => 1 + Math.floor(random() * 0xfffffffe)
    const slot = new Slot(this, {
      mid: String(this.slots.length),
      kind,
      ssrc: draw(),
      rtxSsrc: draw(),
      // M11: below 2^15, so that the first wrap is far for libsrtp too.
      first: Math.floor(random() * 0x7fff),
    })
    this.slots.push(slot)
    this.#bySsrc.set(slot.ssrc, slot)
    this.#bySsrc.set(slot.rtxSsrc, slot)
    return slot
  }

  /** Marks that another offer is due; several wishes within 30 ms become one. */
  renegotiate(nowMs: number): void {
    this.#dirtyAtMs ??= nowMs + coalesceMs
  }

  /** The first offer waits for nothing: it is what joining waits for. */
  renegotiateNow(nowMs: number): void {
    this.#dirtyAtMs = nowMs
  }

  get isAwaitingAnswer(): boolean {
    return this.answeredRevision < this.revision
  }

  /** The next offer, when one is due and none is in flight. */
  takeOffer(nowMs: number): string | null {
    if (this.#dirtyAtMs === null || nowMs < this.#dirtyAtMs || this.isAwaitingAnswer) return null
    this.#dirtyAtMs = null
    this.revision += 1
    this.pendingOffer = formatOffer({
      slots: this.slots.map((slot) => ({
        mid: slot.mid,
        kind: slot.kind,
        ssrc: slot.ssrc,
        rtxSsrc: slot.rtxSsrc,
        stream: slot.track?.peerId.replaceAll(/[^A-Za-z0-9]/g, '') ?? `empty-${slot.mid}`,
      })),
      local: this.local,
      candidates: this.#host.candidates,
      version: this.revision + 1,
    })
    return this.pendingOffer
  }

  /** What the transport needs for the first answer; null for a later one; or a sentence that refuses. */
  answer(revision: number, sdp: string): { readonly remote: PipeParameters | null } | { readonly reason: string } {
    if (revision !== this.revision) return { remote: null }
    const parsed = parseSdp(sdp)
    if ('reason' in parsed) return parsed
    this.accepted = readAccepted(parsed.description)
    this.answeredRevision = revision
    this.pendingOffer = null
    for (const slot of this.slots) {
      const isReady = this.accepted.mids.has(slot.mid)
      if (isReady && !slot.isReady && slot.track) this.#ask(slot)
      slot.isReady = isReady
    }
    if (this.#isRemoteSet) return { remote: null }
    this.#isRemoteSet = true
    return { remote: parsed.description.pipe }
  }

  // --- who is in which slot ---

  /** Every audio track has a slot of its own. */
  addAudio(track: Track, nowMs: number): Slot | null {
    return this.#place(track, nowMs)
  }

  #place(track: Track, nowMs: number): Slot | null {
    const showing = this.slots.find((slot) => slot.track === track)
    if (showing) return showing
    let free = this.slots.find((slot) => slot.track === null && slot.kind === track.kind)
    if (!free) {
      for (let i = 0; i < (track.kind === 'audio' ? growAudio : growVideo); i++) this.#addSlot(track.kind)
      free = this.slots.find((slot) => slot.track === null && slot.kind === track.kind)
      this.renegotiate(nowMs)
    }
    free?.assign(track)
    return free ?? null
  }

  /** A video that will be wanted soon finds a line that is negotiated. */
  keepSpareVideo(nowMs: number): void {
    if (this.slots.some((slot) => slot.track === null && slot.kind === 'video')) return
    for (let i = 0; i < growVideo; i++) this.#addSlot('video')
    this.renegotiate(nowMs)
  }

  /** The slots that changed hands. Those that show what is wanted stay as they are. */
  setWanted(wanted: readonly WantedVideo[], find: (wanted: WantedVideo) => Track | undefined, nowMs: number): Slot[] {
    this.wanted = wanted
    const heights = new Map<Track, number>()
    for (const one of wanted) {
      const track = find(one)
      if (track && one.height > 0) heights.set(track, one.height)
    }
    const changed: Slot[] = []
    for (const slot of this.slots) {
      if (slot.kind !== 'video' || !slot.track || heights.has(slot.track)) continue
      this.paused.delete(slot.track)
      slot.assign(null)
      changed.push(slot)
    }
    for (const [track, height] of heights) {
      const isNew = !track.slots.some((slot) => slot.subscriber === this)
      const slot = this.#place(track, nowMs)
      if (!slot) continue
      slot.wantedHeight = height
      if (isNew) changed.push(slot)
    }
    this.allocate(nowMs)
    return changed
  }

  drop(track: Track): Slot | null {
    this.paused.delete(track)
    const slot = this.slots.find((one) => one.track === track)
    slot?.assign(null)
    return slot ?? null
  }

  states(slots: readonly Slot[] = this.slots): SlotState[] {
    return slots.map(({ mid, kind, track, firstTimestamp }) => ({
      mid,
      kind,
      peerId: track?.peerId ?? null,
      source: track?.source ?? null,
      rtpTimestamp: firstTimestamp,
    }))
  }

  onFirstFrame(slot: Slot): void {
    this.#host.onSlotShown(this, slot)
  }

  // --- sharing the path ---

  allocate(nowMs: number, shedding = this.#shedding): void {
    this.#shedding = shedding
    if (!this.isConnected) return this.#targetSmallest(nowMs)
    const isProven = this.estimate.isProven(nowMs * 1000)
    const chosen = share(this.slots, this.estimate.bps - this.#audioBps(), isProven, shedding)
    for (const [slot, rid] of chosen) this.#target(slot, rid, nowMs)
    if (this.#probe.isDue(nowMs, this.#nowUs)) this.#probe.begin(this.#wishedBps(), nowMs, this.#nowUs)
  }

  /** The worker begins no more videos, whatever the path carries. */
  get isRefusedVideo(): boolean {
    return this.#shedding === 2
  }

  /** Everything that is wanted, in the size that is wanted. */
  #wishedBps(): number {
    let bps = this.#audioBps()
    for (const { kind, track, wantedHeight } of this.slots) {
      if (kind === 'video' && track) bps += costOf(track, track.ridFor(wantedHeight))
    }
    return bps
  }

  /** Before the path is known: what is there first is seen first. */
  #targetSmallest(nowMs: number): void {
    for (const [slot, rid] of share(this.slots, this.estimate.bps, false, 0)) this.#target(slot, rid, nowMs)
  }

  /** What sound takes, and a little for reports. */
  #audioBps(): number {
    let bps = 10_000
    for (const { kind, current } of this.slots) if (kind === 'audio' && current) bps += current.bitrateBps
    return bps
  }

  #target(slot: Slot, rid: string | null, nowMs: number): void {
    const { track } = slot
    if (!track) return
    if (slot.chosenRid !== rid) slot.chosenAtMs = nowMs
    slot.chosenRid = rid
    if (rid === null) {
      this.paused.add(track)
      slot.targetRid = null
      slot.wasPaused = true
      slot.restart()
      return
    }
    this.paused.delete(track)
    slot.wasPaused = false
    const flowing = this.#flowing(track, rid, slot, nowMs)
    if (slot.targetRid === flowing) {
      // Asked and nothing came: ask again.
      if (slot.current?.rid !== flowing && nowMs - slot.targetSinceMs > 1_000) this.#ask(slot, nowMs)
      return
    }
    slot.targetRid = flowing
    slot.targetSinceMs = nowMs
    if (slot.current?.rid !== flowing) this.#ask(slot, nowMs)
  }

  /** RIDs that never arrive are normal (M17): while the chosen one does not flow, the nearest smaller one that does. */
  #flowing(track: Track, rid: string, slot: Slot, nowMs: number): string {
    const isFlowing = (one: string) => {
      const layer = track.layers.get(one)
      return layer !== undefined && track.isFlowing(layer, nowMs)
    }
    if (isFlowing(rid)) return rid
    const below = track.rids.slice(0, track.rids.indexOf(rid)).reverse()
    const above = track.rids.slice(track.rids.indexOf(rid) + 1)
    const other = [...below, ...above].find(isFlowing)
    return other ?? slot.targetRid ?? rid
  }

  #ask(slot: Slot, nowMs = this.#nowMs): void {
    slot.targetSinceMs = nowMs
    // It would be lost, and the next one is 300 ms away (M15); `connected` asks for all.
    if (!this.isConnected) return
    if (slot.track?.kind === 'video' && slot.targetRid !== null) this.#host.requestKeyFrame(slot.track, slot.targetRid)
  }

  /** RIDs of a track that this subscriber has a use for, now or when the path allows. */
  usedRids(track: Track, into: Set<string>): void {
    const slot = this.slots.find((one) => one.track === track)
    if (!slot) return
    if (slot.targetRid !== null) into.add(slot.targetRid)
    if (slot.chosenRid !== null) this.#chosenAndStandIns(slot, track, slot.chosenRid, into)
    if (slot.current) into.add(slot.current.rid)
    const wished = track.ridFor(slot.wantedHeight)
    if (this.estimate.bps > costOf(track, wished) + this.#audioBps()) into.add(wished)
    else if (track.rids[0] !== undefined) into.add(track.rids[0])
  }

  /** A layer that was asked for and does not come (browsers cap them by size) is not waited for: the next one below is asked for too. */
  #chosenAndStandIns(slot: Slot, track: Track, chosen: string, into: Set<string>): void {
    into.add(chosen)
    if (this.#nowMs - slot.chosenAtMs < standInMs) return
    for (let at = track.rids.indexOf(chosen); at >= 0; at--) {
      const rid = track.rids[at] ?? ''
      into.add(rid)
      const layer = track.layers.get(rid)
      if (layer && track.isFlowing(layer, this.#nowMs)) return
    }
  }

  // --- packets ---

  tick(nowUs: number): void {
    this.#nowUs = nowUs
    this.#nowMs = nowUs / 1000
    const bytes = this.#probe.tick(nowUs)
    if (bytes > 0) this.#sendAgain(bytes)
  }

  /** Sends the payload that lies in `outgoing`. */
  send(
    isMarked: boolean,
    type: number,
    sequence: number,
    timestamp: number,
    ssrc: number,
    length: number,
    nowUs: number,
  ): void {
    this.#sendHead(0, isMarked ? 0x80 | type : type, sequence, timestamp, ssrc, length, nowUs)
  }

  sendPadding(type: number, sequence: number, timestamp: number, ssrc: number, length: number, nowUs: number): void {
    this.#sendHead(0x20, type, sequence, timestamp, ssrc, length, nowUs)
  }

  #sendHead(
    flags: number,
    type: number,
    sequence: number,
    timestamp: number,
    ssrc: number,
    length: number,
    nowUs: number,
  ): void {
    const extension = this.accepted?.transportSequence ?? 0
    const number = extension === 0 ? 0 : this.estimate.onSent(length + payloadAt, nowUs)
    this.#host.counters.packetsOut += 1
    this.#host.send(this.pipe, this.outgoing.head(flags, type, sequence, timestamp, ssrc, extension, number, length))
  }

  /** Reports are no media: they carry no number. As many as fit go in one datagram. */
  sendReports(nowMs: number): void {
    if (!this.isConnected) return
    const { report } = this.outgoing
    let at = 0
    for (const slot of this.slots) {
      at += slot.writeReport(report, at, nowMs)
      if (at < 1_100) continue
      this.#host.send(this.pipe, this.outgoing.reportOf(at))
      at = 0
    }
    if (at > 0) this.#host.send(this.pipe, this.outgoing.reportOf(at))
  }

  rtxTypeOf(type: number): number {
    const { accepted } = this
    if (!accepted) return 0
    return type === accepted.vp8 ? accepted.vp8Rtx : type === accepted.h264 ? accepted.h264Rtx : 0
  }

  onRtcp(bytes: Uint8Array, nowUs: number): void {
    this.#nowUs = nowUs
    this.#nowMs = nowUs / 1000
    if (!readRtcp(bytes, this)) this.#host.counters.malformed += 1
  }

  /**
   * For a probe: packets that were sent before, again on the repair stream, harmless to the page and as heavy as media.
   * Where the page takes no RTX the same number twice would look like a replay, so nothing is probed.
   */
  #sendAgain(wished: number): void {
    const type = this.accepted?.vp8Rtx ?? 0
    if (type === 0 || !this.isConnected) return
    let bytes = wished
    const video = this.slots.find((slot) => slot.kind === 'video' && slot.current && slot.isReady)
    for (let back = 0; video && bytes > 0 && back < 20; back++) {
      const length = video.resend((video.lastSequence - back) & 0xffff, this.#packet, this.#vp8, this.#nowUs)
      if (length === 0) break
      bytes -= length
    }
    const ready = this.slots.find((slot) => slot.kind === 'video' && slot.isReady)
    for (let count = 0; ready && bytes > 0 && count < mostPadding; count++)
      bytes -= ready.sendPadding(type, this.#nowUs)
  }

  nack(ssrc: number, sequence: number): void {
    this.#host.counters.nacksReceived += 1
    const slot = this.#bySsrc.get(ssrc)
    if (!slot || slot.ssrc !== ssrc || !this.isConnected) return
    if (this.#nowMs - this.#repairSinceMs > 1_000) {
      this.#repairSinceMs = this.#nowMs
      this.#repairBytes = 0
    }
    const budget = Math.max(this.estimate.bps * repairShare, leastRepairBps) / 8
    if (this.#repairBytes > budget) return
    const length = slot.resend(sequence, this.#packet, this.#vp8, this.#nowUs)
    if (length === 0) return
    this.#repairBytes += length
    this.#host.counters.retransmitted += 1
  }

  keyFrameRequest(ssrc: number): void {
    const slot = this.#bySsrc.get(ssrc)
    const rid = slot?.current?.rid ?? slot?.targetRid
    if (slot?.kind === 'video' && slot.track && typeof rid === 'string') this.#host.requestKeyFrame(slot.track, rid)
  }

  reportBlock(ssrc: number, fraction: number, lsr: number, dlsr: number): void {
    const slot = this.#bySsrc.get(ssrc)
    if (!slot || slot.ssrc !== ssrc) return
    this.#lossSum += fraction / 256
    this.#lossCount += 1
    if (lsr === 0 || lsr !== slot.lastReportMiddle) return
    const rtt = this.#nowMs - slot.lastReportMs - dlsr / 65.536
    if (rtt >= 0 && rtt < 10_000) this.rttMs = this.rttMs === null ? rtt : 0.7 * this.rttMs + 0.3 * rtt
  }

  transportFeedback(bytes: Uint8Array, from: number, end: number): void {
    this.estimate.onFeedback(bytes, from, end, this.#nowUs)
  }

  maximumBitrate(bps: number): void {
    this.estimate.onMaximum(bps)
  }

  /** M13: a browser that only receives learns the round trip this way, and asks again in time. */
  referenceTime(ssrc: number, ntpMiddle: number): void {
    const length = writeDlrr(this.outgoing.report, this.slots[0]?.ssrc ?? 1, ssrc, ntpMiddle, 1)
    this.#host.send(this.pipe, this.outgoing.reportOf(length))
  }

  senderReport(): void {
    // A subscriber sends no media.
  }

  /** Since the last look. */
  takeLoss(): number {
    const loss = this.#lossCount === 0 ? 0 : this.#lossSum / this.#lossCount
    this.#lossSum = 0
    this.#lossCount = 0
    return loss
  }

  /** The transport is open, or open again: what did not reach the page is not made up for. */
  connected(isConnected: boolean): void {
    this.isConnected = isConnected
    if (isConnected) for (const slot of this.slots) slot.restart()
  }

  close(): void {
    for (const slot of this.slots) slot.assign(null)
    this.isConnected = false
  }
}
