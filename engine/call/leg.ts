/**
 * What call logic asks of a SIP leg, and what it hears from it. A leg is one INVITE dialog of ours with one peer, from
 * its first request to its end; call logic joins legs and never sees a message, a tag or a branch of SIP.
 *
 * Invariant: each leg has one last event: `ended` when it was confirmed; `failed` for a dialled one that was not (487 after
 * our own `hangup`); `cancelled` for an incoming one that was not. Only an incoming leg that we refuse ourselves, by
 * `reject` or by `hangup` before the answer, has none: the command is its end.
 */

/** `leg_` and 24 hex digits, given by whoever makes the leg. */
export type LegId = string

/**
 * A dialog as it is written down (T5): a value of JSON that never changes, so that it is text once, with all that is written
 * beside it. What is in it is the SIP layer's alone.
 */
export type WrittenDialog = object

/** A party as it is shown to another one (T19). */
export interface Identity {
  number: string
  name: string | null
  isAnonymous: boolean
}

/** The Reason header, RFC 3326 (T25). */
export interface SipReason {
  cause: number
  text: string
  protocol: 'SIP' | 'Q.850'
}

export interface DialTarget {
  /** The request URI. */
  uri: string
  /** The Route set: an outbound proxy, Path. */
  route: readonly string[]
  /** The flow that a registration came by; null: the driver resolves the next hop. */
  flow: string | null
  /** For the 401 and 407 of a trunk. */
  credentials: { username: string; password: string } | null
}

/** Where a REFER points: Refer-To with its Replaces (RFC 3515, 3891) and Referred-By. */
export interface ReferTarget {
  uri: string
  replaces: { callId: string; toTag: string; fromTag: string; isEarlyOnly: boolean } | null
  referredBy: string | null
}

export type LegCommand =
  | {
      type: 'dial'
      leg: LegId
      to: DialTarget
      from: Identity
      toNumber: string
      headers: readonly (readonly [string, string])[]
      /** Null: an INVITE without offer (T21). */
      sdp: string | null
      fromDomain?: string
      fromUser?: string
      /** Of hops the call has left; 70 without it. */
      maxForwards?: number
      /** P-Asserted-Identity may be sent even when the caller is anonymous (T19). */
      isIdentityTrusted: boolean
    }
  /** 180, 181, 182 or 183; reliable when the peer asks for it (100rel). */
  | { type: 'progress'; leg: LegId; status: number; sdp: string | null }
  /** The 200 to the INVITE. */
  | { type: 'answer'; leg: LegId; sdp: string; identity?: Identity }
  | {
      type: 'reject'
      leg: LegId
      status: number
      reason?: string
      headers?: readonly (readonly [string, string])[]
    }
  /** CANCEL, BYE or a 4xx: what the leg's state needs. */
  | { type: 'hangup'; leg: LegId; reason: SipReason | null }
  /** A re-INVITE, without offer when `sdp` is null; queued over glare. */
  | { type: 'offer'; leg: LegId; sdp: string | null; identity?: Identity }
  /** To `offer` events; also the answer in ACK or PRACK when a response carried the offer. */
  | { type: 'answer_offer'; leg: LegId; sdp: string }
  | { type: 'reject_offer'; leg: LegId; status: number }
  /** A phone that rings and takes such requests is told to answer (NOTIFY of the event `talk`). */
  | { type: 'talk'; leg: LegId }
  /** UPDATE (or re-INVITE) with P-Asserted-Identity and no change of the SDP (T26). */
  | { type: 'identity'; leg: LegId; identity: Identity }
  | { type: 'info_dtmf'; leg: LegId; digit: string; durationMs: number }
  /** 202, or the refusal of a REFER. */
  | { type: 'refer_answer'; leg: LegId; status: number }
  /** NOTIFY message/sipfrag; a final status ends the subscription. */
  | { type: 'refer_progress'; leg: LegId; status: number }

export type LegEvent =
  | { type: 'incoming'; leg: LegId; call: IncomingInvite }
  /**
   * Also 100, the first sign of life (T16). `branch` is the remote tag: one of several where the peer forks. `takesTalk`: it
   * may be told to answer.
   */
  | { type: 'progress'; leg: LegId; status: number; sdp: string | null; branch: string; takesTalk?: boolean }
  /** To our `talk`: whether it was understood. */
  | { type: 'talk_result'; leg: LegId; status: number }
  | {
      type: 'answered'
      leg: LegId
      sdp: string | null
      isOffer: boolean
      branch: string
      identity: Identity | null
    }
  /** The ACK to our 200; with SDP where the 200 carried our offer. */
  | { type: 'acked'; leg: LegId; sdp: string | null }
  /** The end of a dialled leg that was never answered. */
  | {
      type: 'failed'
      leg: LegId
      status: number
      reason: string
      q850: number | null
      retryAfter: number | null
      /** Of a 3xx, by preference. */
      contacts: readonly string[]
      isTimeout: boolean
    }
  /** The caller cancelled; the leg has answered 487. */
  | { type: 'cancelled'; leg: LegId; reason: SipReason | null }
  /** The peer's re-INVITE or UPDATE; null: it asks for an offer of ours. */
  | { type: 'offer'; leg: LegId; sdp: string | null }
  /** To our `offer`. */
  | { type: 'offer_result'; leg: LegId; status: number; sdp: string | null }
  | { type: 'refer'; leg: LegId; target: ReferTarget }
  /** By SIP INFO (T23). */
  | { type: 'dtmf'; leg: LegId; digit: string }
  /** At the answer, and at each change of the target or of what is agreed (T5). */
  | { type: 'confirmed'; leg: LegId; dialog: WrittenDialog }
  /** Exactly once for each leg that was confirmed. */
  | {
      type: 'ended'
      leg: LegId
      by: 'remote' | 'local' | 'timeout' | 'error'
      status: number | null
      q850: number | null
    }

export interface IncomingInvite {
  requestUri: string
  toUri: string
  fromUri: string
  fromName: string | null
  /** The values of P-Asserted-Identity. */
  asserted: readonly string[]
  privacy: string | null
  diversion: readonly string[]
  calledPartyId: string | null
  replaces: ReferTarget['replaces']
  sdp: string | null
  callId: string
  userAgent: string | null
  alertInfo: string | null
  source: Source
  maxForwards: number
}

/** Who sent it, found out by the driver before call logic hears of it: a device by digest, or a trunk (T14). */
export type Source =
  | { kind: 'device'; accountId: string; deviceId: string }
  | { kind: 'trunk'; accountId: string; trunkId: string }
