/**
 * Phones in meetings (M8). Of a room with phones every microphone is decoded once and put into order by a jitter buffer;
 * each phone is said the others on a 20 ms clock, and what it says becomes one Opus track of its participant.
 *
 * A phone needs both: a peer that the api opened, and a line that voice joined to it by the peer's name. Whichever comes
 * first waits for the other.
 */
import { Mix, type Mixable } from '../rtp/mix.ts'
import type { Frame } from '../rtp/mouth.ts'
import type { Opus } from '../rtp/opus.ts'
import type { JitterBuffer } from '../rtp/jitter-buffer.ts'
import { Ear } from '../rtp/speech.ts'
import type { PeerId, RoomId } from './messages.ts'
import type { Peer } from './peer.ts'
import { type PhoneLine, PhoneTrack } from './phone-track.ts'
import { primaryAt } from './red.ts'
import type { RtpPacket } from './rtp.ts'
import type { Track } from './track.ts'

interface PhoneRoom {
  readonly id: RoomId
  readonly peers: ReadonlySet<Peer>
}

interface PhonesParts {
  readonly opus: Opus
  readonly random: () => number
  readonly publish: (peerId: PeerId, packet: Uint8Array) => void
  /** Ours: the line where it happened is joined to nobody any more. */
  readonly fault: (line: PhoneLine, error: unknown) => void
}

/** A browser's microphone, or the sound of its screen. */
class TrackVoice implements Mixable {
  readonly id: string
  inlet: JitterBuffer | null = null
  readonly #ear: Ear
  #stream = -1

  constructor(id: string, opus: Opus) {
    this.id = id
    this.#ear = new Ear(opus)
  }

  /** RED is cut to its primary (M16). */
  hear({ bytes, payloadAt, payloadLength, payloadType, timestamp, ssrc }: RtpPacket, redPayloadType: number): void {
    if (!this.inlet) return
    const isRed = redPayloadType !== 0 && payloadType === redPayloadType
    const from = isRed ? primaryAt(bytes, payloadAt, payloadLength) : payloadAt
    if (from < 0 || !this.#ear.hear('OPUS', bytes.subarray(from, payloadAt + payloadLength), timestamp, ssrc)) return
    if (this.#ear.stream !== this.#stream) this.inlet.restart()
    this.#stream = this.#ear.stream
    this.inlet.write(this.#ear.timestamp, this.#ear.samples, this.#ear.length)
  }
}

type Member = PhoneLine | TrackVoice | PhoneTrack

/** What is mixed in one room. */
class RoomMix {
  readonly mix: Mix<Member>
  readonly voices = new Map<Track, TrackVoice>()
  readonly tracks = new Map<PhoneLine, PhoneTrack>()

  constructor(say: (member: Member, frame: Frame, nowMs: number) => void, nowMs: number) {
    this.mix = new Mix<Member>(say, nowMs)
  }
}

export class Phones {
  readonly #parts: PhonesParts
  readonly #lines = new Map<PeerId, PhoneLine>()
  readonly #rooms = new Map<RoomId, RoomMix>()

  constructor(parts: PhonesParts) {
    this.#parts = parts
  }

  line(peerId: PeerId): PhoneLine | undefined {
    return this.#lines.get(peerId)
  }

  /** The room of that peer is to be looked at again after it. */
  join(peerId: PeerId, line: PhoneLine): void {
    this.#lines.set(peerId, line)
  }

  /** The peers that it was the line of. */
  part(line: PhoneLine): PeerId[] {
    const peerIds = [...this.#lines].filter(([, one]) => one === line).map(([peerId]) => peerId)
    for (const peerId of peerIds) this.#lines.delete(peerId)
    return peerIds
  }

  /** Who is inside, who is muted, or who has a line is another than before. */
  refresh(room: PhoneRoom, nowMs: number): void {
    const phones = [...room.peers].flatMap((peer) => {
      const line = peer.phoneSsrc === null ? undefined : this.#lines.get(peer.id)
      return line ? [{ peer, line }] : []
    })
    if (phones.length === 0) return this.#end(room)
    const known = this.#rooms.get(room.id) ?? this.#begin(room.id, nowMs)
    const heard = this.#voicesOf(room, known)
    const hears = new Map<Member, readonly Member[]>()
    const speakers = phones.filter(({ peer }) => !peer.muted.has('microphone')).map(({ line }) => line)
    for (const { peer, line } of phones) {
      hears.set(line, [...heard, ...speakers.filter((other) => other !== line)])
      hears.set(this.#trackOf(known, peer, line), [line])
    }
    for (const line of [...known.tracks.keys()]) if (!hears.has(line)) known.tracks.delete(line)
    known.mix.set(hears)
  }

  #begin(roomId: RoomId, nowMs: number): RoomMix {
    const room = new RoomMix((member, frame, at) => this.#say(room, member, frame, at), nowMs)
    this.#rooms.set(roomId, room)
    return room
  }

  #end({ id, peers }: PhoneRoom): void {
    const known = this.#rooms.get(id)
    if (!known) return
    known.mix.close()
    for (const peer of peers) for (const track of peer.publisher?.tracks.values() ?? []) track.tap = null
    this.#rooms.delete(id)
  }

  /** Everything with sound in the room that is no phone. */
  #voicesOf(room: PhoneRoom, known: RoomMix): TrackVoice[] {
    const voices: TrackVoice[] = []
    const tracks = new Set<Track>()
    for (const peer of room.peers) {
      for (const track of peer.phoneSsrc === null ? (peer.publisher?.tracks.values() ?? []) : []) {
        if (track.kind !== 'audio') continue
        tracks.add(track)
        const voice = known.voices.get(track) ?? new TrackVoice(`${peer.id} ${track.source}`, this.#parts.opus)
        known.voices.set(track, voice)
        track.tap = (packet) => voice.hear(packet, track.agreed.redPayloadType)
        voices.push(voice)
      }
    }
    for (const track of [...known.voices.keys()]) if (!tracks.has(track)) known.voices.delete(track)
    return voices
  }

  #trackOf(known: RoomMix, peer: Peer, line: PhoneLine): PhoneTrack {
    const { opus, random, publish } = this.#parts
    const track =
      known.tracks.get(line) ??
      new PhoneTrack(`${peer.id} track`, peer.phoneSsrc ?? 0, opus, random, (packet) => publish(peer.id, packet))
    known.tracks.set(line, track)
    return track
  }

  /** Every 10 ms. */
  tick(nowMs: number): void {
    for (const { mix } of this.#rooms.values()) mix.tick(nowMs)
  }

  #say({ mix, tracks }: RoomMix, member: Member, frame: Frame, nowMs: number): void {
    if (member instanceof TrackVoice) return
    try {
      member.say(frame, mix, nowMs)
    } catch (error) {
      const line = member instanceof PhoneTrack ? [...tracks].find(([, track]) => track === member)?.[0] : member
      if (line) this.#parts.fault(line, error)
    }
  }
}
