/**
 * This person's microphone and camera. Each is on, off, or cannot be had for a reason that has words; nothing here ever
 * waits for the other, and nothing in the meeting waits for either (M22).
 *
 * A microphone that is muted keeps its track, so that speaking again is instant. A camera that is off is released: its
 * light is the only thing that people trust.
 */
import { readPreferences, remember } from './preferences.ts'

export type DeviceKind = 'microphone' | 'camera'
export type DeviceProblem = 'denied' | 'missing' | 'in_use' | 'overconstrained' | 'unplugged' | 'insecure' | 'failed'

export interface DeviceState {
  readonly isOn: boolean
  readonly isStarting: boolean
  readonly track: MediaStreamTrack | null
  readonly problem: DeviceProblem | null
}

export interface DevicesState {
  readonly microphone: DeviceState
  readonly camera: DeviceState
  readonly choices: readonly MediaDeviceInfo[]
}

const off: DeviceState = { isOn: false, isStarting: false, track: null, problem: null }

export class Devices {
  #state: DevicesState = { microphone: off, camera: off, choices: [] }
  readonly #changed: (state: DevicesState) => void
  readonly #isPhone: boolean
  readonly #unlisten = new AbortController()
  /** Counts what was asked of each, so that an answer that comes too late is thrown away. */
  readonly #asked = { microphone: 0, camera: 0 }

  constructor(isPhone: boolean, changed: (state: DevicesState) => void) {
    this.#isPhone = isPhone
    this.#changed = changed
    const { signal } = this.#unlisten
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#devicesChanged(), { signal })
    document.addEventListener('visibilitychange', () => this.#cameBack(), { signal })
  }

  get state(): DevicesState {
    return this.#state
  }

  /** Both with one question to the person; what one lacks does not take the other. */
  async start(wanted: { readonly microphone: boolean; readonly camera: boolean }): Promise<void> {
    const kinds = (['microphone', 'camera'] as const).filter((kind) => wanted[kind])
    if (kinds.length < 2) return void (await Promise.all(kinds.map((kind) => this.switchOn(kind))))
    const turns = kinds.map((kind) => [kind, this.#begin(kind)] as const)
    try {
      const stream = await this.#open({ audio: this.#constraints('microphone'), video: this.#constraints('camera') })
      for (const [kind, turn] of turns) this.#got(kind, turn, stream)
      await this.#readChoices()
    } catch {
      // Which of the two it was, asking for each tells; what was switched off meanwhile stays off.
      const wished = turns.filter(([kind, turn]) => turn === this.#asked[kind])
      await Promise.all(wished.map(([kind]) => this.switchOn(kind)))
    }
  }

  async switchOn(kind: DeviceKind): Promise<void> {
    const { track } = this.#state[kind]
    if (track?.readyState === 'live') {
      track.enabled = true
      return this.#set(kind, { isOn: true, problem: null })
    }
    const turn = this.#begin(kind)
    try {
      const constraints = this.#constraints(kind)
      this.#got(kind, turn, await this.#open(kind === 'microphone' ? { audio: constraints } : { video: constraints }))
      await this.#readChoices()
    } catch (error) {
      if (turn === this.#asked[kind])
        this.#set(kind, { isOn: false, isStarting: false, track: null, problem: toProblem(error) })
    }
  }

  switchOff(kind: DeviceKind): void {
    this.#asked[kind] += 1
    const { track } = this.#state[kind]
    if (kind === 'microphone' && track?.readyState === 'live') {
      track.enabled = false
      return this.#set(kind, { isOn: false, isStarting: false })
    }
    this.#release(kind)
    this.#set(kind, { isOn: false, isStarting: false, track: null })
  }

  /** Another device of the same kind; what was off stays off. */
  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    remember(kind === 'microphone' ? { microphoneId: deviceId } : { cameraId: deviceId })
    const { isOn } = this.#state[kind]
    this.#release(kind)
    this.#set(kind, { track: null })
    if (isOn) await this.switchOn(kind)
  }

  /** Everything is let go: no light stays on (M23). */
  stop(): void {
    this.#unlisten.abort()
    this.release()
  }

  /** As `stop`, and a click starts them again. */
  release(): void {
    for (const kind of ['microphone', 'camera'] as const) {
      this.#asked[kind] += 1
      this.#release(kind)
      this.#set(kind, off)
    }
  }

  #begin(kind: DeviceKind): number {
    this.#asked[kind] += 1
    this.#set(kind, { isOn: true, isStarting: true, problem: null })
    return this.#asked[kind]
  }

  async #open(constraints: MediaStreamConstraints): Promise<MediaStream> {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException('not a secure context', 'SecurityError')
    return navigator.mediaDevices.getUserMedia(constraints)
  }

  #constraints(kind: DeviceKind): MediaTrackConstraints {
    const { microphoneId, cameraId } = readPreferences()
    const deviceId = kind === 'microphone' ? microphoneId : cameraId
    // `ideal`: a device that is not there any more must not keep the others away.
    const which = deviceId === '' ? {} : { deviceId: { ideal: deviceId } }
    if (kind === 'microphone')
      return { ...which, echoCancellation: true, noiseSuppression: true, autoGainControl: true }
    const [width, height] = this.#isPhone ? [640, 360] : [1280, 720]
    return { ...which, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30, max: 30 } }
  }

  #got(kind: DeviceKind, turn: number, stream: MediaStream): void {
    const track = stream.getTracks().find((one) => one.kind === (kind === 'microphone' ? 'audio' : 'video'))
    if (turn !== this.#asked[kind] || !track) return track?.stop()
    this.#release(kind)
    track.addEventListener('ended', () => this.#ended(kind, track))
    if (kind === 'camera') track.contentHint = 'motion'
    this.#set(kind, { isOn: true, isStarting: false, track, problem: null })
  }

  #release(kind: DeviceKind): void {
    this.#state[kind].track?.stop()
  }

  /** Pulled out, or taken by the system: another one of its kind takes over when there is one. */
  async #ended(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    if (this.#state[kind].track !== track) return
    const { isOn } = this.#state[kind]
    this.#set(kind, { track: null, isOn: false })
    if (isOn) await this.switchOn(kind)
    if (this.#state[kind].problem === 'missing') this.#set(kind, { problem: 'unplugged' })
  }

  async #devicesChanged(): Promise<void> {
    await this.#readChoices()
    for (const kind of ['microphone', 'camera'] as const) {
      const { problem } = this.#state[kind]
      const isThere = this.#state.choices.some((one) => one.kind === inputOf(kind))
      if ((problem === 'missing' || problem === 'unplugged') && isThere) this.#set(kind, { problem: null })
    }
  }

  /** A telephone call or sleep ends tracks without a word on some systems. */
  #cameBack(): void {
    if (document.visibilityState !== 'visible') return
    for (const kind of ['microphone', 'camera'] as const) {
      const { isOn, track } = this.#state[kind]
      if (isOn && track?.readyState === 'ended') void this.#ended(kind, track)
    }
  }

  async #readChoices(): Promise<void> {
    const choices = (await navigator.mediaDevices?.enumerateDevices()) ?? []
    // Before permission they have no names and no ids: nothing to choose from.
    this.#state = { ...this.#state, choices: choices.filter(({ deviceId }) => deviceId !== '') }
    this.#changed(this.#state)
  }

  #set(kind: DeviceKind, change: Partial<DeviceState>): void {
    this.#state = { ...this.#state, [kind]: { ...this.#state[kind], ...change } }
    this.#changed(this.#state)
  }
}

export const inputOf = (kind: DeviceKind): MediaDeviceKind => (kind === 'microphone' ? 'audioinput' : 'videoinput')

function toProblem(error: unknown): DeviceProblem {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
      return 'denied'
    case 'NotFoundError':
      return 'missing'
    case 'NotReadableError':
    case 'AbortError':
      return 'in_use'
    case 'OverconstrainedError':
      return 'overconstrained'
    case 'SecurityError':
      return window.isSecureContext ? 'denied' : 'insecure'
    default:
      return 'failed'
  }
}
