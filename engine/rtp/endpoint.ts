/**
 * One endpoint: what comes from its peer is checked, counted, heard (digits, recording) and handed to the endpoint that it
 * is bridged to, which sends it on as its own stream. The way of a packet allocates nothing of ours without SRTP (M5): it
 * is rewritten in the buffer in which it came.
 *
 * Invariant (M9): whatever arrives, nothing throws, and nothing is heard from an address that was not named (T10).
 */
import { byte, isRtcp, read16, read32, RtpPacket, write16 } from '../sfu/rtp.ts'
import { isUnspecified } from '../sdp/sdp.ts'
import { Control, controlBytes } from './control.ts'
import { isLaw, recodeG711, silence } from './g711.ts'
import type { JitterBuffer } from './jitter-buffer.ts'
import { Latch } from './latch.ts'
import type { MediaQuality, MediaReport, RemoteMedia } from './messages.ts'
import type { Mixable } from './mix.ts'
import { type Frame, Mouth } from './mouth.ts'
import type { Opus } from './opus.ts'
import { OutgoingStream } from './outgoing-stream.ts'
import { estimateMos } from './quality.ts'
import { Reception } from './reception.ts'
import type { Recording } from './recording.ts'
import { makeRoutes, type Route } from './routes.ts'
import { Speaker } from './speaker.ts'
import { Ear } from './speech.ts'
import { type Aes128, mostAdded, SrtpReceiver, SrtpSender } from './srtp.ts'
import { type Digit, EventReceiver } from './telephone-event.ts'

/** The sockets of an endpoint. What is sent may be used again as soon as the call returns. */
export interface Transport {
  rtp(bytes: Uint8Array, port: number, address: string): void
  rtcp(bytes: Uint8Array, port: number, address: string): void
  close(): void
}

export interface EndpointParts {
  readonly id: string
  readonly port: number
  readonly address: string
  readonly cname: string
  readonly timeoutMs: number
  readonly random: () => number
  readonly aes: Aes128
  readonly opus: Opus
  /** Of `scratchBytes`, shared by all endpoints. */
  readonly scratch: Uint8Array
  readonly report: (report: MediaReport) => void
  /** It has something to say by itself: ticks are wanted. */
  readonly wake: (endpoint: Endpoint) => void
  /** Its speech comes in a codec that the peer of its bridge does not have, and both are codecs that we know. */
  readonly transcode: (endpoint: Endpoint, nowMs: number) => void
}

export const scratchBytes = 2_048
const largestPacket = scratchBytes - mostAdded

/** One for all: a packet is done with before the next one is read. */
const packet = new RtpPacket()

export class Endpoint implements Mixable {
  readonly id: string
  readonly port: number
  readonly address: string
  readonly latch = new Latch()
  readonly stream: OutgoingStream
  readonly speaker: Speaker
  inlet: JitterBuffer | null = null
  transport: Transport | null = null
  recording: Recording | null = null
  /** What its peer says reaches nobody. Keys that it presses do. */
  isMuted = false
  /** What was no RTP, had no payload type of its description, or a wrong tag. */
  malformed = 0
  readonly #parts: EndpointParts
  readonly #reception = new Reception()
  readonly #ear: Ear
  readonly #mouth: Mouth
  readonly #control: Control
  #remote: RemoteMedia | null = null
  #peer: Endpoint | null = null
  #routes: (Route | undefined)[] = []
  #inletStream = -1
  #events: EventReceiver | null = null
  #receiver: SrtpReceiver | null = null
  #sender: SrtpSender | null = null
  #canSend = false
  #hears = false
  #heardAtMs = 0
  #hasHeard = false

  constructor(parts: EndpointParts) {
    this.#parts = parts
    this.id = parts.id
    this.port = parts.port
    this.address = parts.address
    this.stream = new OutgoingStream(parts.random)
    this.#control = new Control(this.stream, this.#reception, parts.cname, parts.random)
    this.#ear = new Ear(parts.opus)
    const { scratch, opus } = parts
    this.#mouth = new Mouth({
      stream: this.stream,
      scratch,
      opus,
      send: (length, samples, clockRate) => {
        this.recording?.onSent(samples, samples.length, read32(scratch, 4), clockRate)
        this.#transmit(scratch, length)
      },
    })
    this.speaker = new Speaker({
      stream: this.stream,
      scratch,
      mouth: this.#mouth,
      send: (length) => this.#transmit(scratch, length),
      ended: (play, reason, message) =>
        parts.report({
          type: 'played',
          endpoint: parts.id,
          play,
          reason,
          ...(message === undefined ? {} : { message }),
        }),
    })
  }

  get remote(): RemoteMedia | null {
    return this.#remote
  }

  get peer(): Endpoint | null {
    return this.#peer
  }

  /** Both ways; null ends it. The other end is told by whoever joins them. */
  bridge(peer: Endpoint | null): void {
    this.#peer = peer
    this.#reroute()
  }

  describe(remote: RemoteMedia, nowMs: number): void {
    const before = this.#remote
    this.#remote = remote
    this.#canSend =
      (remote.direction === 'sendrecv' || remote.direction === 'sendonly') && !isUnspecified(remote.address)
    this.#hears = remote.direction === 'sendrecv' || remote.direction === 'recvonly'
    this.#heardAtMs = nowMs
    this.latch.signal(remote)
    if (before?.dtmf?.clockRate !== remote.dtmf?.clockRate) {
      this.#events = remote.dtmf && new EventReceiver(remote.dtmf.clockRate)
    }
    this.#useKeys(remote.srtp, before?.srtp ?? null)
    this.#control.start(nowMs)
    this.#mouth.describe(remote)
    this.speaker.describe(remote, nowMs)
    this.#reroute()
    if (this.#peer) this.#peer.#reroute()
  }

  /** Keys that stay keep their counters. */
  #useKeys(srtp: RemoteMedia['srtp'], before: RemoteMedia['srtp']): void {
    const { aes } = this.#parts
    if (srtp?.receive !== before?.receive || srtp?.suite !== before?.suite) {
      this.#receiver = srtp && new SrtpReceiver(aes, srtp.suite, srtp.receive)
    }
    if (srtp?.send !== before?.send || srtp?.suite !== before?.suite) {
      this.#sender = srtp && new SrtpSender(aes, srtp.suite, srtp.send)
    }
  }

  #reroute(): void {
    this.#routes = this.#remote ? makeRoutes(this.#remote, this.#peer?.remote ?? null) : []
  }

  get canSpeak(): boolean {
    return this.#mouth.canSpeak
  }

  /** A frame of a mix, unless something else is being said. `source`: the mix. */
  say(frame: Frame, source: object, nowMs: number): void {
    if (this.#isOpen && !this.speaker.isSpeaking) this.#mouth.say(frame, source, nowMs)
  }

  onRtp(bytes: Uint8Array, address: string, port: number, nowMs: number): void {
    if (!this.latch.allows(address, port)) return
    if (this.#remote?.isOpaque) return this.#pass(bytes, address, port, nowMs)
    if (bytes.length < 12 || bytes.length > largestPacket || byte(bytes, 0) >> 6 !== 2) {
      this.malformed += 1
      return
    }
    if (isRtcp(bytes)) return this.#onControl(bytes, address, port, nowMs)
    let plain = bytes
    if (this.#receiver) {
      const length = this.#receiver.unprotect(bytes)
      plain = bytes.subarray(0, length)
    }
    if (!packet.parse(plain)) {
      this.malformed += 1
      return
    }
    // A payload type that nobody negotiated still shows where the peer is (RFC 6263).
    this.#heard(address, port, nowMs)
    const route = this.#routes[packet.payloadType]
    if (!route) {
      this.malformed += 1
      return
    }
    const { ssrc, sequence, timestamp } = packet
    this.#reception.onPacket(ssrc, sequence, timestamp, route.kind === 'speech' ? route.clockRate : 0, nowMs)
    if (this.#hears) this.#use(plain, route, nowMs)
  }

  #heard(address: string, port: number, nowMs: number): void {
    if (!this.latch.isLatched) this.latch.take(address, port)
    this.#heardAtMs = nowMs
    this.#hasHeard = true
  }

  #use(bytes: Uint8Array, route: Route, nowMs: number): void {
    const { payloadAt, payloadLength, timestamp } = packet
    if (route.kind === 'event') {
      const digit = this.#events?.onPacket(bytes, payloadAt, payloadLength, timestamp, nowMs)
      if (digit) this.#onDigit(digit, nowMs)
    } else if (this.isMuted) {
      // The stream goes on, so that whoever hears it knows that we are there; what has no silence is left out.
      if (!route.speech || !isLaw(route.speech)) return this.#peer ? this.#peer.#leaveOut(bytes) : undefined
      bytes.fill(silence[route.speech], payloadAt, payloadAt + payloadLength)
    }
    if (route.speech && !route.out && !this.inlet && this.#peer?.canSpeak) this.#parts.transcode(this, nowMs)
    const isHeard = route.kind === 'speech' && this.#hear(bytes, route)
    // What is mixed for the other side is not passed on too.
    if (this.#peer && !this.inlet) this.#peer.#relay(bytes, route, isHeard ? this.#ear : null, nowMs)
  }

  /** True: `#ear` has its samples, because somebody needs them. */
  #hear(bytes: Uint8Array, { speech }: Route): boolean {
    const { inlet, recording } = this
    if (!inlet && !recording && !this.#peer?.recording) return false
    const ear = this.#ear
    const { payloadAt, payloadLength, timestamp, ssrc } = packet
    const isHeard =
      speech !== null && ear.hear(speech, bytes.subarray(payloadAt, payloadAt + payloadLength), timestamp, ssrc)
    if (!isHeard) {
      if (speech === null) recording?.onUnheard()
      return false
    }
    recording?.onReceived(ear)
    if (!inlet) return true
    if (ear.stream !== this.#inletStream) inlet.restart()
    this.#inletStream = ear.stream
    inlet.write(ear.timestamp, ear.samples, ear.length)
    return true
  }

  #leaveOut(bytes: Uint8Array): void {
    if (this.#canSend && !this.speaker.isSpeaking) this.stream.omit(bytes, this.#peer ?? this)
  }

  /** Of the endpoint that is bridged to us: `packet` is still its packet. */
  #relay(bytes: Uint8Array, { kind, out, clockRate }: Route, heard: Ear | null, nowMs: number): void {
    if (!this.#canSend || this.speaker.isSpeaking) return
    const source = this.#peer ?? this
    if (!out) return this.stream.omit(bytes, source)
    const { payloadAt, payloadLength } = packet
    if (kind === 'event') {
      if (clockRate !== out.clockRate && payloadLength >= 4) {
        const duration = Math.round((read16(bytes, payloadAt + 2) * out.clockRate) / clockRate)
        write16(bytes, payloadAt + 2, Math.min(0xffff, duration))
      }
      if (!this.stream.relayEvent(bytes, source, out.payload, clockRate === out.clockRate, nowMs)) return
    } else {
      if (out.table) recodeG711(out.table, bytes, payloadAt, payloadLength)
      // Comfort noise has no clock of its own.
      if (!this.stream.relay(bytes, source, out.payload, clockRate, nowMs)) return
      if (heard) this.recording?.onSent(heard.samples, heard.length, read32(bytes, 4), clockRate)
    }
    this.#transmit(bytes, bytes.length)
  }

  /** `bytes` may be longer than the packet; with SRTP it goes through the scratch, where there is room for the tag. */
  #transmit(bytes: Uint8Array, length: number): void {
    const { transport, latch, stream } = this
    if (!transport || latch.address === null) return
    stream.packets += 1
    stream.octets += length - 12
    if (!this.#sender) {
      return transport.rtp(length === bytes.length ? bytes : bytes.subarray(0, length), latch.port, latch.address)
    }
    const { scratch } = this.#parts
    if (bytes !== scratch) scratch.set(bytes)
    const protectedLength = this.#sender.protect(scratch, length)
    transport.rtp(scratch.subarray(0, protectedLength), latch.port, latch.address)
  }

  /** Video and T.38, as they are. */
  #pass(bytes: Uint8Array, address: string, port: number, nowMs: number): void {
    this.#heard(address, port, nowMs)
    const to = this.#peer
    if (!this.#hears || !to?.remote?.isOpaque || !to.#canSend || to.latch.address === null) return
    this.#reception.packets += 1
    to.stream.packets += 1
    to.transport?.rtp(bytes, to.latch.port, to.latch.address)
  }

  onRtcp(bytes: Uint8Array, address: string, port: number, nowMs: number): void {
    if (!this.latch.allowsControl(address, port)) return
    if (!this.#remote?.isOpaque) return this.#onControl(bytes, address, port, nowMs)
    this.latch.takeControl(address, port)
    this.#heardAtMs = nowMs
    const to = this.#peer
    if (!to?.remote?.isOpaque || to.latch.address === null) return
    to.transport?.rtcp(bytes, to.latch.controlPort, to.latch.address)
  }

  #onControl(bytes: Uint8Array, address: string, port: number, nowMs: number): void {
    const length = this.#receiver ? this.#receiver.unprotectControl(bytes) : bytes.length
    if (length < 8 || !this.#control.read(length === bytes.length ? bytes : bytes.subarray(0, length), nowMs)) {
      this.malformed += 1
      return
    }
    this.latch.takeControl(address, port)
    this.#heardAtMs = nowMs
  }

  /** Every 10 ms. */
  tick(nowMs: number): void {
    this.recording?.tick(nowMs)
    if (this.speaker.isActive(nowMs)) this.speaker.tick(nowMs, this.#isOpen, this.#hasHeard && this.latch.isLatched)
  }

  get #isOpen(): boolean {
    return this.#canSend && this.transport !== null && !this.#remote?.isOpaque
  }

  /** Every so often: reports, the end of digits, time-out. */
  watch(nowMs: number): void {
    const digit = this.#events?.onSilence(nowMs)
    if (digit) this.#onDigit(digit, nowMs)
    const remote = this.#remote
    if (!remote) return
    // T27: not while it is on hold.
    if (remote.direction === 'sendrecv' && nowMs - this.#heardAtMs > this.#parts.timeoutMs) {
      this.#heardAtMs = nowMs
      this.#parts.report({ type: 'timeout', endpoint: this.id })
    }
    if (remote.isOpaque || isUnspecified(remote.address)) return
    this.#sendControl(this.#control.poll(this.#parts.scratch, nowMs))
  }

  close(nowMs: number): MediaQuality | null {
    if (this.#remote && !this.#remote.isOpaque && this.stream.packets > 0) {
      this.#sendControl(this.#control.goodbye(this.#parts.scratch, nowMs))
    }
    this.transport?.close()
    this.transport = null
    return this.#remote && this.#quality(this.#remote)
  }

  #sendControl(length: number): void {
    const { transport, latch } = this
    if (length === 0 || !transport || latch.address === null) return
    const { scratch } = this.#parts
    const whole = this.#sender ? this.#sender.protectControl(scratch, length) : length
    transport.rtcp(scratch.subarray(0, whole), latch.controlPort, latch.address)
  }

  /** Where speech is transcoded the other side's stream is of our own making, and so are the digits in it. */
  #onDigit({ digit, durationMs }: Digit, nowMs: number): void {
    this.#parts.report({ type: 'dtmf', endpoint: this.id, digit, durationMs })
    if (!this.#peer || !this.inlet) return
    this.#peer.speaker.press(digit, durationMs, nowMs)
    this.#parts.wake(this.#peer)
  }

  #quality({ codecs, ptimeMs }: RemoteMedia): MediaQuality {
    const { packets, lost, expected, jitterMs } = this.#reception
    const { rttMs, peerLossRatio } = this.#control
    const codec = codecs[0]?.name ?? null
    const lossRatio = expected === 0 ? 0 : lost / expected
    const round = (value: number) => Math.round(value * 100) / 100
    return {
      codec,
      packetsReceived: packets,
      packetsSent: this.stream.packets,
      packetsLost: lost,
      lossRatio: Math.round(lossRatio * 10_000) / 10_000,
      jitterMs: round(jitterMs),
      rttMs: rttMs === null ? null : round(rttMs),
      peerLossRatio: peerLossRatio === null ? null : Math.round(peerLossRatio * 10_000) / 10_000,
      mos: codec === null || packets === 0 ? null : estimateMos({ codec, lossRatio, jitterMs, rttMs, ptimeMs }),
      packetsRefused: this.latch.refused,
    }
  }
}

/** The scratch holds every compound of ours too. */
if (controlBytes > scratchBytes) throw new Error('a compound does not fit')
