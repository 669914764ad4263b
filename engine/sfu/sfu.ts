/**
 * The selective forwarding unit: rooms of peers, each with one transport up and one down (M1). Orders and transport
 * events go into `handle`, reports and transport commands come out of `poll`; packets take the short way through
 * `onPacket` and the injected `send` (M5).
 *
 * Invariant: what a peer or an order says wrong is refused by a report; nothing here throws for it.
 */
import { switchLayers } from './layer-use.ts'
import type {
  Input,
  Order,
  Output,
  PeerId,
  PipeEvent,
  PipeId,
  PipeParameters,
  RoomId,
  SfuCounters,
  SfuOptions,
} from './messages.ts'
import { Outgoing } from './outgoing.ts'
import { Peer } from './peer.ts'
import { type PhoneLine, phoneOffer, phoneSources } from './phone-track.ts'
import { Phones } from './phones.ts'
import { Publisher } from './publisher.ts'
import { takeQuality } from './quality.ts'
import { isRtcp } from './rtp.ts'
import { parseSdp } from './sdp.ts'
import type { Slot } from './slot.ts'
import { SpeakerWatch } from './speaker.ts'
import { Stalls } from './stalls.ts'
import { Subscriber } from './subscriber.ts'
import type { Track } from './track.ts'

interface Room {
  readonly id: RoomId
  readonly peers: Set<Peer>
  readonly speakers: SpeakerWatch
}

/** Whose transport it is, and which way media goes in it. */
interface PipeEnd {
  readonly peer: Peer
  readonly direction: 'publish' | 'subscribe'
  publisher: Publisher | null
  subscriber: Subscriber | null
}

/** Of a phone. */
const noPipe: PipeId = 0
const speakerUs = 200_000
const allocateUs = 100_000
const layersUs = 250_000
const qualityUs = 2_000_000
const reportUs = 1_000_000

export class Sfu {
  readonly counters: SfuCounters = {
    peers: 0,
    rooms: 0,
    pipes: 0,
    packetsIn: 0,
    packetsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    malformed: 0,
    nacksReceived: 0,
    retransmitted: 0,
    nacksSent: 0,
    keyFrameRequests: 0,
    stalls: 0,
  }
  readonly #options: SfuOptions
  readonly #outgoing: Outgoing
  readonly #phones: Phones
  readonly #peers = new Map<PeerId, Peer>()
  readonly #rooms = new Map<RoomId, Room>()
  readonly #pipes = new Map<PipeId, PipeEnd>()
  readonly #outputs: Output[] = []
  #lastPipe = 0
  #nowMs = 0
  #speakerAtUs = 0
  #allocateAtUs = 0
  #layersAtUs = 0
  #qualityAtUs = 0
  #reportAtUs = 0
  readonly #stalls = new Stalls()

  constructor(options: SfuOptions) {
    this.#options = options
    this.#outgoing = new Outgoing(options.buffer)
    const { opus, random, fault } = options
    const publish = (peerId: PeerId, packet: Uint8Array) =>
      this.#peers.get(peerId)?.publisher?.onRtp(packet, this.#nowMs * 1000)
    this.#phones = new Phones({ opus, random, fault, publish })
  }

  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  /** Who exists, for a control process that is new. */
  peers(): { readonly peerId: PeerId; readonly roomId: RoomId | null }[] {
    return [...this.#peers.values()].map(({ id, roomId }) => ({ peerId: id, roomId }))
  }

  handle(nowMs: number, input: Input): void {
    this.#nowMs = nowMs
    switch (input.type) {
      case 'open_peer':
        return this.#openPeer(input)
      case 'open_phone':
        return this.#openPhone(input.peerId)
      case 'publish':
        return this.#publish(input)
      case 'subscribe':
        return this.#subscribe(input)
      case 'answer':
        return this.#answer(input)
      case 'join':
        return this.#join(input)
      case 'wanted':
        return this.#wanted(input)
      case 'mute':
        return this.#mute(input)
      case 'leave':
        return this.#leave(input.peerId)
      case 'close_room':
        return this.#closeRoom(input.roomId)
      case 'pipe_opened':
        return this.#onPipeOpened(input.pipe, input.local)
      case 'pipe_refused':
        return this.#onPipeRefused(input.pipe, input.reason)
      case 'pipe_state':
        return this.#onPipeState(input)
    }
  }

  // --- packets ---

  onPacket(pipe: PipeId, bytes: Uint8Array, nowUs: number): void {
    const end = this.#pipes.get(pipe)
    if (!end) return
    if (end.publisher) {
      if (isRtcp(bytes)) end.publisher.onRtcp(bytes, nowUs)
      else end.publisher.onRtp(bytes, nowUs)
    } else if (end.subscriber && isRtcp(bytes)) end.subscriber.onRtcp(bytes, nowUs)
  }

  /** The line of a phone whose peer is there, or will be. */
  joinLine(peerId: PeerId, line: PhoneLine, nowMs: number): void {
    this.partLine(line, nowMs)
    this.#phones.join(peerId, line)
    this.#refreshPhones(this.#peers.get(peerId), nowMs)
  }

  partLine(line: PhoneLine, nowMs: number): void {
    for (const peerId of this.#phones.part(line)) this.#refreshPhones(this.#peers.get(peerId), nowMs)
  }

  #refreshPhones(peer: Peer | undefined, nowMs: number): void {
    const room = peer && this.#roomOf(peer)
    if (room) this.#phones.refresh(room, nowMs)
  }

  /** Every 10 ms. */
  tick(nowUs: number): void {
    this.#nowMs = nowUs / 1000
    this.#phones.tick(this.#nowMs)
    for (const peer of this.#peers.values()) {
      peer.publisher?.tick(nowUs)
      peer.subscriber?.tick(nowUs)
      this.#offerIfDue(peer)
    }
    if (nowUs - this.#speakerAtUs >= speakerUs) {
      this.#speakerAtUs = nowUs
      for (const room of this.#rooms.values()) this.#watchSpeakers(room)
    }
    if (nowUs - this.#allocateAtUs >= allocateUs) {
      this.#allocateAtUs = nowUs
      const shedding = this.#stalls.shedding(this.#nowMs)
      for (const { subscriber } of this.#peers.values()) subscriber?.allocate(this.#nowMs, shedding)
    }
    if (nowUs - this.#layersAtUs >= layersUs) {
      this.#layersAtUs = nowUs
      for (const peer of this.#peers.values()) this.#watchLayers(peer)
    }
    if (nowUs - this.#reportAtUs >= reportUs) {
      this.#reportAtUs = nowUs
      for (const { subscriber } of this.#peers.values()) subscriber?.sendReports(this.#nowMs)
    }
    if (nowUs - this.#qualityAtUs >= qualityUs) {
      this.#qualityAtUs = nowUs
      for (const peer of this.#peers.values()) this.#reportQuality(peer)
    }
  }

  onStall(nowMs: number): void {
    this.counters.stalls += 1
    this.#stalls.add(nowMs)
  }

  // --- orders ---

  #openPeer({ peerId, filter }: Extract<Order, { type: 'open_peer' }>): void {
    if (this.#peers.has(peerId)) return
    const candidates = this.#options.candidates.filter((line) => !filter.some((text) => line.includes(text)))
    this.#peers.set(peerId, new Peer(peerId, candidates))
    this.counters.peers = this.#peers.size
  }

  /** A publisher whose transport nobody is at the other end of: its packets are made here. */
  #openPhone(peerId: PeerId): void {
    const peer = this.#peers.get(peerId)
    if (!peer || peer.publisher) return
    peer.phoneSsrc = Math.floor(this.#options.random() * 2 ** 32)
    const parsed = parseSdp(phoneOffer(peer.phoneSsrc))
    if ('reason' in parsed) throw new Error(parsed.reason)
    const { description: offer } = parsed
    peer.publisher = this.#newPublisher(peer, noPipe, offer.pipe, offer)
    peer.publisher.isInRoom = peer.roomId !== null
    peer.publisher.negotiate(offer, phoneSources)
    this.#refreshPhones(peer, this.#nowMs)
  }

  #publish({ request, peerId, sdp, sources }: Extract<Order, { type: 'publish' }>): void {
    const peer = this.#peers.get(peerId)
    if (!peer) return this.#refuse(request, peerId, 'There is no such peer.')
    const parsed = parseSdp(sdp)
    if ('reason' in parsed) return this.#refuse(request, peerId, parsed.reason)
    const { description: offer } = parsed
    if (peer.pendingPublish) {
      this.#refuse(peer.pendingPublish.request, peerId, 'A newer offer took its place.')
      this.#closePipesOf(peer, 'publish')
      peer.pendingPublish = null
      peer.publishUfrag = ''
    }
    if (peer.publisher && peer.publishUfrag === offer.pipe.ufrag) {
      const answer = peer.publisher.negotiate(offer, sources)
      this.#say({ type: 'published', request, peerId, sdp: answer })
      return
    }
    // M10: the library looks addresses up before credentials, so the old transport goes before the new one answers.
    this.#closePipesOf(peer, 'publish')
    peer.pendingPublish = { request, offer, sources }
    peer.publishUfrag = offer.pipe.ufrag
    this.#openPipe(peer, 'publish', offer.pipe)
  }

  #subscribe({ peerId, fresh }: Extract<Order, { type: 'subscribe' }>): void {
    const peer = this.#peers.get(peerId)
    if (!peer) return
    const { subscriber } = peer
    if (subscriber && !fresh) {
      if (subscriber.pendingOffer !== null) this.#tellOffer(peer, subscriber.pendingOffer)
      this.#tellSlots(peer, subscriber.slots)
      return
    }
    if (peer.isSubscribing && !fresh) return
    this.#closePipesOf(peer, 'subscribe')
    subscriber?.close()
    peer.subscriber = null
    peer.isSubscribing = true
    this.#openPipe(peer, 'subscribe', null)
  }

  #answer({ request, peerId, revision, sdp }: Extract<Order, { type: 'answer' }>): void {
    const subscriber = this.#peers.get(peerId)?.subscriber
    if (!subscriber) return this.#refuse(request, peerId, 'There is no offer to answer.')
    const result = subscriber.answer(revision, sdp)
    if ('reason' in result) return this.#refuse(request, peerId, result.reason)
    if (result.remote) this.#say({ type: 'accept_pipe', pipe: subscriber.pipe, remote: result.remote })
    this.#say({ type: 'accepted', request, peerId })
  }

  #join({ peerId, roomId }: Extract<Order, { type: 'join' }>): void {
    const peer = this.#peers.get(peerId)
    if (!peer || peer.roomId !== null) return
    peer.roomId = roomId
    const room = this.#rooms.get(roomId) ?? { id: roomId, peers: new Set<Peer>(), speakers: new SpeakerWatch() }
    this.#rooms.set(roomId, room)
    room.peers.add(peer)
    this.counters.rooms = this.#rooms.size
    if (peer.publisher) {
      peer.publisher.isInRoom = true
      for (const track of peer.publisher.tracks.values()) this.#announce(peer, track)
    }
    this.#fill(peer)
    this.#phones.refresh(room, this.#nowMs)
  }

  #wanted({ peerId, wanted }: Extract<Order, { type: 'wanted' }>): void {
    const peer = this.#peers.get(peerId)
    if (!peer) return
    peer.wanted = wanted
    this.#applyWanted(peer)
    this.#layersAtUs = 0 // what is switched off and wanted now is switched on at the next tick
  }

  #mute({ peerId, sources }: Extract<Order, { type: 'mute' }>): void {
    const peer = this.#peers.get(peerId)
    if (!peer) return
    peer.muted = new Set(sources)
    for (const track of peer.publisher?.tracks.values() ?? []) this.#applyMute(peer, track)
    this.#refreshPhones(peer, this.#nowMs)
  }

  #applyMute(peer: Peer, track: Track): void {
    const isMuted = peer.muted.has(track.source)
    if (track.isMuted === isMuted) return
    track.isMuted = isMuted
    if (isMuted) return
    for (const slot of track.slots) {
      slot.restart()
      if (track.kind === 'video' && slot.targetRid !== null) this.#requestKeyFrame(track, slot.targetRid)
    }
  }

  #leave(peerId: PeerId, reason = 'left'): void {
    const peer = this.#peers.get(peerId)
    if (!peer) return
    this.#peers.delete(peerId)
    this.counters.peers = this.#peers.size
    const room = this.#roomOf(peer)
    room?.peers.delete(peer)
    peer.publisher?.close()
    peer.subscriber?.close()
    this.#closePipesOf(peer, 'publish')
    this.#closePipesOf(peer, 'subscribe')
    if (room) this.#phones.refresh(room, this.#nowMs)
    if (room && room.peers.size === 0) this.#rooms.delete(room.id)
    this.counters.rooms = this.#rooms.size
    if (peer.pendingPublish) this.#refuse(peer.pendingPublish.request, peerId, 'The peer left.')
    this.#say({ type: 'closed', peerId, reason })
  }

  #closeRoom(roomId: RoomId): void {
    for (const peer of [...(this.#rooms.get(roomId)?.peers ?? [])]) this.#leave(peer.id, 'the room was closed')
  }

  // --- transports ---

  #openPipe(peer: Peer, direction: PipeEnd['direction'], remote: PipeParameters | null): void {
    this.#lastPipe += 1
    const pipe = this.#lastPipe
    this.#pipes.set(pipe, { peer, direction, publisher: null, subscriber: null })
    this.counters.pipes = this.#pipes.size
    this.#say(remote ? { type: 'open_pipe', pipe, remote } : { type: 'open_pipe', pipe, remote: null })
  }

  #closePipesOf(peer: Peer, direction: PipeEnd['direction']): void {
    for (const [pipe, end] of this.#pipes) {
      if (end.peer !== peer || end.direction !== direction) continue
      this.#pipes.delete(pipe)
      this.#say({ type: 'close_pipe', pipe })
    }
    this.counters.pipes = this.#pipes.size
  }

  #onPipeOpened(pipe: PipeId, local: PipeParameters): void {
    const end = this.#pipes.get(pipe)
    if (!end) return
    if (end.direction === 'publish') this.#onPublishOpened(pipe, end, local)
    else this.#onSubscribeOpened(pipe, end, local)
  }

  #onPublishOpened(pipe: PipeId, end: PipeEnd, local: PipeParameters): void {
    const { peer } = end
    const pending = peer.pendingPublish
    if (!pending) return
    peer.pendingPublish = null
    if (peer.publisher) peer.publisher.moveTo(pipe, local)
    else peer.publisher = this.#newPublisher(peer, pipe, local, pending.offer)
    end.publisher = peer.publisher
    peer.publisher.isInRoom = peer.roomId !== null
    const sdp = peer.publisher.negotiate(pending.offer, pending.sources)
    this.#say({ type: 'published', request: pending.request, peerId: peer.id, sdp })
  }

  #newPublisher(peer: Peer, pipe: PipeId, local: PipeParameters, offer: Publisher['offer']): Publisher {
    return new Publisher(
      {
        candidates: peer.candidates,
        outgoing: this.#outgoing,
        counters: this.counters,
        send: (to, bytes) => this.#send(to, bytes),
        onTrack: (_publisher, track) => {
          this.#applyMute(peer, track)
          if (peer.roomId !== null) this.#announce(peer, track)
        },
        onTrackGone: (_publisher, track) => this.#withdraw(peer, track),
      },
      { peerId: peer.id, pipe, local, offer },
    )
  }

  #onSubscribeOpened(pipe: PipeId, end: PipeEnd, local: PipeParameters): void {
    const { peer } = end
    peer.isSubscribing = false
    const host = {
      random: this.#options.random,
      candidates: peer.candidates,
      outgoing: this.#outgoing,
      counters: this.counters,
      send: (to: PipeId, bytes: Uint8Array) => this.#send(to, bytes),
      requestKeyFrame: (track: Track, rid: string) => this.#requestKeyFrame(track, rid),
      onSlotShown: (subscriber: Subscriber, slot: Slot) => {
        this.#say({ type: 'slots', peerId: peer.id, slots: subscriber.states([slot]) })
      },
    }
    const subscriber = new Subscriber(host, { peerId: peer.id, pipe, local })
    peer.subscriber = subscriber
    end.subscriber = subscriber
    if (peer.roomId !== null) this.#fill(peer)
    subscriber.renegotiateNow(this.#nowMs)
    this.#offerIfDue(peer)
    this.#tellSlots(peer, subscriber.slots)
  }

  #onPipeRefused(pipe: PipeId, reason: string): void {
    const end = this.#pipes.get(pipe)
    if (!end) return
    this.#pipes.delete(pipe)
    const { peer } = end
    if (end.direction === 'subscribe') {
      peer.isSubscribing = false
      this.#say({ type: 'pipe', peerId: peer.id, direction: 'subscribe', state: 'failed' })
      return
    }
    const pending = peer.pendingPublish
    peer.pendingPublish = null
    peer.publishUfrag = ''
    if (pending) this.#refuse(pending.request, peer.id, `The transport could not be made: ${reason}`)
  }

  #onPipeState({ pipe, state }: Extract<PipeEvent, { type: 'pipe_state' }>): void {
    const end = this.#pipes.get(pipe)
    if (!end) return
    const { subscriber } = end
    if (subscriber) {
      subscriber.connected(state === 'connected')
      if (state === 'connected') this.#askAll(subscriber)
    }
    this.#say({ type: 'pipe', peerId: end.peer.id, direction: end.direction, state })
  }

  /** What was asked before the transport could carry the answer. */
  #askAll(subscriber: Subscriber): void {
    for (const { track, targetRid } of subscriber.slots) {
      if (track?.kind === 'video' && targetRid !== null) this.#requestKeyFrame(track, targetRid)
    }
  }

  // --- who sees whom ---

  /** A track is there: everybody else in the room gets its sound, and its picture where it is wanted. */
  #announce(peer: Peer, track: Track): void {
    this.#applyMute(peer, track)
    this.#refreshPhones(peer, this.#nowMs)
    for (const other of this.#roomOf(peer)?.peers ?? []) {
      if (other === peer || !other.subscriber) continue
      if (track.kind === 'audio') this.#addAudio(other, track)
      else this.#applyWanted(other)
      // Its lines come before its picture does: whoever watches can have a place for it already.
      if (track.source === 'screen') other.subscriber.keepSpareVideo(this.#nowMs)
    }
  }

  #withdraw(peer: Peer, track: Track): void {
    for (const slot of [...track.slots]) {
      const { subscriber } = slot
      const other = this.#peers.get(subscriber.peerId)
      const freed = subscriber.drop(track)
      if (other && other !== peer && freed) this.#tellSlots(other, [freed])
    }
    this.#refreshPhones(peer, this.#nowMs)
  }

  /** A subscriber that is new in its room. */
  #fill(peer: Peer): void {
    if (!peer.subscriber) return
    for (const other of this.#roomOf(peer)?.peers ?? []) {
      if (other === peer) continue
      for (const track of other.publisher?.tracks.values() ?? []) {
        if (track.kind === 'audio') this.#addAudio(peer, track)
      }
    }
    this.#applyWanted(peer)
  }

  #addAudio(peer: Peer, track: Track): void {
    const slot = peer.subscriber?.addAudio(track, this.#nowMs)
    if (slot) this.#tellSlots(peer, [slot])
  }

  #applyWanted(peer: Peer): void {
    const room = this.#roomOf(peer)
    if (!room || !peer.subscriber) return
    const find = (wanted: { peerId: PeerId; source: 'camera' | 'screen' }) => {
      const other = this.#peers.get(wanted.peerId)
      return other && other !== peer && room.peers.has(other) ? other.track(wanted.source) : undefined
    }
    const changed = peer.subscriber.setWanted(peer.wanted, find, this.#nowMs)
    const emptied = changed.filter((slot) => slot.track === null)
    if (emptied.length > 0) this.#tellSlots(peer, emptied)
  }

  #requestKeyFrame(track: Track, rid: string): void {
    this.#peers.get(track.peerId)?.publisher?.requestKeyFrame(track, rid, this.#nowMs)
  }

  #roomOf(peer: Peer): Room | undefined {
    return peer.roomId === null ? undefined : this.#rooms.get(peer.roomId)
  }

  // --- reports ---

  #offerIfDue(peer: Peer): void {
    const offer = peer.subscriber?.takeOffer(this.#nowMs)
    if (offer) this.#tellOffer(peer, offer)
  }

  #tellOffer(peer: Peer, sdp: string): void {
    if (!peer.subscriber) return
    this.#say({ type: 'offer', peerId: peer.id, revision: peer.subscriber.revision, sdp })
  }

  #tellSlots(peer: Peer, slots: readonly Slot[]): void {
    if (!peer.subscriber) return
    this.#say({ type: 'slots', peerId: peer.id, slots: peer.subscriber.states(slots) })
  }

  #watchSpeakers(room: Room): void {
    const microphones: Track[] = []
    for (const peer of room.peers) {
      const track = peer.track('microphone')
      if (track) microphones.push(track)
    }
    const peerIds = room.speakers.look(microphones)
    if (peerIds) this.#say({ type: 'speaker', roomId: room.id, peerIds })
  }

  #watchLayers(peer: Peer): void {
    for (const track of peer.publisher?.tracks.values() ?? []) {
      const { source } = track
      if ((source !== 'camera' && source !== 'screen') || !switchLayers(track, this.#nowMs)) continue
      const active = track.activeRids.filter((rid) => rid === 'q' || rid === 'h' || rid === 'f')
      this.#say({ type: 'layers', peerId: peer.id, source, active })
    }
  }

  #reportQuality(peer: Peer): void {
    const quality = takeQuality(peer)
    if (quality === null) return
    const text = JSON.stringify(quality)
    if (text === peer.lastQuality) return
    peer.lastQuality = text
    this.#say({ type: 'quality', peerId: peer.id, ...quality })
  }

  #refuse(request: number, peerId: PeerId, reason: string): void {
    this.#say({ type: 'refused', request, peerId, reason })
  }

  #say(output: Output): void {
    this.#outputs.push(output)
  }

  #send(pipe: PipeId, bytes: Uint8Array): void {
    if (pipe === noPipe) return
    this.counters.bytesOut += bytes.length
    this.#options.send(pipe, bytes)
  }
}
