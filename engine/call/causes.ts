/**
 * Commands that were accepted and whose event is still to come: their effect carries the command's id, and what comes to
 * nothing has an event of its own (E7). An effect that comes by itself once a phone or a peer has answered is waited for
 * by its type; whoever knows the command says it by name.
 *
 * Invariant: of an accepted command there is an event, its effect or `call.command_failed`.
 */
import type { CommandId } from './command.ts'
import type { LegId } from './leg.ts'
import type { CallEventType } from './records.ts'

interface Cause {
  readonly command: CommandId
  /** As the API names it. */
  readonly verb: string
  /** JSON text. */
  readonly actor: string
  /** The event that comes by itself, and whose doing it is; null: anybody's. */
  readonly awaited: { readonly event: CallEventType; readonly leg: LegId | null } | null
}

export class Causes {
  #open: readonly Cause[] = []

  begin(command: CommandId, verb: string, actor: string): void {
    this.#open = [...this.#open, { command, verb, actor, awaited: null }]
  }

  /** The next such event is of that command. */
  await(command: CommandId, event: CallEventType, leg: LegId | null): void {
    this.#open = this.#open.map((cause) => (cause.command === command ? { ...cause, awaited: { event, leg } } : cause))
  }

  /** What such an event is of, if anything: the first that waits for it. */
  ofEvent(event: CallEventType, leg: LegId | null): Cause | null {
    const found = this.#open.find(({ awaited }) => awaited?.event === event && (awaited.leg ?? leg) === leg)
    return found ? this.settle(found.command) : null
  }

  /** It has its event. Null: it had one before. */
  settle(command: CommandId): Cause | null {
    const found = this.#open.find((cause) => cause.command === command)
    this.#open = this.#open.filter((cause) => cause !== found)
    return found ?? null
  }

  /** All that came to nothing. */
  takeAll(): readonly Cause[] {
    const all = this.#open
    this.#open = []
    return all
  }
}
