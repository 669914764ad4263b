/** Scripted phones whose calls are steered through the API: three or four of them, each with a tone of its own. */
import { type Json, until } from '../carillon.ts'
import { type Talk, talk } from './conversation.ts'
import type { Organisation, Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { mediaOf, partAt } from './sound.ts'

export interface Steered extends Talk {
  readonly callId: string
  /** Leg ids by the number of whose phone it is. */
  readonly legs: Readonly<Record<string, string>>
}

/** They talk, each with its tone. */
export async function talkSteered(
  organisation: Organisation,
  [caller, callerHz]: readonly [Telephone, number],
  [callee, calleeHz]: readonly [Telephone, number],
): Promise<Steered> {
  const known = (await organisation.callEvents()).filter(({ type }) => type === 'call.answered').length
  const talking = await talk(caller, callee)
  caller.sound.play(callerHz, mediaOf(talking.toCaller))
  callee.sound.play(calleeHz, mediaOf(talking.toCallee))
  await Promise.all([caller.sound.hears(calleeHz), callee.sound.hears(callerHz)])
  const answered = await organisation.eventOf('call.answered', known)
  return { ...talking, callId: answered.resource.id, legs: legsOf(answered) }
}

export const legsOf = (event: Json): Record<string, string> =>
  Object.fromEntries(event.data.call.legs.map((leg: Json) => [leg.number, leg.id]))

/** Gives a command, and answers with the event that it caused, which carries its id. */
export function command(organisation: Organisation, callId: string, verb: string, data: Json = {}): Promise<Json> {
  const outcome = give(organisation, callId, verb, data)
  outcome.catch(() => {}) // A test that fails before it comes to this says so itself.
  return outcome
}

async function give(organisation: Organisation, callId: string, verb: string, data: Json): Promise<Json> {
  const result = await organisation.call('POST', `realtime/calls/${callId}/${verb}`, data)
  if (result.status !== 'done') throw new Error(`${verb}: ${JSON.stringify(result)}`)
  if (result.event.correlation_id !== result.command_id) throw new Error(`${verb}: ${JSON.stringify(result.event)}`)
  return result.event
}

/** The phone rings, is answered, and sends its tone. */
export async function takes({ phone, sound }: Telephone, hz: number): Promise<PhoneCall> {
  const taken = await phone.ringing()
  await taken.answer()
  sound.play(hz, mediaOf(taken.invitation?.body ?? ''))
  return taken
}

/** Waits until the last half second is these tones together, none of them much softer than another, and no other. */
export async function hearsAll({ sound }: Pick<Telephone, 'sound'>, tones: readonly number[]): Promise<void> {
  const parts = () => tones.map((hz) => partAt(sound.recent(), hz))
  await until(
    () => {
      const heard = parts()
      const all = heard.reduce((sum, part) => sum + part, 0)
      return all > 0.85 && heard.every((part) => part > 0.5 / tones.length)
    },
    () => `hearing ${tones.join(', ')} Hz: ${parts().join(', ')}`,
    10_000,
  )
}

/** Waits for silence: of a phone that is played nothing. */
export async function hearsNothing({ sound }: Pick<Telephone, 'sound'>): Promise<void> {
  await until(
    () => {
      const samples = sound.recent()
      return samples.length > 0 && samples.every((sample) => Math.abs(sample) < 200)
    },
    'hearing silence',
    10_000,
  )
}

/** What was told of a call, when it is over. */
export async function toldOf(organisation: Organisation, callId: string): Promise<string[]> {
  const read = async () => (await organisation.callEvents(callId)).map(({ type }) => String(type))
  return until(async () => {
    const types = await read()
    return types.at(-1) === 'cdr.final' ? types : null
  }, `the end of ${callId}`)
}
