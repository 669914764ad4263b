/** A synthetic peer that goes into a real meeting by its link, looks at as many cameras as a page shows, and tells what it gets. */
import { MeetingSignalling } from './synthetic-meeting-signalling.ts'
import { camera, microphone, SyntheticPeer } from './synthetic-peer.ts'

/** As a page of the grid. */
const mostShown = 9
const shownHeight = 180
const lookMs = 500

export interface GuestReport {
  readonly name: string
  readonly others: number
  /** Others whose voice came within the last look. */
  readonly heard: number
  readonly seen: number
  readonly packets: number
  /** Of them: never came, used a number twice, were pictures that did not follow. */
  readonly faults: number
}

export class SyntheticGuest {
  readonly name: string
  readonly signalling: MeetingSignalling
  readonly peer: SyntheticPeer
  #timer: NodeJS.Timeout | null = null
  #wanted = ''

  constructor(link: string, name: string, random: () => number, bindAddress = '127.0.0.1') {
    this.name = name
    this.signalling = new MeetingSignalling(link, name, true)
    const plans = [microphone, camera]
    this.peer = new SyntheticPeer({ name, signalling: this.signalling, plans, random, bindAddress })
  }

  async join(): Promise<void> {
    await this.peer.join()
    await this.#look()
    this.#timer = setInterval(() => void this.#look().catch(() => {}), lookMs)
  }

  /** People come and go: what is shown follows. */
  async #look(): Promise<void> {
    const shown = [...this.signalling.others.keys()].slice(0, mostShown)
    if (shown.join() === this.#wanted) return
    this.#wanted = shown.join()
    await this.peer.wanted(shown.map((peerId) => ({ peerId, source: 'camera', height: shownHeight })))
  }

  report(): GuestReport {
    const { receiver, slots } = this.peer
    const current = new Set([...slots.values()].filter((slot) => slot.peerId !== null).map(({ mid }) => mid))
    const streams = receiver.streams.filter(({ mid }) => current.has(mid))
    return {
      name: this.name,
      others: this.signalling.others.size,
      heard: streams.filter(({ kind, packets }) => kind === 'audio' && packets > 0).length,
      seen: streams.filter(({ kind, frames }) => kind === 'video' && frames > 0).length,
      packets: streams.reduce((sum, { packets }) => sum + packets, 0),
      faults: streams.reduce((sum, { lost, duplicates, breaks }) => sum + lost + duplicates + breaks, 0),
    }
  }

  async leave(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.peer.leave()
  }
}
