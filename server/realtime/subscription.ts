/** One subscription of a WebSocket: its way through the log, frame by frame. */
import { formatCursor, type LogEvent } from '../events/log-event.ts'
import type { Feed, Follower } from '../events/feed.ts'
import type { LogFilter } from '../events/filter.ts'
import type { Outlet } from './outlet.ts'

export class Subscription {
  readonly #id: string
  readonly #outlet: Outlet
  readonly #follower: Follower
  #prev: string
  #isTelling = false

  constructor(
    feed: Feed,
    outlet: Outlet,
    start: { readonly id: string; readonly after: number; readonly filter: LogFilter },
  ) {
    this.#id = JSON.stringify(start.id)
    this.#outlet = outlet
    this.#prev = formatCursor(start.after)
    this.#follower = feed.follow({ after: start.after, filter: start.filter })
  }

  /** How far it has told: never past an event that was not sent (E3). */
  get cursor(): string {
    return this.#isTelling ? this.#prev : formatCursor(this.#follower.position)
  }

  /** Until it is stopped; throws what ended it else. */
  async run(): Promise<void> {
    try {
      for (let events = await this.#follower.next(); events !== null; events = await this.#follower.next()) {
        this.#isTelling = true
        for (const event of events) {
          await this.#outlet.room()
          if (this.#follower.isStopped || !this.#outlet.isOpen) return
          this.#tell(event)
        }
        this.#isTelling = false
      }
    } finally {
      this.#follower.stop()
    }
  }

  stop(): void {
    this.#follower.stop()
  }

  #tell({ position, text }: LogEvent): void {
    this.#outlet.say(`{"type":"event","id":${this.#id},"prev":"${this.#prev}","event":${text}}`)
    this.#prev = formatCursor(position)
  }
}
