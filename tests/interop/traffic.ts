/** Phones that call each other all the time, for campaigns that kill processes meanwhile; and what became of their calls. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Json, until } from '../carillon.ts'
import type { Organisation, Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'

export interface Tally {
  /** Calls that both sides took for answered. */
  answered: number
  /** Of these, which were going on when something was killed. */
  survived: number
  /** Answered calls that could not be ended by a BYE. */
  readonly brokenOff: string[]
  failed: number
}

/** A small linear congruential generator: the same seed, the same campaign. */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const phones = 10
/** T27: a call that a phone lost sight of, when a process died with its answer, ends after a minute without sound. */
const longestSilentMs = 150_000

export class Traffic {
  readonly tally: Tally = { answered: 0, survived: 0, failed: 0, brokenOff: [] }
  readonly callees: readonly Telephone[]
  readonly #callers: readonly Telephone[]
  readonly #random: () => number
  readonly #lines: Promise<void>[] = []
  #isOver = false
  #killed = 0

  private constructor(callers: readonly Telephone[], callees: readonly Telephone[], random: () => number) {
    this.#callers = callers
    this.callees = callees
    this.#random = random
  }

  static async prepare(organisation: Organisation, random: () => number): Promise<Traffic> {
    const callers: Telephone[] = []
    const callees: Telephone[] = []
    for (let i = 0; i < phones; i++) callers.push(await organisation.telephone(String(2_000 + i)))
    for (let i = 0; i < phones; i++) callees.push(await organisation.telephone(String(3_000 + i)))
    return new Traffic(callers, callees, random)
  }

  /** So many calls at a time. */
  begin(calls: number): void {
    for (const callee of this.callees) void this.#takeCalls(callee)
    for (let line = 0; line < calls; line++) this.#lines.push(this.#keepCalling(line))
  }

  /** Something was killed. */
  struck(): void {
    this.#killed += 1
  }

  /** After the last call. */
  async finish(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#lines)
  }

  async #keepCalling(line: number): Promise<void> {
    const caller = this.#callers[line % phones]
    if (!caller) return
    while (!this.#isOver) {
      await pause(this.#random() * 300)
      const call = await place(caller, String(3_000 + (line % phones)))
      if (call === null) {
        this.tally.failed += 1
        continue
      }
      this.tally.answered += 1
      const killedBefore = this.#killed
      await pause(200 + this.#random() * 3_000)
      if (this.#killed > killedBefore) this.tally.survived += 1
      const bye = await call.bye().catch(() => null)
      if (bye?.status !== 200) this.tally.brokenOff.push(`${call.callId} ${bye?.status ?? 'no answer'}`)
    }
  }

  /** Answers whatever comes, and agrees to every end. */
  async #takeCalls(callee: Telephone): Promise<void> {
    while (!this.#isOver) {
      const call = await callee.phone.ringing().catch(() => null)
      if (call === null) continue
      void (async () => {
        await pause(this.#random() * 100)
        await call.answer()
        await call.ended()
      })().catch(() => {}) // given up by the caller, or its process died: counted there
    }
  }
}

/** Null: it did not come about, which a phone would tell its user. */
async function place(caller: Telephone, number: string): Promise<PhoneCall | null> {
  try {
    const call = await caller.phone.invite(number)
    const answer = await call.final(20_000)
    return answer.status < 300 ? call : null
  } catch {
    return null // no answer at all: the process it was sent to died
  }
}

/** Until every call that started has ended, or it is time to look which ones do not. */
export async function settled(organisation: Organisation): Promise<Json[]> {
  let events: Json[] = []
  const areOver = async () => {
    events = await organisation.callEvents()
    const of = (type: string) =>
      new Set(events.filter((event) => event.type === type).map(({ resource }) => resource.id))
    const [started, ended] = [of('call.started'), of('cdr.final')]
    return [...started].every((id) => ended.has(id))
  }
  await until(areOver, 'the end of every call', longestSilentMs).catch(() => {}) // `countCalls` names those without an end
  return events
}

/** Legs that any event shows, with another number of ends than one. */
export function wrongLegs(events: readonly Json[]): string[] {
  const ends = new Map<string, number>()
  for (const { type, resource, data } of events) {
    const shown: Json[] = resource.type === 'leg' ? [data.leg] : (data?.call?.legs ?? [])
    for (const { id } of shown) ends.set(id, (ends.get(id) ?? 0) + (type === 'leg.ended' ? 1 : 0))
  }
  return [...ends].filter(([, count]) => count !== 1).map(([id, count]) => `${id} ended ${count} times`)
}

/** Calls with another number of first events, terminal events or records than one are wrong. */
export function countCalls(events: readonly Json[]): { started: number; wrong: string[] } {
  const calls = Map.groupBy(
    events.filter(({ resource }) => resource.type === 'call'),
    ({ resource }) => String(resource.id),
  )
  const wrong: string[] = []
  for (const [id, own] of calls) {
    const of = (type: string) => own.filter((event) => event.type === type).length
    const isRight = of('call.started') === 1 && of('call.ended') === 1 && of('cdr.final') === 1
    if (!isRight) wrong.push(`${id}: ${own.map(({ type }) => type).join(' ')}`)
  }
  return { started: calls.size, wrong }
}
