/**
 * What calls make of people: whose phones ring, and who talks (presence). It is told of legs and gives the batch the people
 * of whom something may have changed; the database says nothing of who is as before.
 */
import { randomUUIDv7 } from 'node:crypto'
import type { LegId } from '../../engine/call/leg.ts'
import type { PersonRow } from '../store/call-batch.ts'
import { toTimestamp } from './call-events.ts'

interface Engaged {
  readonly userId: string
  readonly call: { readonly id: string; readonly startedAt: string }
  readonly isTalking: boolean
}

export interface LegOfPerson {
  readonly id: LegId
  readonly user_id: string | null
  readonly status: 'calling' | 'dialling' | 'ringing' | 'answered' | 'ended'
}

export class CallPeople {
  readonly #legs = new Map<LegId, Engaged>()
  readonly #byUser = new Map<string, Set<LegId>>()
  /** Since they were taken, and when last. */
  #changed = new Map<string, number>()

  /** A phone that does not ring yet is nobody's concern. */
  see(leg: LegOfPerson, call: Engaged['call'], at: number): void {
    const { id, user_id: userId, status } = leg
    if (userId === null || status === 'dialling' || status === 'ended') return this.forget(id, at)
    const isTalking = status !== 'ringing'
    const before = this.#legs.get(id)
    if (before?.userId === userId && before.isTalking === isTalking && before.call.id === call.id) return
    this.forget(id, at)
    this.#legs.set(id, { userId, call, isTalking })
    const legs = this.#byUser.get(userId)
    if (legs) legs.add(id)
    else this.#byUser.set(userId, new Set([id]))
    this.#changed.set(userId, at)
  }

  forget(id: LegId, at: number): void {
    const before = this.#legs.get(id)
    if (!before) return
    this.#legs.delete(id)
    const legs = this.#byUser.get(before.userId)
    legs?.delete(id)
    if (legs?.size === 0) this.#byUser.delete(before.userId)
    this.#changed.set(before.userId, at)
  }

  /** Of whom a process before this one told that they are in calls. */
  doubt(userIds: readonly string[], at: number): void {
    for (const id of userIds) this.#changed.set(id, at)
  }

  take(): PersonRow[] {
    const changed = this.#changed
    this.#changed = new Map()
    return [...changed].map(([userId, at]) => this.#row(userId, at))
  }

  #row(userId: string, at: number): PersonRow {
    const engaged = [...(this.#byUser.get(userId) ?? [])].flatMap((id) => this.#legs.get(id) ?? [])
    const calls = new Map(engaged.map(({ call }) => [call.id, call.startedAt]))
    const inOrder = [...calls].sort(([a, begun], [b, then]) => (`${begun} ${a}` < `${then} ${b}` ? -1 : 1))
    return {
      user_id: userId,
      calls: inOrder.map(([id]) => id),
      is_talking: engaged.some(({ isTalking }) => isTalking),
      event_id: randomUUIDv7(),
      occurred_at: toTimestamp(at),
    }
  }
}
