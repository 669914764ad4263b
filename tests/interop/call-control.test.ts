/**
 * Two baresips, and a third, driven by the API alone: called, muted, held, passed on and hung up, each with its event. What
 * a person does at a phone is to answer it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, until } from '../carillon.ts'
import { Baresip } from './baresip.ts'
import { Organisation, type Person } from './organisation.ts'
import { command, legsOf } from './steering.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_250]

let carillon: Carillon
let organisation: Organisation
let people: Record<'alice' | 'bob' | 'carol', Person>
let alice: Baresip
let bob: Baresip
let carol: Baresip

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  const [first, second, third] = [
    await organisation.person('1001'),
    await organisation.person('1002'),
    await organisation.person('1003'),
  ]
  people = { alice: first, bob: second, carol: third }
  const phone = ({ username, password }: Person, tone: number, isAnswering: boolean) =>
    Baresip.start({ username, password, domain: organisation.realm, port: carillon.sipPort, tone, isAnswering })
  ;[alice, bob, carol] = await Promise.all([
    phone(first, aliceHz, false),
    phone(second, bobHz, false),
    // Answers by itself, as a phone does that knows the headers of auto-answer; baresip 1.0 does not.
    phone(third, carolHz, true),
  ])
})

afterAll(async () => {
  organisation?.close()
  await Promise.all([alice?.stop(), bob?.stop(), carol?.stop()])
  await carillon?.destroy()
})

const originate = async (data: Json) => {
  const result = await organisation.call('PUT', 'realtime/calls', data)
  expect(result).toMatchObject({ status: 'done', event: { type: 'call.started', correlation_id: result.command_id } })
  return result
}
const eventsOf = async (callId: string): Promise<(readonly [string, string])[]> =>
  (await organisation.callEvents(callId)).map(({ type, correlation_id }) => [type, correlation_id] as const)

async function answered(callId: string): Promise<Record<string, string>> {
  const find = async () => (await organisation.callEvents(callId)).find(({ type }) => type === 'call.answered')
  return legsOf(await until(find, 'call.answered'))
}

describe('click-to-call', () => {
  it('rings the caller, then the called one; both hear each other, are held, muted, sent digits and hung up', async () => {
    // The ids of a day are each one command's, also of a test that is tried again.
    const name = `crm-ticket:${Date.now()}`
    const from = { user_id: people.alice.userId }
    const placed = await originate({ from, to: { number: '1002' }, correlation_id: name })
    const id = placed.call_id
    await alice.event('CALL_INCOMING')
    expect(bob.events.some(({ type }) => type === 'CALL_INCOMING')).toBe(false)
    alice.answer()
    await bob.event('CALL_INCOMING')
    bob.answer()
    await Promise.all([alice.hears(bobHz), bob.hears(aliceHz)])
    const legs = await answered(id)
    const leg_id = legs['1001']

    const muted = await command(organisation, id, 'mute', { leg_id })
    expect(muted).toMatchObject({ type: 'call.muted', data: { leg_id } })
    await bob.hearsNothing()
    const unmuted = await command(organisation, id, 'unmute', { leg_id })
    await bob.hears(aliceHz)

    const digits = await command(organisation, id, 'dtmf', { leg_id, digits: '4#' })
    expect(digits).toMatchObject({ type: 'call.dtmf_sent', data: { digit_count: 2 } })
    for (const digit of ['4', '#']) expect((await bob.event('CALL_DTMF_START')).param).toBe(digit)

    // What it hears meanwhile is seen with scripted phones: this baresip records nothing more after a re-INVITE.
    const held = await command(organisation, id, 'hold', { leg_id })
    expect(held).toMatchObject({ type: 'call.held', data: { leg_id, call: { status: 'held' } } })
    const resumed = await command(organisation, id, 'unhold', { leg_id, command_id: `${name}:resume` })
    expect(resumed).toMatchObject({ type: 'call.resumed', correlation_id: `${name}:resume` })

    const ended = await command(organisation, id, 'hangup')
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')])
    await organisation.records(1)
    expect(await eventsOf(id)).toEqual([
      ['call.started', name],
      ['call.ringing', name],
      ['call.answered', name],
      ['call.muted', muted.correlation_id],
      ['call.unmuted', unmuted.correlation_id],
      ['call.dtmf_sent', digits.correlation_id],
      ['call.held', held.correlation_id],
      ['call.resumed', `${name}:resume`],
      ['call.ended', ended.correlation_id],
      ['cdr.final', name],
    ])
    expect((await organisation.records(1)).at(-1)).toMatchObject({
      call_id: id,
      direction: 'internal',
      caller: { user_id: people.alice.userId, device_id: people.alice.deviceId },
      callee: { user_id: people.bob.userId },
      hangup_cause: 'ANSWERED',
    })
  })

  it('with auto-answer: nobody touches the caller’s phone; and is passed on', async () => {
    const from = { device_id: people.carol.deviceId }
    const { call_id: id } = await originate({ from, to: { user_id: people.bob.userId }, auto_answer: true })
    await carol.event('CALL_ESTABLISHED')
    await bob.event('CALL_INCOMING')
    bob.answer()
    await Promise.all([carol.hears(bobHz), bob.hears(carolHz)])
    const legs = await answered(id)
    const asked = command(organisation, id, 'transfer', { leg_id: legs['1003'], to: { number: '1001' } })
    await alice.event('CALL_INCOMING')
    alice.answer()
    const transferred = await asked
    expect(transferred).toMatchObject({
      type: 'call.transferred',
      data: { leg_id: legs['1003'], transferred_to: { user_id: people.alice.userId } },
    })
    await carol.event('CALL_CLOSED')
    await Promise.all([alice.hears(bobHz), bob.hears(aliceHz)])
    await command(organisation, id, 'hangup')
    await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')])
  })

  it('a phone that rings is told to stop, and the caller hears that it is busy', async () => {
    const from = { user_id: people.carol.userId }
    const { call_id: id, command_id } = await originate({ from, to: { number: '1002' }, auto_answer: true })
    await carol.event('CALL_ESTABLISHED')
    await bob.event('CALL_INCOMING')
    const ringing = await until(
      async () => (await organisation.callEvents(id)).find(({ type }) => type === 'call.ringing'),
      'call.ringing',
    )
    const rejected = await command(organisation, id, 'reject', { leg_id: legsOf(ringing)['1002'] })
    expect(rejected.type).toBe('call.rejected')
    await Promise.all([bob.event('CALL_CLOSED'), carol.event('CALL_CLOSED')])
    const final = await until(
      async () => (await organisation.callEvents(id)).find(({ type }) => type === 'cdr.final'),
      'cdr.final',
    )
    expect(final.data.cdr).toMatchObject({ call_id: id, hangup_cause: 'BUSY' })
    expect((await eventsOf(id)).slice(-3)).toEqual([
      ['call.rejected', rejected.correlation_id],
      ['call.ended', command_id],
      ['cdr.final', command_id],
    ])
  })
})
