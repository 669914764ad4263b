/**
 * One meeting while somebody is in it or looks at its door. It holds who is inside and how they are, tells everybody
 * what changes, and gives the media worker its orders.
 *
 * Invariant: what changes who is inside runs in `serially`, after its transaction committed; so memory never says
 * something that the database may still refuse.
 */
import type { ChatMessage, EventParams, MeetingInfo, Participant, Slot, Wanted } from '../../contract/signalling.ts'
import type { Report, SlotState, Source } from '../../engine/sfu/messages.ts'
import { dashed } from '../ids.ts'
import { earlyMs, type MeetingRow, nameOf, phaseOf } from '../store/meetings.ts'
import type { ParticipantRow } from '../store/participants.ts'
import type { Media } from './media.ts'
import type { Session } from './session.ts'

export interface Member {
  readonly row: ParticipantRow
  state: Participant
  /** The page it sits at; null while the connection is lost. */
  session: Session | null
  /** The peer that sends and receives for it. */
  peerId: string
  grace: NodeJS.Timeout | null
  /** What its page shows, as it said last. */
  wanted: readonly Wanted[]
}

/** Tiles of a first page, and a height that is soon there on any path. */
const firstTiles = 9
const firstHeight = 360
const screenHeight = 1080

export class Room {
  readonly id: string
  readonly media: Media
  meeting: MeetingRow
  readonly iceCandidatesToFilter: readonly string[]
  readonly members = new Map<string, Member>()
  /** Pages that have not joined. */
  readonly watchers = new Set<Session>()
  /** Participants that phones on their way in will be. */
  readonly arriving = new Set<string>()
  /** By whom those were removed whose page was away, until it is back and hears of it. */
  readonly removed = new Map<string, string | null>()
  readonly #peers = new Map<string, Member>()
  #queue: Promise<unknown> = Promise.resolve()
  /** As those at the door were last told; nothing yet. */
  #toldState: MeetingInfo['state'] | null = null

  constructor(meeting: MeetingRow, iceCandidatesToFilter: readonly string[], media: Media) {
    this.id = meeting.id
    this.meeting = meeting
    this.iceCandidatesToFilter = iceCandidatesToFilter
    this.media = media
  }

  /** One change at a time. */
  serially<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run, run)
    this.#queue = result.catch(() => {})
    return result
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.watchers.size === 0 && this.arriving.size === 0
  }

  info(now: number): MeetingInfo {
    const { meeting } = this
    const { isClosed, isOpen } = phaseOf({ ...meeting, isActive: this.members.size > 0 }, now)
    return {
      meetingId: dashed(meeting.number),
      topic: meeting.topic,
      organizer: nameOf(meeting),
      startTime: meeting.startsAt.toISOString(),
      endTime: meeting.endsAt.toISOString(),
      timezone: meeting.timezone,
      opensAt: new Date(meeting.startsAt.getTime() - earlyMs).toISOString(),
      state: isClosed ? 'closed' : isOpen ? 'open' : 'too_early',
      inside: [...this.members.values()].map((member) => member.state.name),
    }
  }

  participants(): Participant[] {
    return [...this.members.values()].map((member) => member.state)
  }

  /** Everybody inside, but for one. */
  broadcast<E extends 'participant_joined' | 'participant_updated' | 'participant_left' | 'speaker' | 'chat'>(
    event: E,
    params: EventParams<E>,
    except?: Session,
  ): void {
    for (const { session } of this.members.values()) if (session && session !== except) session.tell(event, params)
  }

  /** The time came to open or to close, which no call told. */
  tellIfTurned(now: number): void {
    if (this.watchers.size > 0 && this.info(now).state !== this.#toldState) this.tellWatchers(now)
  }

  /** Its data changed: also whoever is inside reads the new topic. */
  tellMeeting(now: number): void {
    const meeting = this.info(now)
    for (const { session } of this.members.values()) session?.tell('meeting', { meeting })
    this.tellWatchers(now)
  }

  /** Whoever stands at the door sees the present state of the meeting. */
  tellWatchers(now: number): void {
    const meeting = this.info(now)
    this.#toldState = meeting.state
    for (const session of this.watchers) session.tell('meeting', { meeting })
  }

  add(member: Member): void {
    this.members.set(member.row.id, member)
    this.#peers.set(member.peerId, member)
    this.#orderWantedOf(member)
  }

  remove(member: Member): void {
    if (member.grace) clearTimeout(member.grace)
    this.members.delete(member.row.id)
    this.#peers.delete(member.peerId)
  }

  /** The member sits at another page now. */
  moveTo(member: Member, session: Session): void {
    this.#peers.delete(member.peerId)
    member.session = session
    member.peerId = session.peerId
    this.#peers.set(member.peerId, member)
    this.#orderWantedOf(member)
  }

  /** The worker knows peers, pages know participants: a participant at another page is another peer. */
  #orderWantedOf(shown: Member): void {
    for (const member of this.members.values()) {
      if (member.wanted.some(({ participantId }) => participantId === shown.row.id)) this.orderWanted(member)
    }
  }

  /**
   * Until a page says what it shows: what most will. A picture is then on its way before the page has drawn its tiles,
   * which is a round trip earlier.
   */
  firstWanted(exceptId: string): Wanted[] {
    const others = [...this.members.keys()].filter((id) => id !== exceptId).slice(0, firstTiles)
    return others.map((participantId) => ({ participantId, source: 'camera', height: firstHeight }))
  }

  /** A shared screen is what everybody will show, so it is on its way before they have said so. */
  wantScreenOf(sharer: Member): void {
    const screen: Wanted = { participantId: sharer.row.id, source: 'screen', height: screenHeight }
    for (const member of this.members.values()) {
      // M22: a page that shows nothing is hidden, and a phone has no picture.
      if (member === sharer || member.wanted.length === 0) continue
      member.wanted = [screen, ...member.wanted]
      this.orderWanted(member)
    }
  }

  orderWanted(member: Member): void {
    const wanted = member.wanted.flatMap(({ participantId, source, height }) => {
      const shown = this.members.get(participantId)
      return shown ? [{ peerId: shown.peerId, source, height }] : []
    })
    this.media.tell({ type: 'wanted', peerId: member.peerId, wanted })
  }

  update(member: Member, change: Partial<Participant>): void {
    member.state = { ...member.state, ...change }
    this.broadcast('participant_updated', { participant: member.state })
  }

  /** What is off is dropped at the worker, whatever the page sends. */
  orderMute(member: Member): void {
    const { microphone, camera, screen } = member.state
    const sources: Source[] = []
    if (!microphone) sources.push('microphone')
    if (!camera) sources.push('camera')
    if (!screen) sources.push('screen', 'screen_audio')
    this.media.tell({ type: 'mute', peerId: member.peerId, sources })
  }

  tellChat(message: ChatMessage): void {
    const readers = message.to === null ? [...this.members.keys()] : [message.from.id, message.to.id]
    for (const id of new Set(readers)) this.members.get(id)?.session?.tell('chat', { message })
  }

  memberOf(peerId: string): Member | undefined {
    return this.#peers.get(peerId)
  }

  /** Peers' names become participants'. */
  toSlots(slots: readonly SlotState[]): Slot[] {
    return slots.map(({ mid, kind, peerId, source, rtpTimestamp }) => {
      const participantId = peerId === null ? null : (this.#peers.get(peerId)?.row.id ?? null)
      return { mid, kind, participantId, source: participantId === null ? null : source, rtpTimestamp }
    })
  }

  toQuality(report: Extract<Report, { type: 'quality' }>): EventParams<'quality'> {
    const { level, rttMs, uplinkLoss, downlinkLoss, downlinkBps, isServerBusy } = report
    const pausedVideos = report.pausedVideos.flatMap(({ peerId, source }) => {
      const member = this.#peers.get(peerId)
      return member ? [{ participantId: member.row.id, source }] : []
    })
    return { level, rttMs, uplinkLoss, downlinkLoss, downlinkBps, pausedVideos, isServerBusy }
  }
}
