/**
 * Who speaks, by the audio levels that browsers put into their packets (RFC 6464). Rising fast and falling slowly keeps
 * the first syllable and a pause for breath; silence is what DTX makes of it, so nothing is sent and nothing is loud (M16).
 */
import type { PeerId } from './messages.ts'
import type { Track } from './track.ts'

const rise = 0.6
const fall = 0.15
/** Above -40 dBov, smoothed, is a voice; below -50 it has stopped. */
const startsAt = 87
const stopsAt = 77
const mostSpeakers = 5

export class SpeakerWatch {
  #speaking: readonly PeerId[] = []
  readonly #active = new Set<PeerId>()

  /** Called five times a second with the room's microphones. The new list, or null while it stays. */
  look(microphones: Iterable<Track>): readonly PeerId[] | null {
    const present: Track[] = []
    for (const track of microphones) {
      const level = track.isMuted ? 0 : 127 - track.loudest
      track.loudest = 127
      track.voice += (level - track.voice) * (level > track.voice ? rise : fall)
      if (track.voice > startsAt) this.#active.add(track.peerId)
      else if (track.voice < stopsAt) this.#active.delete(track.peerId)
      if (this.#active.has(track.peerId)) present.push(track)
    }
    present.sort((a, b) => b.voice - a.voice)
    const speaking = present.slice(0, mostSpeakers).map((track) => track.peerId)
    const here = new Set(present.map((track) => track.peerId))
    for (const peerId of this.#active) if (!here.has(peerId)) this.#active.delete(peerId)
    const isSame = speaking.length === this.#speaking.length && speaking.every((id, i) => id === this.#speaking[i])
    if (isSame) return null
    this.#speaking = speaking
    return speaking
  }
}
