/**
 * What a synthetic peer publishes: RTP that a browser could have sent. Opus with audio levels, and VP8 in simulcast
 * layers with descriptors, picture ids and key frame headers that are right; the picture itself is noise.
 *
 * As in Chromium, MID and RID go with the first packets of a stream only, RTX has its own SSRC, and the payload of every
 * packet ends in the time it was sent, so that a receiver in the same process can tell its delay.
 */
import { write16, write32 } from '../engine/sfu/rtp.ts'
import { writeSenderReport } from '../engine/sfu/rtcp.ts'
import type { Source } from '../engine/sfu/messages.ts'

export const payloadTypes = { opus: 111, vp8: 96, rtx: 97 } as const
export const extensions = { audioLevel: 1, transportSequence: 3, mid: 4, rid: 10, repairedRid: 11 } as const

export interface SourcePlan {
  readonly source: Source
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly layers: readonly LayerPlan[]
}

export interface LayerPlan {
  /** Empty: no simulcast. */
  readonly rid: string
  readonly height: number
  readonly framesPerSecond: number
  readonly packetsPerFrame: number
  readonly packetBytes: number
}

/** What streams of one transport share. */
export interface Outlet {
  readonly send: (bytes: Buffer) => void
  readonly nextTransportSequence: () => number
}

/** Packets that carry MID and RID: after them the other side knows. */
const introduced = 50
const remembered = 512

/** Bytes at the end of every payload: when it was sent, in ms of the sender's clock. */
export const stampBytes = 8

export class SyntheticStream {
  readonly plan: SourcePlan
  readonly layer: LayerPlan
  readonly ssrc: number
  readonly rtxSsrc: number
  readonly #outlet: Outlet
  readonly #sent: (Buffer | undefined)[] = new Array(remembered).fill(undefined)
  #sequence: number
  #rtxSequence = 1
  #timestamp: number
  #pictureId: number
  #tl0 = 0
  #packets = 0
  #octets = 0
  #nextAtMs = -1
  #isKeyDue = true
  /** A layer that the publisher was told to switch off. */
  isActive = true
  /** dBov below full scale; 127 is silence. */
  level = 30
  keyFrames = 0

  constructor(plan: SourcePlan, layer: LayerPlan, outlet: Outlet, random: () => number) {
    this.plan = plan
    this.layer = layer
    this.#outlet = outlet
    this.ssrc = draw32(random)
    this.rtxSsrc = draw32(random)
    this.#sequence = Math.floor(random() * 0x8000)
    this.#timestamp = draw32(random)
    this.#pictureId = Math.floor(random() * 0x8000)
  }

  get lastSequence(): number {
    return this.#sequence
  }

  get sentPackets(): number {
    return this.#packets
  }

  requestKeyFrame(): void {
    this.#isKeyDue = true
  }

  /** Sends the frames that are due. */
  tick(nowMs: number): void {
    if (!this.isActive) return
    const everyMs = 1000 / this.layer.framesPerSecond
    if (this.#nextAtMs < 0 || nowMs - this.#nextAtMs > 1_000) this.#nextAtMs = nowMs
    while (this.#nextAtMs <= nowMs) {
      this.#nextAtMs += everyMs
      this.#sendFrame(nowMs, everyMs)
    }
  }

  #sendFrame(nowMs: number, everyMs: number): void {
    const isAudio = this.plan.kind === 'audio'
    const rate = isAudio ? 48 : 90
    this.#timestamp = (this.#timestamp + Math.round(everyMs * rate)) >>> 0
    const isKey = !isAudio && this.#isKeyDue
    this.#isKeyDue = false
    if (isKey) this.keyFrames += 1
    this.#pictureId = (this.#pictureId + 1) & 0x7fff
    this.#tl0 = (this.#tl0 + 1) & 0xff
    const count = this.layer.packetsPerFrame
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.alloc(this.layer.packetBytes)
      const at = this.#writeHeader(bytes, isAudio || i === count - 1)
      if (!isAudio) this.#writeVp8(bytes, at, i === 0, isKey)
      bytes.writeDoubleBE(nowMs, bytes.length - stampBytes)
      this.#sent[this.#sequence % remembered] = bytes
      this.#packets += 1
      this.#octets += bytes.length - at
      this.#outlet.send(bytes)
    }
  }

  #writeHeader(bytes: Buffer, isMarked: boolean): number {
    this.#sequence = (this.#sequence + 1) & 0xffff
    const type = this.plan.kind === 'audio' ? payloadTypes.opus : payloadTypes.vp8
    writeFixed(bytes, { type, isMarked, sequence: this.#sequence, timestamp: this.#timestamp, ssrc: this.ssrc })
    const extension = new ExtensionWriter(bytes)
    extension.add16(extensions.transportSequence, this.#outlet.nextTransportSequence())
    if (this.plan.kind === 'audio') extension.addByte(extensions.audioLevel, this.level)
    if (this.#packets < introduced) {
      extension.addText(extensions.mid, this.plan.mid)
      if (this.layer.rid !== '') extension.addText(extensions.rid, this.layer.rid)
    }
    return extension.end()
  }

  /** RFC 7741 §4.2 with a 15-bit picture id, TL0PICIDX and TID, then §4.3's header. */
  #writeVp8(bytes: Buffer, from: number, isFirst: boolean, isKey: boolean): void {
    bytes[from] = isFirst ? 0x90 : 0x80
    bytes[from + 1] = 0xe0
    write16(bytes, from + 2, 0x8000 | this.#pictureId)
    bytes[from + 4] = this.#tl0
    bytes[from + 5] = 0
    if (!isFirst) return
    bytes[from + 6] = isKey ? 0x10 : 0x11
    if (!isKey) return
    bytes.set([0x9d, 0x01, 0x2a], from + 9)
    bytes.writeUInt16LE(Math.round((this.layer.height * 16) / 9), from + 12)
    bytes.writeUInt16LE(this.layer.height, from + 14)
  }

  /** RFC 4588: what was asked for again, on the repair stream; audio is sent as it was. */
  resend(sequence: number): void {
    const original = this.#sent[sequence % remembered]
    if (!original || original.readUInt16BE(2) !== sequence) return
    if (this.plan.kind === 'audio') return this.#outlet.send(original)
    const from = 16 + original.readUInt16BE(14) * 4
    const bytes = Buffer.alloc(original.length + 40)
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff
    writeFixed(bytes, {
      type: payloadTypes.rtx,
      isMarked: (original[1] ?? 0) >= 0x80,
      sequence: this.#rtxSequence,
      timestamp: original.readUInt32BE(4),
      ssrc: this.rtxSsrc,
    })
    const extension = new ExtensionWriter(bytes)
    extension.add16(extensions.transportSequence, this.#outlet.nextTransportSequence())
    extension.addText(extensions.mid, this.plan.mid)
    if (this.layer.rid !== '') extension.addText(extensions.repairedRid, this.layer.rid)
    const at = extension.end()
    write16(bytes, at, sequence)
    original.copy(bytes, at + 2, from)
    this.#outlet.send(bytes.subarray(0, at + 2 + original.length - from))
  }

  report(nowMs: number): void {
    if (this.#packets === 0) return
    const bytes = Buffer.alloc(28)
    const ntp = nowMs / 1000
    const low = Math.floor((ntp % 1) * 2 ** 32)
    writeSenderReport(bytes, {
      ...{ ssrc: this.ssrc, ntpHigh: Math.floor(ntp), ntpLow: low, timestamp: this.#timestamp },
      ...{ packets: this.#packets, octets: this.#octets },
    })
    this.#outlet.send(bytes)
  }
}

interface Fixed {
  readonly type: number
  readonly isMarked: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
}

export function writeFixed(bytes: Buffer, { type, isMarked, sequence, timestamp, ssrc }: Fixed): void {
  bytes[0] = 0x90
  bytes[1] = (isMarked ? 0x80 : 0) | type
  write16(bytes, 2, sequence)
  write32(bytes, 4, timestamp)
  write32(bytes, 8, ssrc)
}

/** RFC 8285 §4.2, one-byte headers, after a fixed header without CSRCs. */
export class ExtensionWriter {
  readonly #bytes: Buffer
  #at = 16

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  addByte(id: number, value: number): void {
    this.#bytes[this.#at] = id << 4
    this.#bytes[this.#at + 1] = value
    this.#at += 2
  }

  add16(id: number, value: number): void {
    this.#bytes[this.#at] = (id << 4) | 1
    write16(this.#bytes, this.#at + 1, value)
    this.#at += 3
  }

  addText(id: number, text: string): void {
    this.#bytes[this.#at] = (id << 4) | (text.length - 1)
    this.#bytes.write(text, this.#at + 1, 'latin1')
    this.#at += 1 + text.length
  }

  /** Pads to whole words; where the payload begins. */
  end(): number {
    while (this.#at % 4 !== 0) this.#bytes[this.#at++] = 0
    write16(this.#bytes, 12, 0xbede)
    write16(this.#bytes, 14, (this.#at - 16) / 4)
    return this.#at
  }
}

const draw32 = (random: () => number) => 1 + Math.floor(random() * 0xfffffffe)
