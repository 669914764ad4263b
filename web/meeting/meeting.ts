/**
 * One visit to one meeting: from the address to the end. It joins the socket, the media connections and the devices,
 * and keeps the state that the page shows. It knows nothing of React, and starts before React is loaded.
 */
import type {
  EventParams,
  MeetingInfo,
  OpParams,
  OpResult,
  Participant,
  ServerEvent,
  Wanted,
} from '../../contract/signalling.ts'
import { type DeviceKind, type DeviceProblem, Devices, type DevicesState } from './devices.ts'
import { gridOf } from './layout.ts'
import { MeetingMedia } from './meeting-media.ts'
import { initialState, type MeetingState, type NewNotice } from './meeting-state.ts'
import type { Parameters } from './parameters.ts'
import { type Place, readPlace, readPreferences, remember, rememberPlace } from './preferences.ts'
import { pageLength, Seating } from './seating.ts'
import { SignallingClient, SignallingFault } from './signalling-client.ts'
import { Store } from './store.ts'

const seatingMs = 500
const keptNotices = 8
const wantedPauseMs = 150
const shareFrameRate = 15
const joinAgainMs = 1_000
const kinds = ['microphone', 'camera'] as const

export class Meeting {
  readonly store = new Store<MeetingState>(initialState)
  readonly parameters: Parameters
  readonly devices: Devices
  readonly #client: SignallingClient
  readonly #media: MeetingMedia
  readonly #seating = new Seating()
  #place: Place | null
  /** The person has asked to be inside: also after everything broke. */
  #isJoinIntended: boolean
  /** Asked to be let in, and not answered yet. */
  #isJoining = false
  #joinTimer: ReturnType<typeof setTimeout> | undefined
  #isPointerAmongTiles = false
  #lastNotice = 0
  #wanted: readonly Wanted[] = []
  #sentWanted = ''
  #wantedTimer: ReturnType<typeof setTimeout> | undefined
  #sentFlags = ''
  /** What the person has read of the devices, at the door or inside. */
  readonly #toldProblems: Record<DeviceKind, DeviceProblem | null> = { microphone: null, camera: null }
  #seatingTimer: ReturnType<typeof setInterval> | undefined

  constructor(parameters: Parameters) {
    this.parameters = parameters
    this.#place = readPlace(parameters.meetingId)
    const name = parameters.participantName ?? readPreferences().name
    this.store.set({ name })
    this.#isJoinIntended = parameters.isJoinScreenSkipped && parameters.participantName !== null
    const isPhone = isPhoneLike()
    this.devices = new Devices(isPhone, (devices) => this.#devicesChanged(devices))
    this.#client = new SignallingClient(socketUrl(), {
      helloParams: () => this.#helloParams(),
      opened: (hello) => this.#opened(hello),
      refused: (fault) => this.#refused(fault),
      lost: () => this.store.set({ lostAt: Date.now() }),
      event: (event, params) => this.#on[event](params),
    })
    this.#media = new MeetingMedia(
      this.#client,
      {
        videosChanged: (videos) => this.store.set({ videos }),
        soundBlocked: () => this.store.set({ isSoundBlocked: true }),
        flowing: (hasMedia) => this.store.set({ hasMedia }),
      },
      { sends: this.sends, receives: parameters.direction !== 'sendonly', isPhone },
    )
    this.#media.setSpeaker(readPreferences().speakerId)
  }

  get isJoinIntended(): boolean {
    return this.#isJoinIntended
  }

  /** `receiveonly` asks for no device at all (M21). */
  get sends(): boolean {
    return this.parameters.direction !== 'receiveonly'
  }

  get hasCamera(): boolean {
    return this.sends && this.parameters.layout !== 'collaboration-only'
  }

  get hasChat(): boolean {
    return this.parameters.layout !== 'video-only'
  }

  get canShare(): boolean {
    return (
      this.sends && this.hasChat && navigator.mediaDevices !== undefined && 'getDisplayMedia' in navigator.mediaDevices
    )
  }

  /** For guests: without the fragment that makes a host. */
  get link(): string {
    return `${location.origin}/meet/${this.#state.info?.meetingId ?? this.parameters.meetingId}`
  }

  start(): void {
    this.#client.connect()
    document.addEventListener('visibilitychange', () => this.#sendWanted())
    if (this.sends) {
      const camera = this.hasCamera && (this.#place?.camera ?? true)
      void this.devices.start({ microphone: this.#place?.microphone ?? true, camera })
    }
  }

  get #state(): MeetingState {
    return this.store.get()
  }

  // --- the door ---

  #helloParams(): OpParams<'hello'> {
    const { meetingId, hostToken } = this.parameters
    const resumeToken = this.#place?.resumeToken
    return { meetingId, ...(hostToken && { hostToken: hostToken.slice(0, 512) }), ...(resumeToken && { resumeToken }) }
  }

  #opened(hello: OpResult<'hello'>): void {
    const { meeting, role, isResumed, self, resumeName } = hello
    this.store.set({ info: meeting, role, refusal: null, lostAt: null })
    this.#media.configure(hello)
    if (isResumed) {
      this.#media.resume()
      // The server may have let us in and its answer was lost: asked again it says the same.
      if (this.#isJoining) return void this.join(this.#state.name)
      this.#sentFlags = ''
      this.#sendFlags()
      this.#sentWanted = ''
      this.#sendWanted()
      return
    }
    this.#media.close()
    const isComingBack = this.#isJoinIntended || self !== null
    if (self && resumeName) this.store.set({ name: resumeName })
    if (!isComingBack) {
      this.store.set({ phase: 'lobby' })
      this.#learned(meeting)
    } else void this.join(this.#state.name)
  }

  #refused(fault: SignallingFault): void {
    if (fault.code === 'offline') return
    this.store.set({ refusal: fault.code })
    if (fault.code === 'not_found') this.#stop('over')
  }

  /** What is behind the door. A camera that is for nothing is let go. */
  #learned(info: MeetingInfo): void {
    this.store.set({ info })
    if (this.#state.phase !== 'lobby') return
    if (info.state === 'closed') this.devices.release()
    this.warm()
  }

  /** Connects before the click, while that is allowed; nothing flows yet (M20). */
  warm(): void {
    if (this.#state.phase === 'lobby' && this.#state.info?.state === 'open' && this.#client.isOpen) this.#media.open()
  }

  async join(name: string): Promise<void> {
    clearTimeout(this.#joinTimer)
    if (this.#state.phase === 'lobby') this.#rememberDoor()
    this.#isJoinIntended = true
    this.#isJoining = true
    this.store.set({ phase: this.#state.phase === 'inside' ? 'inside' : 'joining', name, refusal: null })
    const { participantEmail } = this.parameters
    const { microphone, camera } = this.#flags()
    // The transports are asked for in the same breath: none of the three waits for another.
    this.#media.open()
    try {
      const email = participantEmail ? { email: participantEmail } : {}
      const joined = await this.#client.request('join', { name, ...email, microphone, camera })
      this.#sentFlags = JSON.stringify({ microphone, camera, screen: false })
      remember({ name })
      this.#entered(joined)
    } catch (error) {
      this.#notJoined(error)
    }
  }

  #entered({ self, resumeToken, participants, chat }: OpResult<'join'>): void {
    this.#isJoining = false
    if (this.#state.phase === 'over') return // left in the meantime
    this.#place = { resumeToken, microphone: self.microphone, camera: self.camera }
    rememberPlace(this.parameters.meetingId, this.#place)
    this.#setPeople(self, participants)
    this.store.set({ phase: 'inside', chat })
    this.#tellProblems()
    this.#sentWanted = ''
    if (this.#wanted.length === 0) this.#wanted = this.#firstWanted()
    this.#sendWanted()
    this.#sendFlags()
    this.#media.open() // when warming had been refused
    clearInterval(this.#seatingTimer)
    this.#seatingTimer = setInterval(() => this.#look(), seatingMs)
  }

  #notJoined(error: unknown): void {
    if (!(error instanceof SignallingFault)) throw error
    if (this.#state.phase === 'over') return // left in the meantime
    if (error.code === 'offline') return // joins by itself when the socket is back
    if (error.code === 'internal') {
      // The server is not itself, for a moment: who wants to be inside does not have to say so again.
      this.#joinTimer = setTimeout(() => this.#client.isOpen && void this.join(this.#state.name), joinAgainMs)
      return
    }
    this.#isJoining = false
    this.#isJoinIntended = false
    const { info, phase } = this.#state
    this.store.set({ phase: 'lobby', refusal: error.code })
    // Back at the door: what was shared inside is not shared here.
    if (phase === 'inside') {
      clearInterval(this.#seatingTimer)
      void this.stopShare()
      this.#media.close()
    }
    if (info) this.#learned(info)
  }

  // --- what the server tells ---

  readonly #on: { readonly [E in ServerEvent]: (params: EventParams<E>) => void } = {
    offer: (params) => this.#media.offer(params),
    slots: (params) => this.#media.slots(params),
    layers: (params) => this.#media.layers(params),
    quality: (quality) => this.store.set({ quality }),
    speaker: ({ participantIds }) => this.#heard(participantIds),
    participant_joined: ({ participant }) => {
      if (participant.id === this.#state.self?.id) return
      this.#put(participant)
      this.#notice({ kind: 'joined', name: participant.name })
    },
    participant_updated: ({ participant }) => this.#updated(participant),
    participant_left: ({ participantId, reason }) => this.#gone(participantId, reason),
    chat: ({ message }) => {
      const { chat, self } = this.#state
      if (chat.some(({ id }) => id === message.id)) return
      this.store.set({ chat: [...chat, message] })
      if (message.from.id === self?.id) return
      this.#notice({ kind: 'chat', name: message.from.name, text: message.text, isPrivate: message.to !== null })
    },
    muted: ({ by }) => {
      this.devices.switchOff('microphone')
      this.#notice({ kind: 'muted', name: by })
    },
    media_lost: () => {
      // A page that only looks is not connected again until the person stirs (M20).
      if (this.#state.phase === 'lobby') this.#media.close()
      else this.#media.reopen()
    },
    snapshot: ({ self, participants, chat }) => {
      this.#setPeople(self, participants)
      this.store.set({ chat })
    },
    meeting: ({ meeting }) => this.#learned(meeting),
    bye: (ending) => {
      if (ending.reason === 'shutdown') return // it is back in a moment, and so are we
      this.store.set({ ending })
      this.#stop('over')
    },
  }

  #setPeople(self: Participant, participants: readonly Participant[]): void {
    const others = new Map(participants.filter(({ id }) => id !== self.id).map((one) => [one.id, one]))
    this.#seating.setPeople([...others.keys()])
    this.store.set({ self, others, order: this.#seating.order })
  }

  #put(participant: Participant): void {
    const others = new Map(this.#state.others).set(participant.id, participant)
    this.#seating.setPeople([...others.keys()])
    this.store.set({ others, order: this.#seating.order })
  }

  #updated(participant: Participant): void {
    if (participant.id === this.#state.self?.id) return this.store.set({ self: participant })
    const before = this.#state.others.get(participant.id)
    this.#put(participant)
    const { name } = participant
    if (participant.handRaisedAt !== null && before?.handRaisedAt === null) this.#notice({ kind: 'hand', name })
    if (participant.screen && before?.screen === false) this.#notice({ kind: 'sharing', name })
    if (!participant.screen && before?.screen === true) this.#notice({ kind: 'sharing_ended', name })
  }

  #gone(id: string, reason: EventParams<'participant_left'>['reason']): void {
    const participant = this.#state.others.get(id)
    const others = new Map(this.#state.others)
    others.delete(id)
    this.#seating.setPeople([...others.keys()])
    this.store.set({ others, order: this.#seating.order })
    if (participant) this.#notice({ kind: reason === 'removed' ? 'removed' : 'left', name: participant.name })
  }

  #heard(speakers: readonly string[]): void {
    this.#seating.hear(speakers, performance.now(), this.#isPointerAmongTiles)
    this.store.set({ speakers, order: this.#seating.order })
  }

  #look(): void {
    if (this.#seating.look(performance.now(), this.#isPointerAmongTiles)) this.store.set({ order: this.#seating.order })
  }

  setSeats(count: number): void {
    this.#seating.visible = count
  }

  setPointerAmongTiles(isThere: boolean): void {
    this.#isPointerAmongTiles = isThere
  }

  #notice(notice: NewNotice): void {
    this.#lastNotice += 1
    this.store.set({ notices: [...this.#state.notices, { ...notice, id: this.#lastNotice }].slice(-keptNotices) })
  }

  dismissNotice(id: number): void {
    this.store.set({ notices: this.#state.notices.filter((notice) => notice.id !== id) })
  }

  // --- what I send ---

  #devicesChanged(devices: DevicesState): void {
    this.store.set({ devices })
    this.#media.setTrack('microphone', devices.microphone.track)
    this.#media.setTrack('camera', devices.camera.track)
    if (this.#state.phase !== 'inside') return
    this.#sendFlags()
    this.#tellProblems()
  }

  /** The door tells of one: of the camera first (preview.tsx). */
  #rememberDoor(): void {
    const { camera, microphone } = this.#state.devices
    this.#toldProblems.camera = camera.problem
    const isTold = camera.problem === null || camera.problem === microphone.problem
    this.#toldProblems.microphone = isTold ? microphone.problem : null
  }

  /** Who comes in without seeing the door reads of a device that failed meanwhile when inside. */
  #tellProblems(): void {
    for (const device of kinds) {
      const { problem } = this.#state.devices[device]
      if (problem && problem !== this.#toldProblems[device]) this.#notice({ kind: 'device', device, problem })
      this.#toldProblems[device] = problem
    }
  }

  toggle(kind: DeviceKind): void {
    if (this.#state.devices[kind].isOn) this.devices.switchOff(kind)
    else void this.devices.switchOn(kind)
  }

  /** What it sends and shows is the server's to know; while it asks to be let in again, that waits for the answer. */
  get #isHeard(): boolean {
    return this.#state.phase === 'inside' && this.#client.isOpen && !this.#isJoining
  }

  #flags() {
    const { devices, screen } = this.#state
    const isSent = (kind: DeviceKind) => devices[kind].isOn && devices[kind].track !== null
    return { microphone: isSent('microphone'), camera: isSent('camera'), screen: screen !== null }
  }

  #sendFlags(): void {
    const flags = this.#flags()
    const text = JSON.stringify(flags)
    if (!this.#isHeard || text === this.#sentFlags) return
    this.#sentFlags = text
    if (this.#place) {
      this.#place = { ...this.#place, microphone: flags.microphone, camera: flags.camera }
      rememberPlace(this.parameters.meetingId, this.#place)
    }
    this.#ask(this.#client.request('media', flags))
  }

  async startShare(): Promise<void> {
    try {
      const video = { frameRate: { max: shareFrameRate } }
      const chosen = navigator.mediaDevices.getDisplayMedia({ video, audio: true })
      this.#media.prepareScreen()
      const screen = await chosen
      // Over while the person chose: nothing is captured any more.
      if (this.#state.phase !== 'inside') for (const one of screen.getTracks()) one.stop()
      const [track] = screen.getVideoTracks()
      if (!track || this.#state.phase !== 'inside') return
      // Text stays sharp; smoothness is what gives way.
      track.contentHint = 'detail'
      track.addEventListener('ended', () => void this.stopShare())
      this.store.set({ screen })
      const isSent = this.#media.setScreen(track, screen.getAudioTracks()[0] ?? null)
      this.#sendFlags() // the others make room for it meanwhile
      await isSent
    } catch (error) {
      // Closing the browser's own dialog is an answer, not a fault.
      if (error instanceof Error && error.name === 'NotAllowedError') return
      await this.stopShare()
      this.#notice({ kind: 'share_failed' })
    }
  }

  async stopShare(): Promise<void> {
    const { screen } = this.#state
    if (!screen) return
    for (const track of screen.getTracks()) track.stop()
    this.store.set({ screen: null })
    this.#sendFlags()
    await this.#media.setScreen(null, null).catch(() => {})
  }

  setHand(raised: boolean): void {
    this.#ask(this.#client.request('hand', { raised }))
  }

  /** False: it was not sent, and the words are still the writer's. */
  async say(text: string, to: string | null): Promise<boolean> {
    try {
      const { message } = await this.#client.request('chat', { text, ...(to !== null && { to }) })
      this.#on.chat({ message })
      return true
    } catch {
      this.#notice({ kind: 'not_sent' })
      return false
    }
  }

  /** `muted` false: of a phone, which has no switch of its own. */
  mute(participantId: string, muted = true): void {
    this.#ask(this.#client.request('mute', { participantId, muted }))
  }

  remove(participantId: string): void {
    this.#ask(this.#client.request('remove', { participantId }))
  }

  end(): void {
    this.#ask(this.#client.request('end', {}))
  }

  #ask(answer: Promise<unknown>): void {
    answer.catch((error) => {
      if (!(error instanceof SignallingFault)) throw error
      // What I send is told again when the socket is back; what I asked of others is the person's to repeat.
      if (error.code !== 'offline') this.#notice({ kind: 'not_sent' })
    })
  }

  // --- what I see and hear ---

  /** What the page shows now, and how large. What is new is asked for at once, sizes when they have settled. */
  show(wanted: readonly Wanted[]): void {
    const known = new Set(this.#wanted.map(({ participantId, source }) => participantId + source))
    const hasNew = wanted.some(({ participantId, source }) => !known.has(participantId + source))
    this.#wanted = wanted
    clearTimeout(this.#wantedTimer)
    if (hasNew) this.#sendWanted()
    else this.#wantedTimer = setTimeout(() => this.#sendWanted(), wantedPauseMs)
  }

  #sendWanted(): void {
    if (!this.#isHeard || this.parameters.direction === 'sendonly') return
    const isHidden = document.visibilityState === 'hidden'
    const wanted = isHidden ? [] : [...this.#wanted]
    const text = JSON.stringify(wanted)
    if (text === this.#sentWanted) return
    this.#sentWanted = text
    this.#ask(this.#client.request('wanted', { wanted }))
  }

  /** Before the page has drawn its tiles: what they will be. */
  #firstWanted(): Wanted[] {
    if (this.parameters.layout === 'collaboration-only') return []
    const seen = this.#seating.order.slice(0, pageLength)
    const boxes = gridOf(seen.length, { width: window.innerWidth, height: window.innerHeight - 120 })
    return seen.map((participantId, index) => {
      const height = Math.round((boxes[index]?.height ?? 180) * window.devicePixelRatio)
      return { participantId, source: 'camera', height }
    })
  }

  setSpeaker(deviceId: string): void {
    remember({ speakerId: deviceId })
    this.#media.setSpeaker(deviceId)
  }

  hear(): void {
    this.store.set({ isSoundBlocked: false })
    this.#media.playAll()
  }

  // --- the end ---

  async leave(): Promise<void> {
    this.store.set({ ending: { reason: 'left', by: null } })
    const said = this.#client.request('leave', {}).catch(() => {})
    this.#stop('leaving')
    await said
    this.#client.stop()
  }

  /** Lights off, connections closed, nothing remembered of the place (M23). */
  #stop(how: 'over' | 'leaving'): void {
    clearInterval(this.#seatingTimer)
    clearTimeout(this.#wantedTimer)
    clearTimeout(this.#joinTimer)
    this.#place = null
    rememberPlace(this.parameters.meetingId, null)
    for (const track of this.#state.screen?.getTracks() ?? []) track.stop()
    this.devices.stop()
    this.#media.close(true)
    this.store.set({ phase: 'over', screen: null })
    if (how === 'over') this.#client.stop()
  }
}

const socketUrl = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/meet/socket`

const isPhoneLike = () => matchMedia('(pointer: coarse) and (max-width: 900px)').matches
