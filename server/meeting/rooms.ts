/**
 * All meetings that somebody is in or looks at, in this process: one api process owns them. People, rights, names and
 * chat are here; packets are the media worker's (M4). After a restart whoever was inside is kept for 30 s, and a worker
 * that lived on still forwards.
 */
import type { Transaction } from 'kysely'
import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Actor } from '../../contract/event.ts'
import type { Report } from '../../engine/sfu/messages.ts'
import type { Config } from '../config.ts'
import type { Signer } from '../auth/signing.ts'
import type { Sequencer } from '../events/sequencer.ts'
import { append } from '../events/inbox.ts'
import { undashed } from '../ids.ts'
import { type Database, isDatabaseDown, type Tables } from '../store/database.ts'
import { lockMeeting, type MeetingLinks, type MeetingRow, selectMeetings, toMeetingState } from '../store/meetings.ts'
import {
  endIfOver,
  endMeeting,
  type EndReason,
  findMeetingById,
  leaveMeeting,
  type LeaveReason,
  listExpired,
  listInside,
  listOver,
  lockOpenMeetings,
} from '../store/participants.ts'
import type { Media, MediaEvents } from './media.ts'
import { openPhone, phoneMember } from './phones.ts'
import { type Member, Room } from './room.ts'
import type { Session } from './session.ts'

export interface RoomsOptions {
  readonly config: Config
  readonly database: Database
  readonly log: FastifyBaseLogger
  readonly clock: () => number
  readonly signer: Signer
  readonly sequencer: Pick<Sequencer, 'poke'>
  readonly links: MeetingLinks
  readonly openMedia: (worker: number, events: MediaEvents) => Media
  /** How long a participant whose connection is lost is kept (M6). */
  readonly graceMs: number
  /** Hangs up a phone that is to be in a meeting no more. */
  readonly dropPhone: (participantId: string) => void
}

const everywhere = { accountId: null, userId: null }

export class Rooms {
  readonly options: RoomsOptions
  readonly sessions = new Map<string, Session>()
  readonly #rooms = new Map<string, Room>()
  readonly #peers = new Map<string, Session>()
  readonly #media: readonly Media[]
  readonly #epochs: (string | null)[]
  readonly #alive: ReadonlySet<string>[]
  readonly #strangers: NodeJS.Timeout[] = []

  constructor(options: RoomsOptions) {
    this.options = options
    const workers = Array.from({ length: options.config.mediaWorkers }, (_, index) => index)
    this.#epochs = workers.map(() => null)
    this.#alive = workers.map(() => new Set())
    this.#media = workers.map((worker) =>
      options.openMedia(worker, {
        report: (report) => this.#onReport(report),
        up: (epoch, peers) => this.#onUp(worker, epoch, peers),
        lost: () => this.#onLost(worker),
      }),
    )
  }

  /** Takes over from the process before: its people are inside still, and have 30 s to come back. */
  async restore(): Promise<void> {
    for (const row of await listInside(this.options.database)) {
      const room = await this.open(row.meetingId)
      if (!room) continue
      if (row.phone !== null) {
        const member = phoneMember(row, false)
        room.add(member)
        this.startGrace(room, member)
        continue
      }
      const state = {
        id: row.id,
        name: row.name,
        role: row.role,
        phone: null,
        microphone: false,
        camera: false,
        screen: false,
        handRaisedAt: null,
        isConnected: false,
        joinedAt: row.joinedAt.toISOString(),
      }
      const member: Member = { row, state, session: null, peerId: `${row.id}.unknown`, grace: null, wanted: [] }
      room.add(member)
      this.startGrace(room, member)
    }
  }

  /** The room of a meeting, opened when it must be. Undefined: there is no such meeting. */
  async open(meetingId: string): Promise<Room | undefined> {
    const known = this.#rooms.get(meetingId)
    if (known) return known
    const meeting = await findMeetingById(this.options.database, meetingId)
    return meeting && this.#openRow(meeting)
  }

  async openByNumber(number: string): Promise<Room | undefined> {
    const meeting = await selectMeetings(this.options.database, everywhere)
      .where('meetings.number', '=', undashed(number))
      .executeTakeFirst()
    return meeting && this.#openRow(meeting)
  }

  async #openRow(meeting: MeetingRow): Promise<Room> {
    const account = await this.options.database
      .selectFrom('accounts')
      .select('iceCandidatesToFilter')
      .where('id', '=', meeting.accountId)
      .executeTakeFirst()
    const known = this.#rooms.get(meeting.id)
    if (known) return known
    const room = new Room(meeting, account?.iceCandidatesToFilter ?? [], this.#mediaOf(meeting.id))
    this.#rooms.set(meeting.id, room)
    return room
  }

  /** A meeting lives on one worker. */
  #mediaOf(meetingId: string): Media {
    const index = createHash('sha256').update(meetingId).digest().readUInt32BE(0) % this.#media.length
    const media = this.#media[index]
    if (!media) throw new Error('there is no media worker')
    return media
  }

  workerOf(room: Room): number {
    return this.#media.indexOf(room.media)
  }

  /** All that are inside by telephone. */
  phones(): { readonly room: Room; readonly member: Member }[] {
    return [...this.#rooms.values()].flatMap((room) =>
      [...room.members.values()].flatMap((member) => (member.row.phone === null ? [] : [{ room, member }])),
    )
  }

  watch(session: Session): void {
    this.sessions.set(session.id, session)
    this.#peers.set(session.peerId, session)
  }

  /** The session ends here; its peer is closed. */
  drop(session: Session, room: Room | undefined): void {
    this.sessions.delete(session.id)
    this.#peers.delete(session.peerId)
    room?.watchers.delete(session)
    if (session.isPeerOpen) room?.media.tell({ type: 'leave', peerId: session.peerId })
    session.isPeerOpen = false
    this.forgetIfEmpty(room)
  }

  forgetIfEmpty(room: Room | undefined): void {
    if (room?.isEmpty) this.#rooms.delete(room.id)
  }

  startGrace(room: Room, member: Member): void {
    if (member.grace) clearTimeout(member.grace)
    member.grace = setTimeout(() => void this.leave(room, member, 'lost'), this.options.graceMs)
  }

  /** Out of the meeting, for everybody and for good. `by`: the name of the host who removed it. */
  leave(room: Room, member: Member, reason: LeaveReason, by: string | null = null): Promise<void> {
    return room.serially(async () => {
      if (room.members.get(member.row.id) !== member) return
      const { database, clock, links, sequencer } = this.options
      const hasLeft = await this.#untilStored(async () => {
        // Back while others' changes were stored, which a database that is away holds up.
        if (reason === 'lost' && member.state.isConnected) return false
        await leaveMeeting(database, links, room.id, member.row.id, reason, new Date(clock()))
        return true
      })
      if (!hasLeft) return
      sequencer.poke()
      this.#forget(room, member)
      // Back in the moment in which this was stored: its page begins anew.
      if (reason === 'lost') member.session?.wire?.close()
      if (reason === 'removed') {
        if (!member.session?.wire) room.removed.set(member.row.id, by)
        member.session?.bye('removed', by)
      }
      room.broadcast('participant_left', { participantId: member.row.id, reason })
      room.tellWatchers(clock())
      if (room.members.size === 0) await this.#endIfOver(room)
      this.forgetIfEmpty(room)
    })
  }

  #forget(room: Room, member: Member): void {
    room.remove(member)
    if (member.session) this.drop(member.session, room)
    else room.media.tell({ type: 'leave', peerId: member.peerId })
    if (member.row.phone !== null) this.options.dropPhone(member.row.id)
  }

  async #endIfOver(room: Room): Promise<void> {
    const { database, clock, links, sequencer } = this.options
    if (!(await this.#untilStored(() => endIfOver(database, links, room.id, new Date(clock()))))) return
    sequencer.poke()
    await this.#reload(room)
  }

  /** Ends it for everybody, by a host inside. */
  end(room: Room, by: Member): Promise<void> {
    return room.serially(async () => {
      const { database, clock, links, sequencer } = this.options
      const actor: Actor = { type: 'participant', id: by.row.id }
      const store = async (trx: Transaction<Tables>) => {
        const meeting = await lockMeeting(trx, room.id, everywhere)
        if (meeting) await endMeeting(trx, meeting, { links, reason: 'host', actor, now: new Date(clock()) })
      }
      await this.#untilStored(() => database.transaction().execute(store))
      sequencer.poke()
      await this.#emptyOut(room, by.state.name)
    })
  }

  /** Within the transaction of an API call; `meetingChanged` after its commit tells those inside. */
  async close(
    trx: Transaction<Tables>,
    meeting: MeetingRow,
    ending: { readonly reason: EndReason; readonly actor: Actor },
  ): Promise<void> {
    await endMeeting(trx, meeting, { ...ending, links: this.options.links, now: new Date(this.options.clock()) })
  }

  /** As `close`; which they were, for `settle`. */
  async closeAllOf(
    trx: Transaction<Tables>,
    of: { readonly accountId?: string; readonly userId?: string },
    actor: Actor,
  ): Promise<string[]> {
    const meetings = await lockOpenMeetings(trx, of)
    for (const meeting of meetings) await this.close(trx, meeting, { reason: 'deleted', actor })
    return meetings.map(({ id }) => id)
  }

  /** After the commit of what closed these. */
  settle(meetingIds: readonly string[]): void {
    for (const id of meetingIds) this.meetingChanged(id)
  }

  /** Something about the meeting was changed by the API. */
  meetingChanged(meetingId: string): void {
    const room = this.#rooms.get(meetingId)
    if (!room) return
    void room.serially(async () => {
      const meeting = await this.#untilStored(() => findMeetingById(this.options.database, meetingId))
      if (!meeting || meeting.closedAt !== null) return this.#emptyOut(room, null)
      room.meeting = meeting
      room.tellMeeting(this.options.clock())
    })
  }

  async #emptyOut(room: Room, by: string | null): Promise<void> {
    await this.#reload(room)
    for (const member of [...room.members.values()]) {
      const { session } = member
      this.#forget(room, member)
      session?.bye('ended', by)
    }
    room.media.tell({ type: 'close_room', roomId: room.id })
    this.forgetIfEmpty(room)
  }

  async #reload(room: Room): Promise<void> {
    const meeting = await this.#untilStored(() => findMeetingById(this.options.database, room.id))
    room.meeting = meeting ?? { ...room.meeting, closedAt: new Date(this.options.clock()) }
    room.tellWatchers(this.options.clock())
  }

  /** Every few seconds: ends what is over, also what a process before this one left. */
  async sweep(): Promise<void> {
    const { database, clock, links, sequencer } = this.options
    for (const room of this.#rooms.values()) room.tellIfTurned(clock())
    for (const { id } of await listOver(database, new Date(clock()))) {
      const room = this.#rooms.get(id)
      if (room) await room.serially(() => this.#endIfOver(room))
      else if (await endIfOver(database, links, id, new Date(clock()))) sequencer.poke()
    }
  }

  /** Every hour: deletes what its account does not keep any longer. */
  async deleteExpired(): Promise<number> {
    const { database, clock, links, sequencer } = this.options
    const expired = await listExpired(database, new Date(clock()))
    for (const { id } of expired) {
      await database.transaction().execute(async (trx) => {
        const row = await lockMeeting(trx, id, everywhere)
        if (!row || row.isActive) return
        await append(trx, {
          accountId: row.accountId,
          userId: row.addedByUserId,
          type: 'meeting.cancelled',
          resourceId: row.id,
          resourceSeq: row.resourceSeq + 1,
          actor: { type: 'system', id: null },
          data: { meeting: toMeetingState(row, links), reason: 'expired' },
        })
        await trx.deleteFrom('meetings').where('id', '=', id).execute()
      })
    }
    if (expired.length > 0) sequencer.poke()
    return expired.length
  }

  /** The process ends: pages come back to the next one, so nobody leaves. */
  stop(): void {
    for (const room of this.#rooms.values()) {
      for (const member of room.members.values()) if (member.grace) clearTimeout(member.grace)
    }
    for (const timer of this.#strangers) clearTimeout(timer)
    for (const session of this.sessions.values()) session.wire?.close()
  }

  /** The database may be away, for as long as it likes; who left has left, and what ended has ended. */
  async #untilStored<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await run()
      } catch (error) {
        if (attempt >= 60 && !isDatabaseDown(error)) throw error
        this.options.log.warn({ err: error }, 'a change in a meeting could not be stored yet')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
  }

  /** True for a peer that a worker told us it still has: a page of an earlier process may go on with it. */
  isAlive(peerId: string): boolean {
    return this.#alive.some((peers) => peers.has(peerId))
  }

  #onUp(worker: number, epoch: string, peers: readonly { peerId: string }[]): void {
    const isSame = this.#epochs[worker] === epoch
    this.#epochs[worker] = epoch
    const alive = new Set(peers.map((peer) => peer.peerId))
    this.#alive[worker] = alive
    // Whoever does not come back in time has left, and its peer with it.
    clearTimeout(this.#strangers[worker])
    this.#strangers[worker] = setTimeout(() => this.#dropStrangers(worker), this.options.graceMs)
    if (isSame) return
    for (const session of this.#sessionsOf(worker)) if (!alive.has(session.peerId)) this.#loseMedia(session)
    for (const { room, member } of this.phones()) if (this.workerOf(room) === worker) openPhone(room, member)
  }

  #dropStrangers(worker: number): void {
    for (const peerId of this.#alive[worker] ?? []) {
      const isPhone = [...this.#rooms.values()].some((room) => room.memberOf(peerId)?.row.phone)
      if (!isPhone && !this.#peers.has(peerId)) this.#media[worker]?.tell({ type: 'leave', peerId })
    }
    this.#alive[worker] = new Set()
  }

  #onLost(worker: number): void {
    this.#epochs[worker] = null
    this.#alive[worker] = new Set()
    for (const session of this.#sessionsOf(worker)) this.#loseMedia(session)
  }

  /** Pages whose peer is at that worker. */
  #sessionsOf(worker: number): Session[] {
    return [...this.#peers.values()].filter((session) => {
      const room = this.#rooms.get(session.meetingId)
      return session.isPeerOpen && room !== undefined && this.#media.indexOf(room.media) === worker
    })
  }

  #loseMedia(session: Session): void {
    session.isPeerOpen = false
    session.tell('media_lost', {})
  }

  #onReport(report: Report): void {
    if (report.type === 'speaker') {
      const room = this.#rooms.get(report.roomId)
      const participantIds = report.peerIds.flatMap((peerId) => room?.memberOf(peerId)?.row.id ?? [])
      room?.broadcast('speaker', { participantIds })
      return
    }
    const session = this.#peers.get(report.peerId)
    const room = session && this.#rooms.get(session.meetingId)
    if (!session || !room) return
    switch (report.type) {
      case 'offer':
        return session.tell('offer', { revision: report.revision, sdp: report.sdp })
      case 'slots':
        return session.tell('slots', { slots: room.toSlots(report.slots) })
      case 'quality':
        return session.tell('quality', room.toQuality(report))
      case 'layers':
        return session.tell('layers', { source: report.source, active: [...report.active] })
      case 'closed':
        if (session.isPeerOpen) this.#loseMedia(session)
        return
      case 'pipe':
        this.options.log.debug({ peerId: report.peerId, direction: report.direction, state: report.state }, 'pipe')
        return
      case 'published':
      case 'accepted':
      case 'refused':
        return // answers, which `ask` has taken
    }
  }
}
