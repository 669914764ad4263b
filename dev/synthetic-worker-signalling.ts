/** Synthetic peers that give a media worker its orders themselves, over its Unix socket. */
import type { PeerId, Report, RoomId, Source, WantedVideo } from '../engine/sfu/messages.ts'
import { MediaClient } from '../server/media/client.ts'
import type { SyntheticEvents, SyntheticSignalling } from './synthetic-peer.ts'

/** One connection to a worker for many peers. */
export class WorkerLink {
  readonly client: MediaClient
  readonly #events = new Map<PeerId, SyntheticEvents>()
  readonly #listeners = new Set<(report: Report) => void>()
  readonly isUp: Promise<void>

  constructor(socketPath: string) {
    let up = () => {}
    this.isUp = new Promise((resolve) => {
      up = resolve
    })
    this.client = new MediaClient(socketPath, {
      report: (report) => this.#report(report),
      up: () => up(),
      lost: () => {},
    })
  }

  /** Every report, also those of no peer here. */
  onReport(listener: (report: Report) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #report(report: Report): void {
    for (const listener of this.#listeners) listener(report)
    if (!('peerId' in report)) return
    const events = this.#events.get(report.peerId)
    if (report.type === 'offer') events?.offer(report.revision, report.sdp)
    if (report.type === 'slots') events?.slots(report.slots)
    if (report.type === 'layers') events?.layers(report.source, report.active)
  }

  signalling(peerId: PeerId, roomId: RoomId): SyntheticSignalling {
    const { client } = this
    const tell = async (...orders: Parameters<MediaClient['tell']>) => client.tell(...orders)
    return {
      open: async (events) => {
        this.#events.set(peerId, events)
        client.tell({ type: 'open_peer', peerId, filter: [] })
      },
      publish: async (sdp: string, sources: Readonly<Record<string, Source>>) => {
        const report = await client.ask({ type: 'publish', peerId, sdp, sources })
        if (report.type !== 'published') throw new Error(reasonOf(report))
        return report.sdp
      },
      subscribe: () => tell({ type: 'subscribe', peerId, fresh: false }),
      answer: async (revision, sdp) => {
        const report = await client.ask({ type: 'answer', peerId, revision, sdp })
        if (report.type !== 'accepted') throw new Error(reasonOf(report))
      },
      join: () => tell({ type: 'join', peerId, roomId }),
      wanted: (wanted: readonly WantedVideo[]) => tell({ type: 'wanted', peerId, wanted }),
      leave: async () => {
        this.#events.delete(peerId)
        client.tell({ type: 'leave', peerId })
      },
    }
  }

  stop(): void {
    this.client.stop()
  }
}

const reasonOf = (report: Report) => ('reason' in report ? report.reason : `the worker answered ${report.type}`)
