/** One source of a publisher, with its simulcast layers and everybody who is sent it. */
import type { Agreed } from './answer.ts'
import { Layer } from './layer.ts'
import type { PeerId, Source } from './messages.ts'
import type { RtpPacket } from './rtp.ts'
import type { Slot } from './slot.ts'

/** Without a packet for this long a layer does not flow (DTX is about 400 ms). */
const flowingMs = 1_500
/** Until a key frame told it: what browsers make of q, h and f. */
const usualHeights: Readonly<Record<string, number>> = { q: 180, h: 360, f: 720 }

export class Track {
  readonly peerId: PeerId
  readonly source: Source
  agreed: Agreed
  readonly layers = new Map<string, Layer>()
  /** Everybody's slots that show it. */
  readonly slots: Slot[] = []
  isMuted = false
  /** Sound: hears every packet that is sent on. */
  tap: ((packet: RtpPacket) => void) | null = null
  /** Which layers the publisher was told to send, and since when another set would do. */
  activeRids: readonly string[]
  otherSinceMs = 0
  /** -dBov of the loudest packet since the last look; 127 is silence. */
  loudest = 127
  voice = 0

  constructor(peerId: PeerId, source: Source, agreed: Agreed) {
    this.peerId = peerId
    this.source = source
    this.agreed = agreed
    this.activeRids = agreed.rids
  }

  get kind(): 'audio' | 'video' {
    return this.agreed.kind
  }

  /** The stream of that RID, under its present SSRC. A RID that moved begins anew (M3). */
  layer(rid: string, ssrc: number): Layer {
    const known = this.layers.get(rid)
    if (known?.ssrc === ssrc) return known
    const layer = new Layer(rid, ssrc, this.kind)
    this.layers.set(rid, layer)
    for (const slot of this.slots) slot.onLayerReplaced(known)
    return layer
  }

  isFlowing(layer: Layer, nowMs: number): boolean {
    return nowMs - layer.lastPacketMs < flowingMs
  }

  /** RIDs from the smallest picture to the largest; one empty RID without simulcast. */
  get rids(): readonly string[] {
    return this.agreed.rids.length > 0 ? this.agreed.rids : ['']
  }

  heightOf(rid: string): number {
    return this.layers.get(rid)?.height || usualHeights[rid] || 720
  }

  /** The smallest that fills the wanted height, or the largest there is. */
  ridFor(height: number): string {
    const fitting = this.rids.find((rid) => this.heightOf(rid) >= height * 0.9)
    return fitting ?? this.rids.at(-1) ?? ''
  }

  detach(slot: Slot): void {
    const at = this.slots.indexOf(slot)
    if (at >= 0) this.slots.splice(at, 1)
  }
}
