/**
 * Kills processes at random instants while phones call each other all the time, and counts what became of every call (T3,
 * T5, T6, T7): `run(kills, calls, seed)`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Carillon, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { countCalls, generator, settled, type Tally, Traffic, wrongLegs } from './traffic.ts'

export interface CampaignResult extends Tally {
  readonly kills: readonly string[]
  readonly started: number
  /** Ids of calls with another number of terminal events, or of records, than one. */
  readonly wrong: readonly string[]
  readonly live: number
}

const victims = ['voice', 'worker', 'postgres'] as const

export async function runCampaign(kills: number, calls: number, seed: number): Promise<CampaignResult> {
  const random = generator(seed)
  const carillon = await Carillon.start()
  const organisation = await Organisation.create(carillon)
  try {
    const traffic = await Traffic.prepare(organisation, random)
    traffic.begin(calls)
    const done: string[] = []
    for (let at = 0; at < kills; at++) {
      await pause(300 + random() * 1_500)
      const victim = victims[Math.floor(random() * victims.length)] ?? 'voice'
      done.push(victim)
      traffic.struck()
      kill(carillon.pids[victim])
      await until(
        async () => carillon.pids[victim] > 0 && (await carillon.ready()) === 200,
        `${victim} runs again`,
        30_000,
      )
    }
    await pause(1_000)
    await traffic.finish()
    const events = await settled(organisation)
    const { started, wrong } = countCalls(events)
    const legs = wrongLegs([...events, ...(await organisation.legEvents())])
    if (process.env.CAMPAIGN_LOG) console.log(carillon.output)
    return {
      kills: done,
      ...traffic.tally,
      started,
      wrong: [...wrong, ...legs],
      live: await liveCalls(organisation, traffic.callees),
    }
  } finally {
    organisation.close()
    await carillon.destroy()
  }
}

/** T7: who was registered still is; a call gets through to each. */
async function liveCalls(organisation: Organisation, callees: readonly Telephone[]): Promise<number> {
  const status = await organisation.call('GET', 'devices/status')
  return callees.filter(({ deviceId }) => status[deviceId]?.registered === true).length
}
