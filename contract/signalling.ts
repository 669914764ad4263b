/**
 * What a meeting page and the server say to each other over the WebSocket `/meet/socket`.
 *
 * The client asks with `{ id, op, … }` and gets exactly one `{ re, ok }` or `{ re, error }`. The server
 * tells with `{ seq, event, … }`; `seq` counts from 1 within a session, and a client that comes back
 * within 30 s says `hello { session, seq }` and is sent what it missed, or a snapshot.
 * The first frame is `hello`, within 5 s, or the socket is closed.
 */
import { z } from 'zod'

/** Where a track comes from. A participant has at most one of each. */
export const Source = z.enum(['microphone', 'camera', 'screen', 'screen_audio'])
export type Source = z.output<typeof Source>

export const ParticipantId = z.string().regex(/^par_[0-9a-f]{24}$/)
const Mid = z.string().min(1).max(16)
const Sdp = z.string().min(1).max(200_000)
const Layer = z.enum(['q', 'h', 'f'])

/** One line a participant's name may be; CR, LF and NUL never pass (they reach calendars and logs). */
const ParticipantName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}]+$/u, 'must be one line without control characters')

export const Participant = z.object({
  id: ParticipantId,
  name: z.string(),
  role: z.enum(['host', 'guest']),
  /** Of who is there by telephone: the number without its middle. Null: a page. */
  phone: z.string().nullable(),
  /** What this participant says is on. `screen` is true while a screen is shared. */
  microphone: z.boolean(),
  camera: z.boolean(),
  screen: z.boolean(),
  /** RFC 3339, or null while the hand is down. Hands are answered in this order. */
  handRaisedAt: z.iso.datetime().nullable(),
  /** False while the connection of this participant is lost; it is kept for 30 s. */
  isConnected: z.boolean(),
  joinedAt: z.iso.datetime(),
})
export type Participant = z.output<typeof Participant>

export const ChatMessage = z.object({
  id: z.string(),
  from: z.object({ id: ParticipantId, name: z.string() }),
  /** The one other reader of a private message, else null. */
  to: z.object({ id: ParticipantId, name: z.string() }).nullable(),
  text: z.string(),
  sentAt: z.iso.datetime(),
})
export type ChatMessage = z.output<typeof ChatMessage>

export const MeetingInfo = z.object({
  meetingId: z.string(),
  topic: z.string(),
  organizer: z.string(),
  startTime: z.iso.datetime(),
  endTime: z.iso.datetime(),
  /** IANA zone of the organizer. */
  timezone: z.string(),
  /** When joining becomes possible. */
  opensAt: z.iso.datetime(),
  state: z.enum(['too_early', 'open', 'closed']),
  /** Names of those inside, for the page before joining. */
  inside: z.array(z.string()),
})
export type MeetingInfo = z.output<typeof MeetingInfo>

/** One m-line of the subscribe connection, and whose track runs in it now. */
export const Slot = z.object({
  mid: Mid,
  kind: z.enum(['audio', 'video']),
  participantId: ParticipantId.nullable(),
  source: Source.nullable(),
  /** Video: the RTP timestamp of the first frame of this source; relabel when that frame is shown. */
  rtpTimestamp: z.int().nullable(),
})
export type Slot = z.output<typeof Slot>

/** Largest tile first. `height` is what is shown, in device pixels; 0 pauses it. */
export const Wanted = z.object({
  participantId: ParticipantId,
  source: z.enum(['camera', 'screen']),
  height: z.int().min(0).max(4320),
})
export type Wanted = z.output<typeof Wanted>

const IceServer = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
})

/** What the server answers to each `op` in `ok`. */
export const clientOps = {
  /** Opens the session: which meeting, and what the page may prove about itself. */
  hello: {
    params: z.strictObject({
      /** Sixteen digits, with or without dashes. */
      meetingId: z.string().max(32),
      /** From the organizer's own link (`#host=…`). */
      hostToken: z.string().max(512).optional(),
      /** From an earlier `join`: takes the same place again, also after a reload, for 30 s. */
      resumeToken: z.string().max(1024).optional(),
      /** With `seq`: the socket broke, the page did not. */
      session: z.string().max(64).optional(),
      seq: z.int().min(0).optional(),
    }),
    ok: z.object({
      session: z.string(),
      meeting: MeetingInfo,
      /** `host` when the host token or the resume token says so. */
      role: z.enum(['host', 'guest']),
      iceServers: z.array(IceServer),
      /** `iceCandidatesToFilter` of the account: the page drops its own candidates that contain one of these. */
      iceCandidatesToFilter: z.array(z.string()),
      /** True: the missed frames follow and nothing else is needed. */
      isResumed: z.boolean(),
      /** Set when the resume token was still good: who we are in the meeting. `join` it again to get back in. */
      self: Participant.nullable(),
      /** The name for that place, so that a reload asks nothing. */
      resumeName: z.string().nullable(),
    }),
  },
  /**
   * The page's publish offer. Allowed before `join` (warming): the transport then connects, and carries no media
   * until joined. m-lines are named by `sources`; those of sources that are off may be inactive or have no track.
   */
  publish: {
    params: z.strictObject({ sdp: Sdp, sources: z.record(Mid, Source) }),
    ok: z.object({ sdp: z.string() }),
  },
  /** Asks for the subscribe connection; `offer` events follow. `fresh` ends the old one first (ICE failed, worker gone). */
  subscribe: { params: z.strictObject({ fresh: z.boolean() }), ok: z.object({}) },
  /** The page's answer to the `offer` of that revision. */
  answer: { params: z.strictObject({ revision: z.int().min(0), sdp: Sdp }), ok: z.object({}) },
  join: {
    params: z.strictObject({
      name: ParticipantName,
      email: z.email().max(254).optional(),
      microphone: z.boolean(),
      camera: z.boolean(),
    }),
    ok: z.object({
      self: Participant,
      /** Signed; kept by the page for a reload. */
      resumeToken: z.string(),
      participants: z.array(Participant),
      chat: z.array(ChatMessage),
    }),
  },
  /** What I send now. A muted microphone keeps its track; the worker drops what still comes. */
  media: {
    params: z.strictObject({ microphone: z.boolean(), camera: z.boolean(), screen: z.boolean() }),
    ok: z.object({}),
  },
  /** What I show now; videos not listed are not sent. */
  wanted: { params: z.strictObject({ wanted: z.array(Wanted).max(64) }), ok: z.object({}) },
  chat: {
    params: z.strictObject({ text: z.string().trim().min(1).max(4000), to: ParticipantId.optional() }),
    ok: z.object({ message: ChatMessage }),
  },
  hand: { params: z.strictObject({ raised: z.boolean() }), ok: z.object({}) },
  /**
   * Host only: switches off another's microphone; only its owner can switch it on again. A phone has no such switch, so
   * there the host can do it too, by `muted: false`.
   */
  mute: {
    params: z.strictObject({ participantId: ParticipantId, muted: z.boolean().optional() }),
    ok: z.object({}),
  },
  /** Host only. */
  remove: { params: z.strictObject({ participantId: ParticipantId }), ok: z.object({}) },
  /** Host only: ends the meeting for everybody and closes it. */
  end: { params: z.strictObject({}), ok: z.object({}) },
  leave: { params: z.strictObject({}), ok: z.object({}) },
  /** Every 5 s; a socket silent for 15 s is closed by the server. */
  ping: { params: z.strictObject({}), ok: z.object({}) },
} as const

export type ClientOp = keyof typeof clientOps
export type OpParams<O extends ClientOp> = z.output<(typeof clientOps)[O]['params']>
export type OpResult<O extends ClientOp> = z.output<(typeof clientOps)[O]['ok']>

/** The outer shape of a client's frame; `params` of its `op` are checked next. */
export const ClientFrame = z.object({ id: z.int().min(1), op: z.string(), params: z.unknown() })

export const signallingErrors = {
  bad_frame: 'The frame is not one of those this server knows.',
  bad_params: 'A field is missing or wrong; the message names it.',
  not_found: 'There is no meeting with this number.',
  too_early: 'The meeting cannot be joined yet.',
  closed: 'The meeting is over.',
  full: 'The meeting has as many participants as it may have.',
  not_joined: 'Join first.',
  not_allowed: 'Only a host may do this.',
  unknown_participant: 'That participant is not in the meeting.',
  negotiation_failed: 'The session description could not be used.',
  media_unavailable: 'The media server is restarting; try again in a moment.',
  too_many: 'Too many requests from this address; wait a minute.',
  internal: 'This is our fault; it was logged.',
} as const
export type SignallingErrorCode = keyof typeof signallingErrors

/** Everything the server tells unasked, on the wire `{ seq, event, params }`. */
const serverEvents = {
  /** The subscribe connection's next offer. Answer with the same revision; a newer one replaces it. */
  offer: z.object({ revision: z.int(), sdp: z.string() }),
  /** Slots that changed (after an `offer` with revision 0 of a fresh connection: all). */
  slots: z.object({ slots: z.array(Slot) }),
  /** Who speaks, loudest first; at most five times a second. */
  speaker: z.object({ participantIds: z.array(ParticipantId) }),
  /** Every 2 s while it changes: what the server knows of my connection. */
  quality: z.object({
    level: z.enum(['good', 'fair', 'poor']),
    rttMs: z.number().nullable(),
    uplinkLoss: z.number(),
    downlinkLoss: z.number(),
    downlinkBps: z.number().nullable(),
    /** Videos not sent to me because the connection is weak, or the server busy. */
    pausedVideos: z.array(z.object({ participantId: ParticipantId, source: Source })),
    /** The server cannot keep up and begins no more videos for anybody: nothing is wrong with my connection. */
    isServerBusy: z.boolean(),
  }),
  /** Which simulcast layers of my source anybody wants; switch the others off at the encoder. */
  layers: z.object({ source: z.enum(['camera', 'screen']), active: z.array(Layer) }),
  participant_joined: z.object({ participant: Participant }),
  participant_updated: z.object({ participant: Participant }),
  participant_left: z.object({
    participantId: ParticipantId,
    reason: z.enum(['left', 'lost', 'removed', 'ended']),
  }),
  chat: z.object({ message: ChatMessage }),
  /** A host switched my microphone off. */
  muted: z.object({ by: z.string() }),
  /** The media worker is gone or new: build both connections again, now. */
  media_lost: z.object({}),
  /** The whole state, when frames were missed that the server no longer has. */
  snapshot: z.object({ self: Participant, participants: z.array(Participant), chat: z.array(ChatMessage) }),
  /** The meeting's data changed, also before joining (somebody opened, closed or moved it). */
  meeting: z.object({ meeting: MeetingInfo }),
  /** The end: nothing follows, the socket closes. `replaced`: the same place was taken by another tab. */
  bye: z.object({ reason: z.enum(['ended', 'removed', 'replaced', 'left', 'shutdown']), by: z.string().nullable() }),
} as const
export type ServerEvent = keyof typeof serverEvents
export type EventParams<E extends ServerEvent> = z.output<(typeof serverEvents)[E]>
