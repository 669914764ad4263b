/**
 * What each `op` of a meeting page does (contract/signalling.ts). One conversation is one WebSocket; the session it
 * speaks for may be older, when the page came back.
 */
import { randomBytes } from 'node:crypto'
import type { ClientOp, OpParams, OpResult, Participant } from '../../contract/signalling.ts'
import { newId } from '../ids.ts'
import { enterMeeting, insertChat, keepMuted, listChat, type ParticipantRow } from '../store/participants.ts'
import { iceServers } from './ice-servers.ts'
import { isHostToken } from './links.ts'
import type { Member, Room } from './room.ts'
import type { Rooms } from './rooms.ts'
import { Session, type Wire } from './session.ts'
import { SignallingError } from './signalling-error.ts'

/** What a resume token says, signed: the place in the meeting and the page that sat there. */
interface Place {
  readonly meetingId: string
  readonly participantId: string
  readonly peerId: string
  readonly isHost: boolean
  readonly name: string
}

const placePurpose = 'meeting place'
const warmLifeMs = 120_000
const mostWarm = 5

const newParticipantId = () => `par_${newId()}`

export class Conversation {
  readonly #rooms: Rooms
  readonly #wire: Wire
  readonly #ip: string
  #session: Session | null = null
  #room: Room | null = null
  #warm: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(rooms: Rooms, wire: Wire, ip: string) {
    this.#rooms = rooms
    this.#wire = wire
    this.#ip = ip
  }

  get session(): Session | null {
    return this.#session
  }

  /** Every op of the contract; forget one and this does not compile. */
  readonly ops: { readonly [O in ClientOp]: (params: OpParams<O>) => Promise<OpResult<O>> } = {
    hello: (params) => this.#hello(params),
    publish: (params) => this.#publish(params),
    subscribe: (params) => this.#subscribe(params),
    answer: (params) => this.#answer(params),
    join: (params) => this.#join(params),
    media: (params) => this.#media(params),
    wanted: (params) => this.#wanted(params),
    chat: (params) => this.#chat(params),
    hand: (params) => this.#hand(params),
    mute: (params) => this.#mute(params),
    remove: (params) => this.#remove(params),
    end: () => this.#end(),
    leave: () => this.#leave(),
    ping: async () => ({}),
  }

  /** The socket is gone. Whoever is inside has 30 s to come back; whoever is not is forgotten. */
  closed(): void {
    this.#isClosed = true
    if (this.#warm) clearTimeout(this.#warm)
    const session = this.#session
    const room = this.#room
    if (!session || !room || session.speaker !== this) return
    session.wire = null
    if (session.isJoined) this.#lost(session, room)
    // It may be joining at this moment: what became of that is known afterwards.
    else void room.serially(async () => this.#lost(session, room))
  }

  #lost(session: Session, room: Room): void {
    if (session.speaker !== this) return // another socket took it over
    const member = room.members.get(session.participantId)
    if (!session.isJoined || member?.session !== session) {
      if (!session.isJoined) this.#rooms.drop(session, room)
      return
    }
    room.update(member, { isConnected: false })
    this.#rooms.startGrace(room, member)
  }

  async #hello(params: OpParams<'hello'>): Promise<OpResult<'hello'>> {
    if (this.#session) throw new SignallingError('bad_frame', 'hello was said already')
    const room = await this.#rooms.openByNumber(params.meetingId)
    if (!room) throw new SignallingError('not_found')
    if (this.#isClosed || this.#session) {
      this.#rooms.forgetIfEmpty(room)
      throw new SignallingError('bad_frame', 'the socket is closed, or hello was said twice')
    }
    const place = this.#readPlace(room, params.resumeToken)
    const { session, isResumed, needsSnapshot } = this.#resume(room, params, place) ?? this.#begin(room, params, place)
    this.#session = session
    this.#room = room
    const member = place && room.members.get(place.participantId)
    const answer = this.#answerHello(room, session, isResumed, member ?? null, place)
    const isRemoved = place !== null && room.removed.has(place.participantId)
    // The answer goes first: the page must know that it is back before it is sent what it missed.
    setImmediate(() => {
      if (isRemoved) this.#tellRemoved(room, session, place.participantId)
      else this.#catchUp(room, session, params, isResumed, needsSnapshot)
    })
    return answer
  }

  /** It would come in again by itself; loaded anew by a person it may. */
  #tellRemoved(room: Room, session: Session, participantId: string): void {
    const by = room.removed.get(participantId) ?? null
    room.removed.delete(participantId)
    this.#rooms.drop(session, room)
    session.bye('removed', by)
  }

  #answerHello(room: Room, session: Session, isResumed: boolean, member: Member | null, place: Place | null) {
    const { config, clock } = this.#rooms.options
    return {
      session: session.id,
      meeting: room.info(clock()),
      role: session.isHost ? ('host' as const) : ('guest' as const),
      iceServers: iceServers(config, session.participantId, clock()),
      iceCandidatesToFilter: [...room.iceCandidatesToFilter],
      isResumed,
      self: member?.state ?? null,
      resumeName: place?.name ?? null,
    }
  }

  #readPlace(room: Room, token: string | undefined): Place | null {
    const text = token === undefined ? null : this.#rooms.options.signer.read(placePurpose, token)
    if (text === null) return null
    const place: Place = JSON.parse(text) // signed by us, so it is what we wrote
    return place.meetingId === room.id ? place : null
  }

  /** The page lives and its socket broke: the same session, also when this process does not know it any more. */
  #resume(room: Room, params: OpParams<'hello'>, place: Place | null) {
    if (params.session === undefined) return null
    const known = this.#rooms.sessions.get(params.session)
    if (known && known.meetingId === room.id) {
      known.wire?.close()
      known.speaker = this
      known.wire = null // until `catchUp`, so that nothing overtakes what it missed
      return { session: known, isResumed: true, needsSnapshot: false }
    }
    const member = place && room.members.get(place.participantId)
    if (!place || !member || member.session || !this.#rooms.isAlive(place.peerId)) return null
    const session = this.#newSession(room, { ...place, id: params.session })
    session.isPeerOpen = true
    session.isJoined = true
    session.name = place.name
    room.moveTo(member, session)
    return { session, isResumed: true, needsSnapshot: true }
  }

  #begin(room: Room, params: OpParams<'hello'>, place: Place | null) {
    const member = place && room.members.get(place.participantId)
    const isHost = place?.isHost || this.#isHost(room, params.hostToken)
    const participantId = member ? member.row.id : newParticipantId()
    const peerId = `${participantId}.${randomBytes(6).toString('hex')}`
    const session = this.#newSession(room, { id: randomBytes(16).toString('hex'), participantId, peerId, isHost })
    session.isComingBack = Boolean(member)
    room.watchers.add(session)
    this.#warm = setTimeout(() => this.#endWarming(), warmLifeMs)
    return { session, isResumed: false, needsSnapshot: false }
  }

  #isHost(room: Room, token: string | undefined): boolean {
    return token !== undefined && isHostToken(this.#rooms.options, room.meeting.number, token)
  }

  #newSession(room: Room, from: { id: string; participantId: string; peerId: string; isHost: boolean }): Session {
    const { id, participantId, peerId, isHost } = from
    const session = new Session({ id, meetingId: room.id, ip: this.#ip, participantId, peerId, isHost })
    session.wire = this.#wire
    session.speaker = this
    this.#rooms.watch(session)
    return session
  }

  /** A page that only looks holds no transport for longer than this (M20); it asks again when it joins. */
  #endWarming(): void {
    const session = this.#session
    if (!session || session.isJoined || !session.isPeerOpen) return
    this.#room?.media.tell({ type: 'leave', peerId: session.peerId })
    session.isPeerOpen = false
    session.tell('media_lost', {})
  }

  #catchUp(room: Room, session: Session, params: OpParams<'hello'>, isResumed: boolean, needsSnapshot: boolean): void {
    if (!isResumed || this.#isClosed) return
    if (this.#rooms.sessions.get(session.id) !== session) return this.#wire.close() // it was lost in between
    session.wire = this.#wire
    const isComplete = !needsSnapshot && session.replay(params.seq ?? 0)
    const member = room.members.get(session.participantId)
    if (member?.session === session) this.#welcomeBack(room, member)
    if (isComplete || member?.session !== session) return
    this.#tellSnapshot(room, session, member).catch((error: unknown) => {
      this.#rooms.options.log.warn({ err: error }, 'a page that missed much could not be told yet')
      this.#wire.close() // it comes back and asks again
    })
  }

  async #tellSnapshot(room: Room, session: Session, member: Member): Promise<void> {
    const chat = await listChat(this.#rooms.options.database, room.id, member.row.id)
    session.tell('snapshot', { self: member.state, participants: room.participants(), chat })
    // What changed at the worker meanwhile: it tells all slots again, and an offer that waits for its answer.
    room.media.tell({ type: 'subscribe', peerId: session.peerId, fresh: false })
  }

  #welcomeBack(room: Room, member: Member): void {
    if (member.grace) clearTimeout(member.grace)
    member.grace = null
    if (!member.state.isConnected) room.update(member, { isConnected: true })
  }

  async #publish({ sdp, sources }: OpParams<'publish'>): Promise<OpResult<'publish'>> {
    const { room, session } = this.#openPeer()
    const report = await room.media.ask({ type: 'publish', peerId: session.peerId, sdp, sources })
    if (report.type === 'published') return { sdp: report.sdp }
    throw new SignallingError('negotiation_failed', report.type === 'refused' ? report.reason : undefined)
  }

  async #subscribe({ fresh }: OpParams<'subscribe'>): Promise<OpResult<'subscribe'>> {
    const { room, session } = this.#openPeer()
    room.media.tell({ type: 'subscribe', peerId: session.peerId, fresh })
    return {}
  }

  async #answer({ revision, sdp }: OpParams<'answer'>): Promise<OpResult<'answer'>> {
    const { room, session } = this.#known()
    if (!session.isPeerOpen) throw new SignallingError('media_unavailable')
    const report = await room.media.ask({ type: 'answer', peerId: session.peerId, revision, sdp })
    if (report.type === 'accepted') return {}
    throw new SignallingError('negotiation_failed', report.type === 'refused' ? report.reason : undefined)
  }

  /** The peer at the worker, made when it must be: while warming, after a worker's death, and for whoever joined first. */
  #openPeer(): { room: Room; session: Session } {
    const { room, session } = this.#known()
    if (!room.media.isUp) throw new SignallingError('media_unavailable')
    if (session.isPeerOpen) return { room, session }
    if (!session.isJoined) this.#refuseWarming(room, session)
    session.isPeerOpen = true
    room.media.tell({ type: 'open_peer', peerId: session.peerId, filter: room.iceCandidatesToFilter })
    const member = room.members.get(session.participantId)
    if (session.isJoined && member?.session === session) this.#enterMedia(room, member)
    return { room, session }
  }

  #refuseWarming(room: Room, session: Session): void {
    const { state } = room.info(this.#rooms.options.clock())
    if (state === 'too_early') throw new SignallingError('too_early')
    if (state === 'closed') throw new SignallingError('closed')
    const warm = [...this.#rooms.sessions.values()].filter(
      (one) => one.ip === session.ip && one.isPeerOpen && !one.isJoined,
    )
    if (warm.length >= mostWarm) throw new SignallingError('too_many')
  }

  #enterMedia(room: Room, member: Member): void {
    room.media.tell({ type: 'join', peerId: member.peerId, roomId: room.id })
    room.orderMute(member)
    room.orderWanted(member)
  }

  async #join(params: OpParams<'join'>): Promise<OpResult<'join'>> {
    const { room, session } = this.#known()
    return room.serially(async () => {
      const known = room.members.get(session.participantId)
      if (known?.session === session && session.isJoined) {
        room.update(known, { microphone: params.microphone, camera: params.camera })
        room.orderMute(known)
        return this.#answerJoin(room, session, known)
      }
      // Whoever has left does not come in again as the same: that one's row, events and leaving are told.
      if (!known && session.isComingBack) session.participantId = newParticipantId()
      const member = known ? this.#takePlace(room, session, known, params) : await this.#enter(room, session, params)
      session.isJoined = true
      session.name = member.state.name
      room.watchers.delete(session)
      if (this.#warm) clearTimeout(this.#warm)
      if (session.isPeerOpen) this.#enterMedia(room, member)
      return this.#answerJoin(room, session, member)
    })
  }

  /** A reload: the same participant at another page. */
  #takePlace(room: Room, session: Session, member: Member, params: OpParams<'join'>): Member {
    const before = member.session
    if (before && before !== session) {
      this.#rooms.drop(before, room)
      before.bye('replaced', null)
    } else if (!before) {
      room.media.tell({ type: 'leave', peerId: member.peerId })
    }
    member.wanted = room.firstWanted(member.row.id)
    room.moveTo(member, session)
    this.#welcomeBack(room, member)
    const { microphone, camera } = params
    room.update(member, { microphone, camera, screen: false, isConnected: true })
    return member
  }

  async #enter(room: Room, session: Session, params: OpParams<'join'>): Promise<Member> {
    const { database, clock, config, links, sequencer } = this.#rooms.options
    const { state } = room.info(clock())
    if (state === 'too_early') throw new SignallingError('too_early')
    if (state === 'closed') throw new SignallingError('closed')
    if (room.members.size >= config.participants) {
      throw new SignallingError('full', `The meeting may have ${config.participants} participants.`)
    }
    const role = session.isHost ? 'host' : 'guest'
    const now = new Date(clock())
    const row: ParticipantRow = {
      id: session.participantId,
      meetingId: room.id,
      name: params.name,
      email: params.email ?? null,
      role,
      phone: null,
      joinedAt: now,
      leftAt: null,
      isMuted: false,
    }
    const meeting = await enterMeeting(database, links, row, now)
    if (!meeting) throw new SignallingError('closed')
    sequencer.poke()
    room.meeting = meeting
    const state_: Participant = {
      id: row.id,
      name: row.name,
      role,
      phone: null,
      microphone: params.microphone,
      camera: params.camera,
      screen: false,
      handRaisedAt: null,
      isConnected: true,
      joinedAt: now.toISOString(),
    }
    const member: Member = {
      row,
      state: state_,
      session,
      peerId: session.peerId,
      grace: null,
      wanted: room.firstWanted(row.id),
    }
    room.add(member)
    room.broadcast('participant_joined', { participant: member.state }, session)
    room.watchers.delete(session)
    room.tellWatchers(clock())
    return member
  }

  async #answerJoin(room: Room, session: Session, member: Member): Promise<OpResult<'join'>> {
    const { database, signer } = this.#rooms.options
    const place: Place = {
      meetingId: room.id,
      participantId: member.row.id,
      peerId: session.peerId,
      isHost: session.isHost,
      name: member.state.name,
    }
    const chat = await listChat(database, room.id, member.row.id)
    // Read last: the page was told of what changed until now, and this takes the place of it.
    return {
      self: member.state,
      resumeToken: signer.sign(placePurpose, JSON.stringify(place)),
      participants: room.participants(),
      chat,
    }
  }

  async #media(params: OpParams<'media'>): Promise<OpResult<'media'>> {
    const { room, member } = this.#inside()
    const isNewScreen = params.screen && !member.state.screen
    room.update(member, params)
    room.orderMute(member)
    if (isNewScreen) room.wantScreenOf(member)
    return {}
  }

  async #wanted({ wanted }: OpParams<'wanted'>): Promise<OpResult<'wanted'>> {
    const { room, member } = this.#inside()
    member.wanted = wanted
    room.orderWanted(member)
    return {}
  }

  async #chat({ text, to }: OpParams<'chat'>): Promise<OpResult<'chat'>> {
    const { room, member } = this.#inside()
    const reader = to === undefined ? null : room.members.get(to)
    if (reader === undefined) throw new SignallingError('unknown_participant')
    const { database, clock } = this.#rooms.options
    const draft = {
      from: { id: member.row.id, name: member.state.name },
      to: reader && { id: reader.row.id, name: reader.state.name },
      text,
      sentAt: new Date(clock()).toISOString(),
    }
    const message = { ...draft, id: await insertChat(database, room.id, draft) }
    room.tellChat(message)
    return { message }
  }

  async #hand({ raised }: OpParams<'hand'>): Promise<OpResult<'hand'>> {
    const { room, member } = this.#inside()
    const isUp = member.state.handRaisedAt !== null
    if (isUp !== raised) {
      const now = new Date(this.#rooms.options.clock()).toISOString()
      room.update(member, { handRaisedAt: raised ? now : null })
    }
    return {}
  }

  async #mute({ participantId, muted = true }: OpParams<'mute'>): Promise<OpResult<'mute'>> {
    const { room, member, target } = this.#asHost(participantId)
    if (!muted && target.row.phone === null) {
      throw new SignallingError('not_allowed', 'Only its owner can switch a microphone on again.')
    }
    if (target.state.microphone !== muted) return {}
    if (target.row.phone !== null) {
      await room.serially(() => keepMuted(this.#rooms.options.database, participantId, muted))
      // It left meanwhile, or another host was faster.
      if (room.members.get(participantId) !== target || target.state.microphone !== muted) return {}
    }
    room.update(target, { microphone: !muted })
    room.orderMute(target)
    if (muted) target.session?.tell('muted', { by: member.state.name })
    return {}
  }

  async #remove({ participantId }: OpParams<'remove'>): Promise<OpResult<'remove'>> {
    const { room, member, target } = this.#asHost(participantId)
    await this.#rooms.leave(room, target, 'removed', member.state.name)
    return {}
  }

  async #end(): Promise<OpResult<'end'>> {
    const { room, member } = this.#inside()
    if (member.state.role !== 'host') throw new SignallingError('not_allowed')
    // The answer first, then the end that closes this socket too.
    setImmediate(() => void this.#rooms.end(room, member))
    return {}
  }

  async #leave(): Promise<OpResult<'leave'>> {
    const { room, session } = this.#known()
    // It may be joining at this moment.
    const member = await room.serially(async () => room.members.get(session.participantId))
    if (member?.session === session) await this.#rooms.leave(room, member, 'left')
    else this.#rooms.drop(session, room)
    setImmediate(() => session.bye('left', null))
    return {}
  }

  #known(): { room: Room; session: Session } {
    const [session, room] = [this.#session, this.#room]
    if (!session || !room) throw new SignallingError('bad_frame', 'say hello first')
    // Put out: what was on its way meanwhile changes nothing.
    if (this.#rooms.sessions.get(session.id) !== session) throw new SignallingError('not_joined')
    return { room, session }
  }

  #inside(): { room: Room; session: Session; member: Member } {
    const { room, session } = this.#known()
    const member = room.members.get(session.participantId)
    if (member?.session !== session) throw new SignallingError('not_joined')
    return { room, session, member }
  }

  #asHost(participantId: string): { room: Room; member: Member; target: Member } {
    const { room, member } = this.#inside()
    if (member.state.role !== 'host') throw new SignallingError('not_allowed')
    const target = room.members.get(participantId)
    if (!target) throw new SignallingError('unknown_participant')
    return { room, member, target }
  }
}
