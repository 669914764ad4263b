/** One peer: the two transports of a page, and the orders that wait for one of them to open. */
import type { PeerId, RoomId, Source, WantedVideo } from './messages.ts'
import type { Publisher } from './publisher.ts'
import type { Description } from './sdp.ts'
import type { Subscriber } from './subscriber.ts'
import type { Track } from './track.ts'

/** A publish order whose transport is being opened. */
export interface PendingPublish {
  readonly request: number
  readonly offer: Description
  readonly sources: Readonly<Record<string, Source>>
}

export class Peer {
  readonly id: PeerId
  readonly candidates: readonly string[]
  roomId: RoomId | null = null
  publisher: Publisher | null = null
  subscriber: Subscriber | null = null
  pendingPublish: PendingPublish | null = null
  publishUfrag = ''
  /** Of a phone's only track; null: it is a page. */
  phoneSsrc: number | null = null
  isSubscribing = false
  muted: ReadonlySet<Source> = new Set()
  wanted: readonly WantedVideo[] = []
  lastQuality = ''

  constructor(id: PeerId, candidates: readonly string[]) {
    this.id = id
    this.candidates = candidates
  }

  track(source: Source): Track | undefined {
    for (const track of this.publisher?.tracks.values() ?? []) if (track.source === source) return track
    return undefined
  }
}
