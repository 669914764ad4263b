/** A sandbox: calls to simulated numbers and from simulated callers, by a real phone, with their sound and their events. */
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { sandboxNumbers } from '../../contract/sandbox.ts'
import { isAlive, kill, processes, until } from '../carillon.ts'
import { Carrier } from './carrier.ts'
import { openPhones } from './opened.ts'
import { Organisation } from './organisation.ts'
import { mediaOf } from './sound.ts'

const [aliceHz, beepHz] = [700, 425]
const did = '+9991234567'

const { carillon, organisation, alice } = await openPhones(['alice'], {
  settings: { sandbox: true, restriction: 'international' },
})

/** All calls so far. */
let calls = 0

beforeAll(async () => {
  calls = 0
  await organisation.direct(did, alice, 20)
})

/** What the last call left, once its record is there: its events by type, and the record. */
async function leftBehind() {
  calls += 1
  const cdr = (await organisation.records(calls)).at(-1) ?? {}
  const events = await organisation.callEvents(cdr.call_id)
  return { cdr, types: events.map(({ type }) => type), trunkId: cdr.callee?.trunk_id ?? cdr.caller?.trunk_id }
}

const talk = ['call.started', 'call.ringing', 'call.answered', 'call.ended', 'cdr.final']

it('answers, and sends back what it hears; the trunk is the one that the API names', async () => {
  const call = await alice.phone.invite(sandboxNumbers.answer.number)
  const answer = await call.final()
  expect(answer.status).toBe(200)
  alice.sound.play(aliceHz, mediaOf(answer.body))
  await alice.sound.hears(aliceHz)
  alice.sound.silence()
  await call.bye()
  const { cdr, types, trunkId } = await leftBehind()
  expect(types).toEqual(talk)
  expect(cdr).toMatchObject({ direction: 'outgoing', hangup_cause: 'ANSWERED', ended_by: 'caller' })
  const { trunk_id, enabled } = await organisation.call('GET', 'sandbox')
  expect([enabled, trunkId]).toEqual([true, trunk_id])
})

it.each([
  ['busy', 486, 'BUSY'],
  ['unknown_number', 404, 'FAILED'],
  ['congestion', 480, 'CONGESTION'],
] as const)('%s is refused with %i', async (scenario, status, cause) => {
  const call = await alice.phone.invite(sandboxNumbers[scenario].number)
  expect((await call.final()).status).toBe(status)
  const { cdr, types } = await leftBehind()
  expect(types).toEqual(['call.started', 'call.ended', 'cdr.final'])
  expect(cdr.hangup_cause).toBe(cause)
})

it('rings in vain', async () => {
  const call = await alice.phone.invite(sandboxNumbers.no_answer.number)
  await call.provisional(180)
  call.cancel()
  expect((await call.final()).status).toBe(487)
  const { cdr, types } = await leftBehind()
  expect(types).toEqual(['call.started', 'call.ringing', 'call.ended', 'cdr.final'])
  expect(cdr.hangup_cause).toBe('CANCEL')
})

it('is a mailbox that beeps', async () => {
  const call = await alice.phone.invite(sandboxNumbers.voicemail.number)
  const answer = await call.final()
  alice.sound.forget()
  await alice.sound.hears(beepHz)
  // Then it listens: silence comes, and goes on coming.
  const { length } = alice.sound.packets
  await until(() => alice.sound.packets.length > length + 50, 'silence')
  expect(alice.sound.recent(500).every((sample) => Math.abs(sample) < 100)).toBe(true)
  expect(answer.status).toBe(200)
  await call.bye()
  expect((await leftBehind()).types).toEqual(talk)
})

it('answers slowly, and drops a call that is up', async () => {
  const slow = await alice.phone.invite(sandboxNumbers.slow_answer.number)
  expect((await slow.final(25_000)).status).toBe(200)
  await slow.bye()
  const { cdr } = await leftBehind()
  expect(Date.parse(cdr.answered_at) - Date.parse(cdr.started_at)).toBeGreaterThan(14_000)
  const dropped = await alice.phone.invite(sandboxNumbers.drop.number)
  expect((await dropped.final()).status).toBe(200)
  await dropped.ended()
  expect((await leftBehind()).cdr.ended_by).toBe('callee')
})

it('hands the caller on: the sound then comes from another party', async () => {
  const call = await alice.phone.invite(sandboxNumbers.transfer.number)
  const answer = await call.final()
  alice.sound.play(aliceHz, mediaOf(answer.body))
  await alice.sound.hears(aliceHz)
  await until(() => alice.sound.packets.length > 250, 'five seconds of sound') // handed on after three
  alice.sound.forget()
  alice.sound.play(aliceHz, mediaOf(answer.body))
  await alice.sound.hears(aliceHz)
  alice.sound.silence()
  await call.bye()
  const { cdr, types } = await leftBehind()
  expect(types).toEqual(talk)
  const trace = await organisation.call('GET', `calls_history/${cdr.call_id}/trace`)
  const offers = trace.filter(({ message }: { message: string }) =>
    /^INVITE .*^P-Asserted-Identity: .*\+9990000001@/ms.test(message),
  )
  // One that was slow to be answered is sent again, as it was.
  expect(new Set(offers.map(({ message }: { message: string }) => message)).size).toBe(1)
})

it('calls in, and hangs up or gives up as it was told', async () => {
  const rang = organisation.call('PUT', 'sandbox/calls', { scenario: 'hang_up', to: did })
  const ringing = await alice.phone.ringing()
  expect(ringing.invitation?.text).toMatch(/^From: .*\+9990000100@/m)
  await ringing.answer()
  const { cursor } = await rang
  await ringing.ended()
  const { cdr, types } = await leftBehind()
  expect(types).toEqual(talk)
  expect(cdr).toMatchObject({ direction: 'incoming', called_number: did, ended_by: 'caller' })
  const since = await carillon.call('GET', `/v3.0/events?account=tree&after=${cursor}&type=call.started`)
  expect(since.data.map(({ resource }: { resource: { id: string } }) => resource.id)).toEqual([cdr.call_id])
  await organisation.call('PUT', 'sandbox/calls', { scenario: 'give_up', to: did, from: '+9990000123' })
  const inVain = await alice.phone.ringing()
  expect(inVain.invitation?.text).toMatch(/^From: .*\+9990000123@/m)
  await until(() => alice.phone.inbox.some(({ method }) => method === 'CANCEL'), 'the caller gave up', 20_000)
  expect((await leftBehind()).cdr.hangup_cause).toBe('CANCEL')
})

it('no trunk of the account is used, not even for an emergency', async () => {
  const carrier = await Carrier.listen({ scenario: 'takes', address: '127.0.0.2', keys: { rtp: alice.sound.port } })
  onTestFinished(() => carrier.stop())
  const fields = { name: 'Real', server: carrier.address, port: carrier.port, advanced: { options_seconds: 0 } }
  await organisation.call('PUT', 'trunks', fields)
  for (const number of ['112', '0470123456']) {
    const call = await alice.phone.invite(number)
    expect((await call.final()).status, number).toBe(200)
    await call.bye()
    const { cdr, trunkId } = await leftBehind()
    expect(cdr).toMatchObject({ called_number: number, is_emergency: number === '112' })
    expect(trunkId).toBe((await organisation.call('GET', 'sandbox')).trunk_id)
  }
})

it('is refused where nothing is simulated, for a number of nobody, and from a real number', async () => {
  const plain = await Organisation.create(carillon)
  const refused = await plain.raw('PUT', 'sandbox/calls', { scenario: 'talk', to: did })
  expect([refused.status, refused.error.type]).toEqual([409, 'conflict'])
  const unknown = await organisation.raw('PUT', 'sandbox/calls', { scenario: 'talk', to: '+9997654321' })
  expect(unknown.error.message).toContain('data.to')
  const real = await organisation.raw('PUT', 'sandbox/calls', { scenario: 'talk', to: did, from: '+3225550100' })
  expect(real.error.message).toContain('data.from')
})

it('is there again when its process died', async () => {
  const find = () =>
    processes().find(({ command }) => command.includes('sandbox/main.ts') && command.includes(` ${carillon.sipPort} `))
      ?.pid ?? 0
  const before = find()
  kill(before)
  await until(() => !isAlive(before) && find() > 0 && find() !== before, 'another process')
  const call = await alice.phone.invite(sandboxNumbers.busy.number)
  expect((await call.final()).status).toBe(486)
})
