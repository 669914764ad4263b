/**
 * Kills processes at random instants while phones call each other all the time, and counts what became of every call (T3,
 * T5, T6, T7): `run(kills, calls, seed)`.
 */
import { Carillon, type Json, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone.ts'

export interface CampaignResult {
  readonly kills: readonly string[]
  /** Calls that both sides took for answered. */
  readonly answered: number
  /** Of these, which were going on when something was killed. */
  readonly survived: number
  /** Answered calls that could not be ended by a BYE. */
  readonly brokenOff: readonly string[]
  readonly failed: number
  readonly started: number
  /** Ids of calls with another number of terminal events, or of records, than one. */
  readonly wrong: readonly string[]
  readonly live: number
}

const victims = ['voice', 'worker', 'postgres'] as const

/** A small linear congruential generator: the same seed, the same campaign. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export async function runCampaign(kills: number, calls: number, seed: number): Promise<CampaignResult> {
  const random = generator(seed)
  const carillon = await Carillon.start()
  const organisation = await Organisation.create(carillon)
  try {
    const callers: Telephone[] = []
    const callees: Telephone[] = []
    for (let i = 0; i < 10; i++) callers.push(await organisation.telephone(String(2_000 + i)))
    for (let i = 0; i < 10; i++) callees.push(await organisation.telephone(String(3_000 + i)))
    const tally = { answered: 0, survived: 0, failed: 0, brokenOff: [] as string[] }
    const state = { isOver: false, killed: 0 }
    for (const callee of callees) void takeCalls(callee, state, random)
    const lines = Array.from({ length: calls }, (_, line) =>
      keepCalling(callers[line % 10], line, state, tally, random),
    )
    const done: string[] = []
    for (let at = 0; at < kills; at++) {
      await pause(300 + random() * 1_500)
      const victim = victims[Math.floor(random() * victims.length)] ?? 'voice'
      done.push(victim)
      state.killed += 1
      kill(carillon.pids[victim])
      await until(
        async () => carillon.pids[victim] > 0 && (await carillon.ready()) === 200,
        `${victim} runs again`,
        30_000,
      )
    }
    await pause(1_000)
    state.isOver = true
    await Promise.all(lines)
    const events = await settled(organisation)
    if (process.env.CAMPAIGN_LOG) console.log(carillon.output)
    return { kills: done, ...tally, ...count(events), live: await liveCalls(organisation, callees) }
  } finally {
    organisation.close()
    await carillon.destroy()
  }
}

interface State {
  isOver: boolean
  killed: number
}
interface Tally {
  answered: number
  survived: number
  failed: number
  readonly brokenOff: string[]
}

async function keepCalling(
  caller: Telephone | undefined,
  line: number,
  state: State,
  tally: Tally,
  random: () => number,
) {
  if (!caller) return
  while (!state.isOver) {
    await pause(random() * 300)
    const call = await place(caller, String(3_000 + (line % 10)))
    if (call === null) {
      tally.failed += 1
      continue
    }
    tally.answered += 1
    const killedBefore = state.killed
    await pause(200 + random() * 3_000)
    if (state.killed > killedBefore) tally.survived += 1
    const bye = await call.bye().catch(() => null)
    if (bye?.status !== 200) tally.brokenOff.push(`${call.callId} ${bye?.status ?? 'no answer'}`)
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

/** Answers whatever comes, and agrees to every end. */
async function takeCalls(callee: Telephone, state: State, random: () => number): Promise<void> {
  while (!state.isOver) {
    const call = await callee.phone.ringing().catch(() => null)
    if (call === null) continue
    void (async () => {
      await pause(random() * 100)
      await call.answer()
      await call.ended()
    })().catch(() => {}) // given up by the caller, or its process died: counted there
  }
}

/** Until every call that started has ended, or it is time to look which ones do not. */
async function settled(organisation: Organisation): Promise<Json[]> {
  let events: Json[] = []
  const areOver = async () => {
    events = await organisation.callEvents()
    const of = (type: string) =>
      new Set(events.filter((event) => event.type === type).map(({ resource }) => resource.id))
    const [started, ended] = [of('call.started'), of('cdr.final')]
    return [...started].every((id) => ended.has(id))
  }
  await until(areOver, 'the end of every call', 45_000).catch(() => {}) // `count` names those without an end
  return events
}

function count(events: readonly Json[]): { started: number; wrong: string[] } {
  const byCall = Map.groupBy(events, ({ resource }) => String(resource.id))
  const wrong: string[] = []
  for (const [id, own] of byCall) {
    const of = (type: string) => own.filter((event) => event.type === type).length
    const isRight = of('call.started') === 1 && of('call.ended') === 1 && of('cdr.final') === 1
    if (!isRight) wrong.push(`${id}: ${own.map(({ type }) => type).join(' ')}`)
  }
  return { started: byCall.size, wrong }
}

/** T7: who was registered still is; a call gets through to each. */
async function liveCalls(organisation: Organisation, callees: readonly Telephone[]): Promise<number> {
  const status = await organisation.call('GET', 'devices/status')
  return callees.filter(({ deviceId }) => status[deviceId]?.registered === true).length
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
