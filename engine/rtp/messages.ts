/**
 * What the voice process orders of a media worker, and what it hears from it. An endpoint is one RTP stream pair of ours
 * with one peer: a port for RTP, the next one for RTCP. Everything is plain JSON: the same shapes travel over the worker's
 * socket (server/media/protocol.ts).
 *
 * Voice owns port numbers and ids (an endpoint has the id of its leg), so that a worker's successor binds the same ports
 * from voice's list (T6). Orders are carried out in the order in which they came; one that names an unknown endpoint does
 * nothing, because a `close` may have crossed it.
 */

export type EndpointId = string
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
export type ToneName = 'dial' | 'ringback' | 'busy' | 'congestion'
export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32'

export type PlaySource =
  /** `country`: ISO 3166, two letters; one without tones of its own hears the default ones. */
  | { readonly type: 'tone'; readonly tone: ToneName; readonly country: string }
  /** A WAV file: PCM 16 bit, A-law or µ-law at 8 or 16 kHz. `repeat`: until it is stopped. */
  | { readonly type: 'file'; readonly path: string; readonly repeat: boolean }
  | { readonly type: 'silence' }

export type MediaOrder =
  /** RTP on `port`, RTCP on the next one. Answered by `opened` or `open_failed`. */
  | { readonly type: 'open'; readonly endpoint: EndpointId; readonly port: number; readonly address: string }
  /** After each offer and answer; latching begins again (T10). */
  | { readonly type: 'remote'; readonly endpoint: EndpointId; readonly remote: RemoteMedia }
  /** Relay both ways, in place of what either was joined to. G.711 and Opus are transcoded where the two differ. */
  | { readonly type: 'bridge'; readonly a: EndpointId; readonly b: EndpointId }
  | { readonly type: 'unbridge'; readonly endpoint: EndpointId }
  /** Sent in place of what is relayed, until it ends or is stopped; another `play` takes its place. */
  | { readonly type: 'play'; readonly endpoint: EndpointId; readonly play: string; readonly source: PlaySource }
  | { readonly type: 'stop'; readonly endpoint: EndpointId }
  /**
   * `both`: two channels, what was received on the left and what was sent on the right. Ends with `recorded`, at once where
   * nothing more can be written.
   */
  | {
      readonly type: 'record'
      readonly endpoint: EndpointId
      readonly path: string
      readonly sides: 'received' | 'both'
    }
  | { readonly type: 'record_stop'; readonly endpoint: EndpointId }
  /** Nothing is written while it lasts, and the file has no gap for it. */
  | { readonly type: 'record_pause'; readonly endpoint: EndpointId; readonly isPaused: boolean }
  /** What this endpoint's peer says reaches nobody: not who is bridged, mixed or recorded with it. */
  | { readonly type: 'mute'; readonly endpoint: EndpointId; readonly isMuted: boolean }
  /**
   * Who hears whom: of each listener the speakers, mixed on a 20 ms clock (M8). In place of the mix of that name before, and
   * of what its endpoints were bridged to; empty: it is over, and they hear nothing. Needs G.711 or Opus of each.
   */
  | {
      readonly type: 'mix'
      readonly mix: string
      readonly hears: Readonly<Record<EndpointId, readonly EndpointId[]>>
    }
  /**
   * A participant of a meeting (M8), in place of what it was joined to. `peer`: as engine/sfu names it; `worker`: where
   * the meeting is, which is another one only for whoever gives the order to the right one (server/voice/meeting-ways.ts).
   */
  | { readonly type: 'meeting'; readonly endpoint: EndpointId; readonly peer: string; readonly worker: number }
  /** Sends a digit by RFC 4733. */
  | { readonly type: 'dtmf'; readonly endpoint: EndpointId; readonly digit: string; readonly durationMs: number }
  /** Answered by `closed`. */
  | { readonly type: 'close'; readonly endpoint: EndpointId }

/** What offer and answer came to, seen from us; engine/sdp makes it. */
export interface RemoteMedia {
  /** Where the peer wants RTP and RTCP. */
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Where its SIP came from: RTP may come from there too (T10). */
  readonly signalling: string
  /** Ours. */
  readonly direction: Direction
  /** The first is the one to send. Empty with `isOpaque`. */
  readonly codecs: readonly RemoteCodec[]
  readonly dtmf: RemoteCodec | null
  /** Payload type of comfort noise (RFC 3389). */
  readonly comfortNoise: number | null
  /** Of packets that we make. */
  readonly ptimeMs: number
  /** SDES (RFC 4568): key and salt, 30 octets in base64. */
  readonly srtp: { readonly suite: SrtpSuite; readonly receive: string; readonly send: string } | null
  /** Video and T.38: every datagram is passed on as it is. */
  readonly isOpaque?: boolean
}

export interface RemoteCodec {
  readonly name: string
  readonly clockRate: number
  /** What we receive it with, and what we send it with. */
  readonly payload: number
  readonly sendPayload: number
}

export type MediaReport =
  | { readonly type: 'opened'; readonly endpoint: EndpointId }
  | { readonly type: 'open_failed'; readonly endpoint: EndpointId; readonly message: string }
  /** Once for each digit that was received (T23), at its end. */
  | { readonly type: 'dtmf'; readonly endpoint: EndpointId; readonly digit: string; readonly durationMs: number }
  | {
      readonly type: 'played'
      readonly endpoint: EndpointId
      readonly play: string
      readonly reason: 'end' | 'stopped' | 'error'
      readonly message?: string
    }
  | {
      readonly type: 'recorded'
      readonly endpoint: EndpointId
      readonly path: string
      readonly durationMs: number
      /** Why there is no file, or not all of it. */
      readonly message?: string
    }
  /** Neither RTP nor RTCP for 60 s, and not on hold (T27); again after another 60 s. */
  | { readonly type: 'timeout'; readonly endpoint: EndpointId }
  | { readonly type: 'closed'; readonly endpoint: EndpointId; readonly quality: MediaQuality | null }

/** Of an endpoint's whole life. Null where nothing was measured. */
export interface MediaQuality {
  readonly codec: string | null
  readonly packetsReceived: number
  readonly packetsSent: number
  readonly packetsLost: number
  /** 0 to 1. */
  readonly lossRatio: number
  readonly jitterMs: number
  /** From the peer's receiver reports. */
  readonly rttMs: number | null
  readonly peerLossRatio: number | null
  /** Estimated by the E-model (ITU-T G.107): 1 to 4.5. */
  readonly mos: number | null
  /** Packets from addresses that were neither signalled nor signalling (T10). */
  readonly packetsRefused: number
}
