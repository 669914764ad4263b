/** Two phones call each other in every way that a call can go. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf } from './sound.ts'

const { organisation, alice, bob } = await openPhones(['alice', 'bob'])

/** Records that were read. */
let known = 0

beforeAll(() => {
  known = 0
})

/** Of the call that is over just now. */
async function nextRecord(): Promise<Json> {
  known += 1
  return (await organisation.records(known)).at(-1) ?? {}
}

/** Alice calls Bob, who answers. */
async function talk(): Promise<{ call: PhoneCall; taken: PhoneCall; toAlice: string; toBob: string }> {
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  await call.provisional(180)
  const [answer] = await Promise.all([call.final(), taken.answer()])
  return { call, taken, toAlice: answer.body, toBob: taken.invitation?.body ?? '' }
}

describe('a call between two phones', () => {
  it('is answered, both hear each other, and it leaves its events and its record', async () => {
    const { call, taken, toAlice, toBob } = await talk()
    alice.sound.play(440, mediaOf(toAlice))
    bob.sound.play(700, mediaOf(toBob))
    await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
    alice.sound.silence()
    bob.sound.silence()
    const [bye] = await Promise.all([call.bye(), taken.ended()])
    expect(bye.status).toBe(200)
    const record = await nextRecord()
    expect(record).toMatchObject({
      direction: 'internal',
      called_number: '1002',
      hangup_cause: 'ANSWERED',
      ended_by: 'caller',
      sip_code: 200,
      q850_cause: 16,
      caller: { number: '1001', user_id: alice.userId, device_id: alice.deviceId },
      callee: { number: '1002', user_id: bob.userId, device_id: bob.deviceId },
    })
    const events = await organisation.callEvents(record.call_id)
    expect(events.map(({ type }) => type)).toEqual([
      'call.started',
      'call.ringing',
      'call.answered',
      'call.ended',
      'cdr.final',
    ])
    expect(events.map(({ resource_seq }) => resource_seq)).toEqual([1, 2, 3, 4, 5])
    const history = await organisation.call('GET', `calls_history/${record.call_id}`)
    expect(history).toMatchObject({ caller_id_number: '1001', callee_id_number: '1002', hangup_cause: 'ANSWERED' })
    const trace = await organisation.call('GET', `calls_history/${record.call_id}/trace`)
    expect(JSON.stringify(trace)).toContain('INVITE sip:1002@')
  })

  it('ends by whoever was called', async () => {
    const { call, taken } = await talk()
    const [bye] = await Promise.all([taken.bye(), call.ended()])
    expect(bye.status).toBe(200)
    expect(await nextRecord()).toMatchObject({ ended_by: 'callee', hangup_cause: 'ANSWERED' })
  })

  it('busy', async () => {
    const call = await alice.phone.invite('1002')
    const ringing = await bob.phone.ringing()
    if (ringing.invitation) ringing.respond(ringing.invitation, 486, 'Busy Here')
    expect((await call.final()).status).toBe(486)
    expect(await nextRecord()).toMatchObject({
      hangup_cause: 'BUSY',
      sip_code: 486,
      q850_cause: 17,
    })
  })

  it('the caller gives up', async () => {
    const call = await alice.phone.invite('1002')
    const ringing = await bob.phone.ringing()
    await call.provisional(180)
    call.cancel()
    const cancel = await ringing.received('CANCEL')
    ringing.respond(cancel, 200, 'OK')
    if (ringing.invitation) ringing.respond(ringing.invitation, 487, 'Request Terminated')
    expect((await call.final()).status).toBe(487)
    expect(await nextRecord()).toMatchObject({ hangup_cause: 'CANCEL', billing_seconds: 0 })
  })

  it('nobody of that number', async () => {
    const call = await alice.phone.invite('4711')
    expect((await call.final()).status).toBe(404)
    expect(await nextRecord()).toMatchObject({ called_number: '4711', sip_code: 404 })
  })

  it('a phone that is not registered is unreachable', async () => {
    await organisation.person('1005')
    const call = await alice.phone.invite('1005')
    expect((await call.final()).status).toBe(480)
    expect(await nextRecord()).toMatchObject({
      hangup_cause: 'FAILED',
      sip_code: 480,
      q850_cause: 20,
    })
  })

  it('a wrong password gets in nowhere', async () => {
    const { phone } = await organisation.phone({ username: alice.username, password: 'wrong-horse-9' })
    expect((await phone.register()).status).toBe(403)
    const call = await phone.invite('1002')
    expect((await call.final()).status).toBe(403)
  })

  it('OPTIONS says what is understood', async () => {
    const answer = await alice.phone.ask(
      'OPTIONS',
      `sip:${organisation.realm}`,
      ['From: <sip:a@b>;tag=1', 'To: <sip:c@d>', `Call-ID: ${Math.random()}`],
      1,
    )
    expect(answer.status).toBe(200)
    expect(header(answer, 'Allow')).toContain('UPDATE')
  })
})
