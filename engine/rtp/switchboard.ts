/**
 * All endpoints of a media worker: carries out orders, gives them time, and reports. Sockets and files are the driver's
 * (server/media): it is asked to open them and says when they are there.
 */
import { Endpoint, scratchBytes, type Transport } from './endpoint.ts'
import type { EndpointId, MediaOrder, MediaReport, PlaySource, ToneName } from './messages.ts'
import { Mix } from './mix.ts'
import type { Frame } from './mouth.ts'
import type { Opus } from './opus.ts'
import { Recording, type RecordingSink } from './recording.ts'
import { Playback, silentSound, type Sound, soundOf } from './sound.ts'
import type { Aes128 } from './srtp.ts'
import { renderTone } from './tones.ts'

export interface SwitchboardParts {
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly aes: Aes128
  readonly opus: Opus
  /** Of RTCP. */
  readonly cname: string
  /** T27: as long without a packet, and an endpoint that talks has timed out. */
  readonly timeoutMs: number
  /** Binds the port and the next one, then calls `done` with them or with a sentence. */
  readonly open: (endpoint: Endpoint, done: (result: Transport | { readonly reason: string }) => void) => void
  readonly load: (path: string, done: (result: Sound | { readonly reason: string }) => void) => void
  readonly record: (path: string, channels: number) => RecordingSink
  /** Joins it to a meeting; null: parts it from the one where it is. */
  readonly meeting: (endpoint: Endpoint, peer: string | null, nowMs: number) => void
  readonly now: () => number
  readonly report: (report: MediaReport) => void
  /** Ours: the endpoint where it happened is closed, the others go on. */
  readonly fault: (error: unknown) => void
}

/** How often each endpoint is watched. */
const watchMs = 250

/** Not a name that voice gives to a mix. */
const bridgeName = (a: Endpoint, b: Endpoint): string => `bridge\n${a.id}\n${b.id}`

const tick = (endpoint: Endpoint, nowMs: number) => endpoint.tick(nowMs)
const watch = (endpoint: Endpoint, nowMs: number) => endpoint.watch(nowMs)

export class Switchboard {
  readonly #parts: SwitchboardParts
  readonly #endpoints = new Map<EndpointId, Endpoint>()
  /** Those that have something to do at each tick. */
  readonly #active = new Set<Endpoint>()
  readonly #mixes = new Map<string, Mix<Endpoint>>()
  readonly #mixOf = new Map<Endpoint, Mix<Endpoint>>()
  readonly #inMeeting = new Map<Endpoint, string>()
  readonly #scratch = new Uint8Array(scratchBytes)
  /** The file that is being read for an endpoint, or was asked for last. */
  readonly #loading = new Map<EndpointId, string>()
  readonly #tones = new Map<string, Sound>()
  #watchAtMs = 0

  constructor(parts: SwitchboardParts) {
    this.#parts = parts
  }

  endpoints(): { readonly endpoint: EndpointId; readonly port: number; readonly address: string }[] {
    return [...this.#endpoints.values()].map(({ id, port, address }) => ({ endpoint: id, port, address }))
  }

  handle(order: MediaOrder, nowMs: number): void {
    if (order.type === 'open') return this.#open(order)
    if (order.type === 'bridge') return this.#bridge(order.a, order.b)
    if (order.type === 'mix') return this.#mix(order.mix, order.hears, nowMs)
    const endpoint = this.#endpoints.get(order.endpoint)
    if (!endpoint) return
    switch (order.type) {
      case 'remote':
        endpoint.describe(order.remote, nowMs)
        this.#endTranscoding(endpoint)
        break
      case 'unbridge':
        this.#part(endpoint)
        break
      case 'meeting':
        this.#meet(endpoint, order.peer, nowMs)
        break
      case 'play':
        this.#play(endpoint, order.play, order.source, nowMs)
        break
      case 'stop':
        this.#stop(endpoint)
        break
      case 'record':
        this.#record(endpoint, order, nowMs)
        break
      case 'record_stop':
        this.#endRecording(endpoint, nowMs)
        break
      case 'record_pause':
        endpoint.recording?.pause(order.isPaused, nowMs)
        break
      case 'mute':
        endpoint.isMuted = order.isMuted
        break
      case 'dtmf':
        endpoint.speaker.press(order.digit, order.durationMs, nowMs)
        break
      case 'close':
        return this.#close(endpoint, nowMs)
    }
    this.#active.add(endpoint)
  }

  /** Every 10 ms. */
  tick(nowMs: number): void {
    for (const mix of this.#mixes.values()) mix.tick(nowMs)
    for (const endpoint of this.#active) {
      this.#run(endpoint, nowMs, tick)
      if (endpoint.recording?.isBroken) this.#endRecording(endpoint, nowMs)
      if (!endpoint.recording && !endpoint.speaker.isActive(nowMs)) this.#active.delete(endpoint)
    }
    if (nowMs < this.#watchAtMs) return
    this.#watchAtMs = nowMs + watchMs
    for (const endpoint of this.#endpoints.values()) this.#run(endpoint, nowMs, watch)
  }

  /** Something of an endpoint's threw: it ends, and the rest of the worker lives (M9). */
  fault(endpoint: Endpoint, error: unknown): void {
    this.#parts.fault(error)
    if (this.#endpoints.get(endpoint.id) === endpoint) this.#close(endpoint, this.#parts.now())
  }

  #run(endpoint: Endpoint, nowMs: number, run: (endpoint: Endpoint, nowMs: number) => void): void {
    try {
      run(endpoint, nowMs)
    } catch (error) {
      this.fault(endpoint, error)
    }
  }

  closeAll(nowMs: number): void {
    for (const endpoint of this.#endpoints.values()) this.#close(endpoint, nowMs)
  }

  /** Again for an endpoint that is there: nothing changes (a voice process that came back). */
  #open({ endpoint: id, port, address }: Extract<MediaOrder, { type: 'open' }>): void {
    const { report, random, aes, opus, cname, timeoutMs } = this.#parts
    const known = this.#endpoints.get(id)
    if (known && (known.port !== port || known.address !== address)) {
      return report({ type: 'open_failed', endpoint: id, message: 'the endpoint is open on another port' })
    }
    if (known) {
      if (known.transport) report({ type: 'opened', endpoint: id })
      return
    }
    const scratch = this.#scratch
    const endpoint = new Endpoint({
      ...{ id, port, address, cname, random, aes, opus, timeoutMs, scratch, report },
      wake: (one) => this.#active.add(one),
      transcode: (one, nowMs) => this.#transcode(one, nowMs),
    })
    this.#endpoints.set(id, endpoint)
    this.#parts.open(endpoint, (result) => this.#opened(endpoint, result))
  }

  #opened(endpoint: Endpoint, result: Transport | { readonly reason: string }): void {
    const { id } = endpoint
    const isWanted = this.#endpoints.get(id) === endpoint
    if ('reason' in result) {
      if (!isWanted) return
      this.#endRecording(endpoint, this.#parts.now())
      this.#forget(endpoint)
      return this.#parts.report({ type: 'open_failed', endpoint: id, message: result.reason })
    }
    if (!isWanted) return result.close()
    endpoint.transport = result
    this.#parts.report({ type: 'opened', endpoint: id })
  }

  #bridge(a: EndpointId, b: EndpointId): void {
    const [first, second] = [this.#endpoints.get(a), this.#endpoints.get(b)]
    if (!first || !second || first === second || first.peer === second) return
    this.#part(first)
    this.#part(second)
    first.bridge(second)
    second.bridge(first)
  }

  #meet(endpoint: Endpoint, peer: string, nowMs: number): void {
    if (this.#inMeeting.get(endpoint) === peer) return
    this.#part(endpoint)
    this.#inMeeting.set(endpoint, peer)
    this.#parts.meeting(endpoint, peer, nowMs)
  }

  /** Out of its bridge, its mix and its meeting. */
  #part(endpoint: Endpoint): void {
    if (this.#inMeeting.delete(endpoint)) this.#parts.meeting(endpoint, null, this.#parts.now())
    const mix = this.#mixOf.get(endpoint)
    const { peer } = endpoint
    if (peer) {
      this.#endTranscoding(endpoint)
      peer.bridge(null)
      endpoint.bridge(null)
    } else if (mix) {
      mix.remove(endpoint)
      this.#mixOf.delete(endpoint)
      if (mix.isEmpty) this.#endMix(mix)
    }
  }

  /** What the other end of its bridge cannot be passed is decoded, and said to it (T22). */
  #transcode(from: Endpoint, nowMs: number): void {
    const to = from.peer
    if (!to) return
    const mix = this.#mixOf.get(from) ?? this.#mixOf.get(to) ?? this.#newMix(bridgeName(from, to), nowMs)
    this.#setMix(mix, new Map([...mix.hears, [to, [from]]]))
  }

  /** Until the next packet that needs it. */
  #endTranscoding(endpoint: Endpoint): void {
    const mix = endpoint.peer && this.#mixOf.get(endpoint)
    if (mix) this.#endMix(mix)
  }

  #mix(name: string, hears: Extract<MediaOrder, { type: 'mix' }>['hears'], nowMs: number): void {
    const known = (ids: readonly EndpointId[]) => new Set(ids.flatMap((id) => this.#endpoints.get(id) ?? []))
    const wanted = new Map(
      Object.entries(hears).flatMap(([id, speakers]) => {
        const listener = this.#endpoints.get(id)
        return listener ? [[listener, [...known(speakers)]] as const] : []
      }),
    )
    const mix = this.#mixes.get(name)
    for (const endpoint of known(Object.entries(hears).flat(2))) {
      if (!mix || this.#mixOf.get(endpoint) !== mix) this.#part(endpoint)
    }
    // Its last member may have been the only one of the mix of before.
    const same = this.#mixes.get(name)
    if (wanted.size > 0) this.#setMix(same ?? this.#newMix(name, nowMs), wanted)
    else if (same) this.#endMix(same)
  }

  #newMix(name: string, nowMs: number): Mix<Endpoint> {
    const mix = new Mix<Endpoint>((endpoint, frame, at) => this.#sayMix(mix, endpoint, frame, at), nowMs)
    this.#mixes.set(name, mix)
    return mix
  }

  #setMix(mix: Mix<Endpoint>, hears: ReadonlyMap<Endpoint, readonly Endpoint[]>): void {
    for (const endpoint of mix.members) this.#mixOf.delete(endpoint)
    mix.set(hears)
    for (const endpoint of mix.members) this.#mixOf.set(endpoint, mix)
  }

  #endMix(mix: Mix<Endpoint>): void {
    this.#setMix(mix, new Map())
    for (const [name, one] of this.#mixes) if (one === mix) this.#mixes.delete(name)
  }

  #sayMix(mix: Mix<Endpoint>, endpoint: Endpoint, frame: Frame, nowMs: number): void {
    try {
      endpoint.say(frame, mix, nowMs)
    } catch (error) {
      this.fault(endpoint, error)
    }
  }

  #play(endpoint: Endpoint, play: string, source: PlaySource, nowMs: number): void {
    this.#stop(endpoint)
    if (source.type === 'silence') return endpoint.speaker.play(new Playback(play, silentSound, true), nowMs)
    if (source.type === 'tone') {
      return endpoint.speaker.play(new Playback(play, this.#tone(source.tone, source.country), true), nowMs)
    }
    const { id } = endpoint
    this.#loading.set(id, play)
    this.#parts.load(source.path, (result) => {
      if (this.#loading.get(id) !== play) return
      this.#loading.delete(id)
      if ('reason' in result) {
        return this.#parts.report({ type: 'played', endpoint: id, play, reason: 'error', message: result.reason })
      }
      endpoint.speaker.play(new Playback(play, result, source.repeat), this.#parts.now())
      this.#active.add(endpoint)
    })
  }

  #tone(name: ToneName, country: string): Sound {
    const key = `${name} ${country}`
    const sound = this.#tones.get(key) ?? soundOf(renderTone(name, country))
    this.#tones.set(key, sound)
    return sound
  }

  #stop(endpoint: Endpoint): void {
    const loading = this.#loading.get(endpoint.id)
    if (loading !== undefined) {
      this.#loading.delete(endpoint.id)
      this.#parts.report({ type: 'played', endpoint: endpoint.id, play: loading, reason: 'stopped' })
    }
    endpoint.speaker.stop()
  }

  #record(endpoint: Endpoint, { path, sides }: Extract<MediaOrder, { type: 'record' }>, nowMs: number): void {
    // A voice process that came back says again what is to be.
    if (endpoint.recording?.path === path) return
    this.#endRecording(endpoint, nowMs)
    const sink = this.#parts.record(path, sides === 'both' ? 2 : 1)
    endpoint.recording = new Recording(path, sides, sink, nowMs)
  }

  #endRecording(endpoint: Endpoint, nowMs: number): void {
    const { recording, id } = endpoint
    if (!recording) return
    endpoint.recording = null
    recording.close(nowMs, (fault) => {
      const { path, durationMs } = recording
      const message = fault === null ? {} : { message: fault }
      this.#parts.report({ type: 'recorded', endpoint: id, path, durationMs, ...message })
    })
  }

  #close(endpoint: Endpoint, nowMs: number): void {
    this.#stop(endpoint)
    this.#endRecording(endpoint, nowMs)
    this.#forget(endpoint)
    this.#parts.report({ type: 'closed', endpoint: endpoint.id, quality: endpoint.close(nowMs) })
  }

  #forget(endpoint: Endpoint): void {
    this.#part(endpoint)
    this.#active.delete(endpoint)
    this.#loading.delete(endpoint.id)
    this.#endpoints.delete(endpoint.id)
  }
}
