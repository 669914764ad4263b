/** What is kept of a call: one row of history with its legs, who pays, why it ended, and its SIP messages. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, until } from '../carillon.ts'
import { hangUp, talk } from './conversation.ts'
import { type Line, Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { mediaOf } from './sound.ts'

const [did, mobile, stranger] = ['+3225550100', '+32470123456', '+33140000000']
/** Bob's too, whose phone rings for a second. */
const hasty = '1012'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
let carol: Telephone
let carrier: Line
/** Calls that are over, as of the beginning of a scenario. */
let before = 0

beforeAll(async () => {
  before = 0
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
  await organisation.callflow([hasty], { module: 'user', data: { id: bob.userId, timeout: 1 } })
  carol = await organisation.telephone('1003')
  await organisation.call('PUT', 'phone_numbers', { number: did })
  await organisation.callflow([did], { module: 'user', data: { id: bob.userId } })
  carrier = await organisation.line('127.0.0.9')
})

afterEach(async () => {
  before = (await history()).length
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

const history = (): Promise<Json[]> => organisation.call('GET', 'calls_history/all') as Promise<Json[]>

/** The one call that this scenario made, with its legs. */
async function recorded(): Promise<Json> {
  const rows = await until(async () => {
    const all = await history()
    return all.length > before ? all : null
  }, 'a row of history')
  expect(rows).toHaveLength(before + 1)
  return organisation.call('GET', `calls_history/${rows[0]?.id}`)
}

const refuse = (leg: PhoneCall, status: number, reason: string) => {
  if (leg.invitation) leg.respond(leg.invitation, status, reason)
}
const calledLegs = ({ legs }: Json): Json[] => legs.filter(({ role }: Json) => role === 'callee')
const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000

describe('T32: hangup_cause', () => {
  it('T32: ANSWERED; billing begins with the answer', async () => {
    const call = await alice.phone.invite('1003')
    const leg = await carol.phone.ringing()
    const rungAt = performance.now()
    await until(() => performance.now() - rungAt > 1_100, 'a second of ringing')
    await Promise.all([call.final(), leg.answer()])
    await hangUp({ call, taken: leg })
    const row = await recorded()
    expect(row).toMatchObject({ call_direction: 'internal', hangup_cause: 'ANSWERED', sip_code: 200, q850_cause: 16 })
    expect(seconds(row.started_at, row.answered_at)).toBeGreaterThan(1)
    expect(row.duration_seconds).toBeGreaterThan(row.billing_seconds)
    expect(row.duraction_seconds).toBe(row.duration_seconds)
    expect(row.billing_seconds).toBe(Math.ceil(seconds(row.answered_at, row.ended_at)))
  })

  it.each([
    [486, 'Busy Here', 'BUSY', 486, 17],
    [603, 'Decline', 'BUSY', 603, 21],
    [488, 'Not Acceptable Here', 'FAILED', 488, 88],
    [480, 'Temporarily Unavailable', 'NO ANSWER', 480, 19],
  ])('T32: of a phone that says %i %s: %s', async (status, reason, hangup_cause, sip_code, q850_cause) => {
    const call = await alice.phone.invite('1003')
    refuse(await carol.phone.ringing(), status, reason)
    await call.final()
    expect(await recorded()).toMatchObject({
      hangup_cause,
      sip_code,
      q850_cause,
      billing_seconds: 0,
      answered_at: null,
    })
  })

  it('T32: NO ANSWER when it rang as long as it may', async () => {
    const call = await alice.phone.invite(hasty)
    const leg = await bob.phone.ringing()
    const cancel = await leg.received('CANCEL')
    leg.respond(cancel, 200, 'OK')
    refuse(leg, 487, 'Request Terminated')
    expect((await call.final()).status).toBe(480)
    expect(await recorded()).toMatchObject({ hangup_cause: 'NO ANSWER', sip_code: 480, q850_cause: 19 })
  })

  it('T32: CANCEL when the caller gave up', async () => {
    const call = await alice.phone.invite('1003')
    const leg = await carol.phone.ringing()
    await call.provisional(180)
    call.cancel()
    const cancel = await leg.received('CANCEL')
    leg.respond(cancel, 200, 'OK')
    refuse(leg, 487, 'Request Terminated')
    await call.final()
    expect(await recorded()).toMatchObject({ hangup_cause: 'CANCEL', sip_code: 487, ended_by: 'caller' })
  })

  it('T32: CONGESTION of a carrier, with its own code', async () => {
    const call = await alice.phone.invite(mobile)
    refuse(await carrier.phone.ringing(false), 503, 'Service Unavailable')
    expect((await call.final()).status).toBe(480)
    expect(await recorded()).toMatchObject({
      call_direction: 'outgoing',
      hangup_cause: 'CONGESTION',
      sip_code: 503,
      q850_cause: 34,
      trunk_id: carrier.trunkId,
      detected_country: 'BE',
      detected_type: 'mobile',
      legs: [
        { role: 'caller', hangup_cause: 'CONGESTION', ended_by: 'system', sip_code: 480 },
        { role: 'callee', hangup_cause: 'CONGESTION', ended_by: 'party', sip_code: 503 },
      ],
    })
  })

  it('T32: the cause that a carrier names in Reason is kept beside the code', async () => {
    const call = await alice.phone.invite(mobile)
    const leg = await carrier.phone.ringing(false)
    const lines = ['Reason: Q.850;cause=27;text="Destination out of order"']
    if (leg.invitation) leg.respond(leg.invitation, 480, 'Temporarily Unavailable', { lines })
    await call.final()
    expect(await recorded()).toMatchObject({ sip_code: 480, q850_cause: 27 })
  })
})

describe('T32: legs', () => {
  it('T32: phones that rang in vain are legs of the call, and no calls', async () => {
    const second = await organisation.device(carol.userId, 'second')
    const spare = await organisation.phone(second)
    await spare.phone.register()
    const call = await alice.phone.invite('1003')
    const [leg, losing] = [await carol.phone.ringing(), await spare.phone.ringing()]
    const cancelled = losing.received('CANCEL').then((cancel) => {
      losing.respond(cancel, 200, 'OK')
      refuse(losing, 487, 'Request Terminated')
    })
    await Promise.all([call.final(), leg.answer(), cancelled])
    await hangUp({ call, taken: leg })
    const row = await recorded()
    const legs = calledLegs(row)
    expect(legs).toHaveLength(2)
    expect(legs.find(({ device_id }) => device_id === carol.deviceId)).toMatchObject({
      sip_code: 200,
      hangup_cause: 'ANSWERED',
    })
    expect(legs.find(({ device_id }) => device_id === second.deviceId)).toMatchObject({
      answered_at: null,
      billing_seconds: 0,
      hangup_cause: 'NO ANSWER',
      ended_by: 'system',
      sip_code: 487,
      q850_cause: 26,
    })
    await organisation.call('DELETE', `devices/${second.deviceId}`)
  })

  it('T32: a forwarded leg is billed to the forwarder', async () => {
    const forward = { enabled: true, number: mobile, keep_caller_id: false }
    await organisation.call('POST', 'users', { id: bob.userId, call_forward: forward })
    const call = await alice.phone.invite('1002')
    const leg = await carrier.phone.ringing()
    await Promise.all([call.final(), leg.answer()])
    await hangUp({ call, taken: leg })
    const [outside] = calledLegs(await recorded())
    expect(outside).toMatchObject({
      number: mobile,
      trunk_id: carrier.trunkId,
      is_forwarded: true,
      billed_user_id: bob.userId,
      billing_seconds: Math.ceil(seconds(outside?.answered_at, outside?.ended_at)),
    })
    await organisation.call('POST', 'users', { id: bob.userId, call_forward: { enabled: false, number: null } })
  })

  it('T32: a transferred one to the transferor', async () => {
    const talking = await talk(alice, carol)
    const to = [`Refer-To: <sip:${mobile}@${organisation.realm}>`, `Contact: ${carol.phone.contact}`]
    expect((await talking.taken.request('REFER', to)).status).toBe(202)
    const leg = await carrier.phone.ringing()
    await Promise.all([leg.answer(), talking.taken.ended()])
    await hangUp({ call: talking.call, taken: leg })
    const row = await recorded()
    const outside = calledLegs(row).find(({ trunk_id }) => trunk_id === carrier.trunkId)
    expect(outside).toMatchObject({ number: mobile, billed_user_id: carol.userId, billed_device_id: carol.deviceId })
    // Whom the caller talked to in the end.
    expect(row).toMatchObject({ from_user_id: alice.userId, callee_id_number: mobile, trunk_id: carrier.trunkId })
  })

  it('T32: of a call from outside the owner is who was called; its number says where it is', async () => {
    const from = `<sip:${stranger}@carrier.example>`
    const [call, leg] = await Promise.all([carrier.phone.invite(did, { from }), bob.phone.ringing()])
    await Promise.all([call.final(), leg.answer()])
    await hangUp({ call, taken: leg })
    const row = await recorded()
    expect(row).toMatchObject({
      call_direction: 'incoming',
      owner_id: bob.userId,
      first_name: 'Person 1002',
      caller_id_number: stranger,
      called_number: did,
      detected_country: 'BE',
      detected_type: 'national',
      detected_operator: null,
      trunk_id: carrier.trunkId,
    })
    expect(calledLegs(row)[0]).toMatchObject({ billed_user_id: null, device_id: bob.deviceId })
  })

  it('T32: the quality of each side is kept', async () => {
    const talking = await talk(alice, carol)
    alice.sound.play(440, mediaOf(talking.toCaller))
    await carol.sound.hears(440)
    alice.sound.silence()
    await hangUp(talking)
    const { legs } = await recorded()
    const own = legs.find(({ role }: Json) => role === 'caller')
    expect(own.quality).toMatchObject({ codec: 'PCMA', mos: expect.any(Number) })
  })
})

describe('T33: the SIP messages of a call', () => {
  const traceOf = async (id: string) =>
    ((await organisation.raw('GET', `calls_history/${id}/trace`)).data ?? []) as unknown as Json[]
  const isAnswerToBye = (one: Json | undefined) => /^SIP.2.0 200[\s\S]*^CSeq: \d+ BYE/m.test(one?.message)
  /** In how many of its dialogs; an answer may come again. */
  const answeredByes = (messages: Json[]) =>
    new Set(messages.filter(isAnswerToBye).map(({ sip_call_id }) => sip_call_id)).size

  it('T33: both sides in their order, without credentials', async () => {
    const talking = await talk(alice, carol)
    await hangUp(talking)
    const { id } = await recorded()
    const trace = await until(async () => {
      const messages = await traceOf(id)
      // The answer to the last BYE comes when the record is written already.
      return isAnswerToBye(messages.at(-1)) && answeredByes(messages) === 2 ? messages : null
    }, 'both answers to BYE')
    const starts = trace.map(({ direction, message }) => `${direction} ${String(message).split('\r\n', 1)[0]}`)
    const order = [/^in INVITE/, /^out SIP.2.0 401/, /^in INVITE/, /^out INVITE/, /^in SIP.2.0 180/]
    const last = [/^in SIP.2.0 200/, /^out SIP.2.0 200/, /^in BYE/, /^out BYE/]
    let at = 0
    for (const one of [...order, ...last]) {
      const found = starts.findIndex((start, index) => index >= at && one.test(start))
      expect(found, `${one} in ${starts.slice(at).join(' | ')}`).toBeGreaterThanOrEqual(at)
      at = found
    }
    const texts = trace.map(({ message }) => String(message))
    expect(texts.some((text) => /^Authorization: \(left out\)/m.test(text))).toBe(true)
    expect(texts.join('\n')).not.toMatch(/response="/)
    expect(new Set(trace.map(({ sip_call_id }) => sip_call_id)).size).toBe(2)
    const times = trace.map(({ at: time }) => Date.parse(time))
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('T33: of a call of many messages its last 200', async () => {
    const talking = await talk(alice, carol)
    for (let i = 0; i < 110; i++) {
      const answer = await talking.call.request('INFO', ['Content-Type: application/dtmf-relay'], 'Signal=1\r\n')
      expect(answer.status).toBe(200)
    }
    await hangUp(talking)
    const { id } = await recorded()
    const trace = await until(async () => {
      const messages = await traceOf(id)
      return messages.length > 0 ? messages : null
    }, 'its messages')
    expect(trace).toHaveLength(200)
    expect(answeredByes(trace)).toBe(2)
    expect(trace.some(({ message }) => String(message).startsWith('BYE'))).toBe(true)
    expect(trace.some(({ message }) => String(message).startsWith('INVITE'))).toBe(false)
  })
})
