/**
 * What goes into the forwarding unit and what comes out of it. Peers and rooms are opaque names here:
 * people, rights and words are the api process's. Everything is plain JSON, because the same shapes travel
 * over the worker's socket (server/media/protocol.ts).
 */

import type { Opus } from '../rtp/opus.ts'
import type { PhoneLine } from './phone-track.ts'

export type PeerId = string
export type RoomId = string
/** One ICE + DTLS + SRTP association, numbered by the engine. */
export type PipeId = number
export type Source = 'microphone' | 'camera' | 'screen' | 'screen_audio'
type Direction = 'publish' | 'subscribe'

/** What two ends of a pipe tell each other (RFC 8839, RFC 8842). Candidates come from configuration. */
export interface PipeParameters {
  readonly ufrag: string
  readonly pwd: string
  /** As in `a=fingerprint`: `sha-256 AB:CD:…`. */
  readonly fingerprint: string
  readonly setup: 'active' | 'passive' | 'actpass'
}

export interface WantedVideo {
  readonly peerId: PeerId
  readonly source: 'camera' | 'screen'
  /** Device pixels; 0 = paused. */
  readonly height: number
}

export interface SlotState {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly peerId: PeerId | null
  readonly source: Source | null
  /** Video: the timestamp of the first frame of this source in this slot. */
  readonly rtpTimestamp: number | null
}

/** Orders of the api process. `request` of those that are answered comes back in the answer. */
export type Order =
  /** A peer exists from here on, connected or not, in no room. `order.filter`: substrings of candidates not to offer. */
  | { readonly type: 'open_peer'; readonly peerId: PeerId; readonly filter: readonly string[] }
  /** That peer is a phone: it has a microphone, and what it says and hears comes by the line of its name (M8). */
  | { readonly type: 'open_phone'; readonly peerId: PeerId }
  /** Its publish offer: the first, a renegotiation, or an ICE restart (new ufrag). Answered by `published`. */
  | {
      readonly type: 'publish'
      readonly request: number
      readonly peerId: PeerId
      readonly sdp: string
      /** mid -> source, for every m-line of the offer. */
      readonly sources: Readonly<Record<string, Source>>
    }
  /** Opens the subscribe pipe (`fresh`: a new one in place of the old); offers follow. */
  | { readonly type: 'subscribe'; readonly peerId: PeerId; readonly fresh: boolean }
  /** Answered by `accepted` or `refused`. A stale revision is accepted and ignored. */
  | {
      readonly type: 'answer'
      readonly request: number
      readonly peerId: PeerId
      readonly revision: number
      readonly sdp: string
    }
  /** Enters the room: from here on it sends and receives media. A peer is in one room for life. */
  | { readonly type: 'join'; readonly peerId: PeerId; readonly roomId: RoomId }
  /** Videos not listed are not sent to this peer. */
  | { readonly type: 'wanted'; readonly peerId: PeerId; readonly wanted: readonly WantedVideo[] }
  /** Sources of this peer that are off: what still arrives of them is dropped. Replaces the last list. */
  | { readonly type: 'mute'; readonly peerId: PeerId; readonly sources: readonly Source[] }
  | { readonly type: 'leave'; readonly peerId: PeerId }
  | { readonly type: 'close_room'; readonly roomId: RoomId }

/** What the unit tells the api process. */
export type Report =
  | { readonly type: 'published'; readonly request: number; readonly peerId: PeerId; readonly sdp: string }
  | { readonly type: 'accepted'; readonly request: number; readonly peerId: PeerId }
  /** The order could not be carried out; nothing changed. `reason` is a sentence for people. */
  | { readonly type: 'refused'; readonly request: number; readonly peerId: PeerId; readonly reason: string }
  | { readonly type: 'offer'; readonly peerId: PeerId; readonly revision: number; readonly sdp: string }
  /** Changed slots only; all of them after a fresh subscribe. */
  | { readonly type: 'slots'; readonly peerId: PeerId; readonly slots: readonly SlotState[] }
  /** Loudest first, at most five times a second a room, only when it changed. */
  | { readonly type: 'speaker'; readonly roomId: RoomId; readonly peerIds: readonly PeerId[] }
  | {
      readonly type: 'quality'
      readonly peerId: PeerId
      readonly level: 'good' | 'fair' | 'poor'
      readonly rttMs: number | null
      readonly uplinkLoss: number
      readonly downlinkLoss: number
      readonly downlinkBps: number | null
      readonly pausedVideos: readonly { readonly peerId: PeerId; readonly source: Source }[]
      /** No video is begun for anybody (M11). */
      readonly isServerBusy: boolean
    }
  | {
      readonly type: 'layers'
      readonly peerId: PeerId
      readonly source: 'camera' | 'screen'
      readonly active: readonly ('q' | 'h' | 'f')[]
    }
  | {
      readonly type: 'pipe'
      readonly peerId: PeerId
      readonly direction: Direction
      readonly state: 'connected' | 'disconnected' | 'failed' | 'closed'
    }
  /** Gone, by `leave`, `close_room` or a fault of its transport that nothing else can mend. */
  | { readonly type: 'closed'; readonly peerId: PeerId; readonly reason: string }

/** What the driver must do to native transports. */
type PipeCommand =
  /** A peer's offer came: answer it. The driver replies with `pipe_opened`. */
  | { readonly type: 'open_pipe'; readonly pipe: PipeId; readonly remote: PipeParameters }
  /** We offer: the driver replies with `pipe_opened`; `accept_pipe` follows with the peer's answer. */
  | { readonly type: 'open_pipe'; readonly pipe: PipeId; readonly remote: null }
  | { readonly type: 'accept_pipe'; readonly pipe: PipeId; readonly remote: PipeParameters }
  | { readonly type: 'close_pipe'; readonly pipe: PipeId }

export type PipeEvent =
  | { readonly type: 'pipe_opened'; readonly pipe: PipeId; readonly local: PipeParameters }
  /** The native library refused; the order that needed it is refused. */
  | { readonly type: 'pipe_refused'; readonly pipe: PipeId; readonly reason: string }
  | {
      readonly type: 'pipe_state'
      readonly pipe: PipeId
      readonly state: 'connected' | 'disconnected' | 'failed' | 'closed'
    }

export type Input = Order | PipeEvent
export type Output = Report | PipeCommand

/** Given once. Candidates are lines without `a=`, already right for this machine (`candidate:1 1 UDP …`). */
export interface SfuOptions {
  readonly candidates: readonly string[]
  /** Uniform in [0, 1): SSRCs and first sequence numbers. */
  readonly random: () => number
  /** The only way bytes leave: RTP or RTCP, copied before it returns; the buffer is reused at once. */
  readonly send: (pipe: PipeId, bytes: Uint8Array) => void
  /** Of `outgoingBytes`: everything that is sent is a subarray of it. */
  readonly buffer: Uint8Array
  readonly opus: Opus
  /** What a phone's line threw: it is joined to nobody any more. */
  readonly fault: (line: PhoneLine, error: unknown) => void
}

/** Totals since the start, for metrics. All only grow, except peers, rooms and pipes. */
export interface SfuCounters {
  peers: number
  rooms: number
  pipes: number
  packetsIn: number
  packetsOut: number
  bytesIn: number
  bytesOut: number
  /** Packets that were not what their protocol allows. */
  malformed: number
  nacksReceived: number
  retransmitted: number
  nacksSent: number
  keyFrameRequests: number
  /** Times that the loop stood still for more than a tenth of a second. */
  stalls: number
}
