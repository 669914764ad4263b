/**
 * Phones in meetings (M8). The voice process says which legs take part in which meeting, all of them each time; what
 * differs from who is inside comes in or leaves. So neither a restart of voice nor one of this process loses anybody or
 * leaves anybody behind.
 *
 * The other way round, a phone that is removed, or whose meeting ends, is hung up by voice.
 */
import type { MeetingLink } from '../../engine/call/command.ts'
import { type MeetingPhone, phonePeerId } from '../../engine/call/meeting-phone.ts'
import type { Participant } from '../../contract/signalling.ts'
import { newId } from '../ids.ts'
import { enterMeeting, type ParticipantRow } from '../store/participants.ts'
import { maskNumber, nameOfPhone } from './phone-names.ts'
import type { Member, Room } from './room.ts'
import type { Rooms } from './rooms.ts'

const idLength = 24

/** Why a phone cannot come in. */
export type Refusal = 'not_found' | 'too_early' | 'closed' | 'full'

export class MeetingPhones {
  readonly #rooms: Rooms
  #present: ReadonlyMap<string, MeetingPhone> = new Map()
  #waiting: readonly MeetingPhone[] | null = null
  #isStarted = false

  constructor(rooms: Rooms) {
    this.#rooms = rooms
  }

  /** Those of the process before are inside: what voice said meanwhile is looked at now. */
  start(): void {
    this.#isStarted = true
    if (this.#waiting) this.sync(this.#waiting)
    this.#waiting = null
  }

  /** A place for a phone; nothing of it is kept. `accountId`: whose meeting it must be; `meetingId`: or its number. */
  async invite(accountId: string, meetingId: string): Promise<MeetingLink | Refusal> {
    const isId = meetingId.length === idLength
    const room = isId ? await this.#rooms.open(meetingId) : await this.#rooms.openByNumber(meetingId)
    if (!room || room.meeting.accountId !== accountId) {
      this.#rooms.forgetIfEmpty(room)
      return 'not_found'
    }
    const refusal = this.#refusal(room)
    this.#rooms.forgetIfEmpty(room)
    if (refusal) return refusal
    const { number, topic } = room.meeting
    return { meetingId: room.id, participantId: `par_${newId()}`, number, topic, worker: this.#rooms.workerOf(room) }
  }

  #refusal(room: Room): Refusal | null {
    const { clock, config } = this.#rooms.options
    const { state } = room.info(clock())
    if (state === 'too_early' || state === 'closed') return state
    return room.members.size >= config.participants ? 'full' : null
  }

  /** All that voice has now. */
  sync(phones: readonly MeetingPhone[]): void {
    if (!this.#isStarted) {
      this.#waiting = phones
      return
    }
    const before = this.#present
    this.#present = new Map(phones.map((phone) => [phone.participantId, phone]))
    for (const phone of phones) {
      if (!before.has(phone.participantId)) this.#inBackground(this.#enterOrHangUp(phone))
    }
    for (const { meetingId, participantId } of before.values()) this.#leaveIfGone(meetingId, participantId)
    for (const { room, member } of this.#rooms.phones()) this.#leaveIfGone(room.id, member.row.id)
  }

  /** Its calls live on; they are back with it, or it was too long. */
  voiceLost(): void {
    this.#present = new Map()
    for (const { room, member } of this.#rooms.phones()) {
      if (member.grace) continue
      room.update(member, { isConnected: false })
      this.#rooms.startGrace(room, member)
    }
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#rooms.options.log.error({ err: error }, 'a phone could not enter its meeting'))
  }

  /** One that cannot come in would wait in silence. */
  async #enterOrHangUp(phone: MeetingPhone): Promise<void> {
    try {
      await this.#enter(phone)
    } catch (error) {
      this.#rooms.options.dropPhone(phone.participantId)
      throw error
    }
  }

  async #enter(phone: MeetingPhone): Promise<void> {
    const room = await this.#rooms.open(phone.meetingId)
    const isIn = room && (await this.#enterThrough(room, phone))
    // Its meeting ended while it was on its way.
    if (!isIn) this.#rooms.options.dropPhone(phone.participantId)
  }

  /** Whoever is invited or leaves meanwhile does not have the room forgotten. */
  async #enterThrough(room: Room, phone: MeetingPhone): Promise<boolean> {
    room.arriving.add(phone.participantId)
    try {
      return await room.serially(() => this.#enterRoom(room, phone))
    } finally {
      room.arriving.delete(phone.participantId)
      this.#rooms.forgetIfEmpty(room)
    }
  }

  async #enterRoom(room: Room, phone: MeetingPhone): Promise<boolean> {
    if (!this.#present.has(phone.participantId)) return true
    const known = room.members.get(phone.participantId)
    if (known) return this.#welcomeBack(room, known)
    if (this.#refusal(room) !== null) return false
    const { database, links, sequencer, clock } = this.#rooms.options
    const now = new Date(clock())
    const row: ParticipantRow = {
      id: phone.participantId,
      meetingId: room.id,
      name: nameOfPhone(phone),
      email: null,
      role: 'guest',
      phone: maskNumber(phone.number),
      joinedAt: now,
      leftAt: null,
      isMuted: false,
    }
    const meeting = await enterMeeting(database, links, row, now, phone.command)
    if (!meeting) return false
    sequencer.poke()
    room.meeting = meeting
    const member = phoneMember(row, true)
    room.add(member)
    room.broadcast('participant_joined', { participant: member.state })
    room.tellWatchers(clock())
    openPhone(room, member)
    return true
  }

  #welcomeBack(room: Room, member: Member): boolean {
    if (member.grace) clearTimeout(member.grace)
    member.grace = null
    if (!member.state.isConnected) room.update(member, { isConnected: true })
    openPhone(room, member)
    return true
  }

  /** After whatever is under way there: it may be just coming in. */
  #leaveIfGone(meetingId: string, participantId: string): void {
    if (this.#present.has(participantId)) return
    this.#inBackground(this.#leave(meetingId, participantId))
  }

  async #leave(meetingId: string, participantId: string): Promise<void> {
    const room = await this.#rooms.open(meetingId)
    const member = await room?.serially(async () => room.members.get(participantId))
    if (room && member && !this.#present.has(participantId)) await this.#rooms.leave(room, member, 'left')
    this.#rooms.forgetIfEmpty(room)
  }
}

export function phoneMember(row: ParticipantRow, isConnected: boolean): Member {
  const state: Participant = {
    id: row.id,
    name: row.name,
    role: row.role,
    phone: row.phone,
    microphone: !row.isMuted,
    camera: false,
    screen: false,
    handRaisedAt: null,
    isConnected,
    joinedAt: row.joinedAt.toISOString(),
  }
  return { row, state, session: null, peerId: phonePeerId(row.id), grace: null, wanted: [] }
}

/** Its peer at the worker; nothing where it is there already. */
export function openPhone(room: Room, member: Member): void {
  const { peerId } = member
  room.media.tell({ type: 'open_peer', peerId, filter: [] })
  room.media.tell({ type: 'open_phone', peerId })
  room.media.tell({ type: 'join', peerId, roomId: room.id })
  room.orderMute(member)
}
