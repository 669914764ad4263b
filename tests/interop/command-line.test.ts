/** `carillon call FROM TO` against phones: what it shows, as which it ends, and what becomes of the call. */
import { beforeAll, expect, it } from 'vitest'
import { until } from '../carillon.ts'
import { carillonCommand, finished, linesOf, type Running } from '../command-line.ts'
import { openPhones } from './opened.ts'
import type { PhoneCall } from './phone-call.ts'

const { carillon, organisation, alice, bob } = await openPhones(['alice', 'bob'], { people: { bob: { timeout: 5 } } })
const scopes = ['calls:control', 'events', 'realtime', 'telephony:read']
let key: string

beforeAll(async () => {
  const made = await organisation.call('PUT', 'keys', { name: 'Command line', scopes })
  key = made.key
})

const call = (...args: string[]): Running =>
  carillonCommand(['call', ...args], { CARILLON_URL: carillon.url, CARILLON_API_KEY: key })

/** The phone of `from` is taken, and that of `to` rings. */
async function ringsAtBob(): Promise<{ first: PhoneCall; second: PhoneCall }> {
  const first = await alice.phone.ringing()
  await first.answer()
  return { first, second: await bob.phone.ringing() }
}

it('shows each step, and ends with 0 when they talked', async () => {
  const calling = call('1001', '1002')
  const { first, second } = await ringsAtBob()
  await until(() => calling.stdout().includes('call.ringing'), 'shown while it rings')
  await second.answer()
  await until(() => calling.stdout().includes('call.answered'), 'shown while they talk')
  await Promise.all([second.bye(), first.ended()])
  const { code, stdout, stderr } = await finished(calling)
  const types = linesOf(stdout).map((line) => line.split(/ +/)[1])
  expect([code, types]).toEqual([0, ['call.started', 'call.ringing', 'call.answered', 'call.ended']])
  expect(stdout).toMatch(/1001 → 1002 {2}ANSWERED\n$/)
  expect(stderr).toMatch(/^call_\w+\n$/)
})

it.each([
  ['a user name', () => alice.username],
  ['the id of a user', () => alice.userId],
  ['the id of a device', () => alice.deviceId],
])('finds the phone by %s, and with --json shows the events themselves', async (_, nameOf) => {
  const calling = call(nameOf(), '1002', '--json')
  const { first, second } = await ringsAtBob()
  await second.answer()
  await Promise.all([second.bye(), first.ended()])
  const { code, stdout } = await finished(calling)
  const events = linesOf(stdout).map((line) => JSON.parse(line))
  const [{ resource } = { resource: null }] = events
  const told = await organisation.callEvents(resource.id)
  expect([code, events]).toEqual([0, told.filter(({ type }) => type.startsWith('call.'))])
})

const refuse =
  (status: number, reason: string) =>
  (ringing: PhoneCall): void => {
    if (ringing.invitation) ringing.respond(ringing.invitation, status, reason)
  }

it.each([
  ['is busy', 'BUSY', refuse(486, 'Busy Here')],
  ['does not answer', 'NO ANSWER', () => {}],
])('ends with 1 and the cause when who is called %s', async (_, cause, answer) => {
  const calling = call('1001', '1002')
  const { first, second } = await ringsAtBob()
  answer(second)
  await first.ended()
  const { code, stdout } = await finished(calling)
  const [last = ''] = linesOf(stdout).slice(-1)
  expect([code, last]).toEqual([1, expect.stringMatching(new RegExp(`call\\.ended .*  ${cause}$`))])
})

it('ends with 1 when nobody takes the phone that rings first', async () => {
  const calling = call('1001', '1002')
  const first = await alice.phone.ringing()
  refuse(603, 'Decline')(first)
  const { code, stdout } = await finished(calling)
  expect([code, stdout]).toEqual([1, expect.stringMatching(/call\.ended .*\n$/)])
})

it.each([
  ['a number that cannot be called', ['1001', '4711'], 1, /^conflict: data\.to\.number: Unknown Number\. .*\n$/],
  ['a phone of nobody', ['4711', '1002'], 2, /^4711: no user, device or internal number of a phone has this name\.\n$/],
])('places no call for %s, and says so in one line', async (_, args, expected, line) => {
  const { code, stdout, stderr } = await finished(call(...args))
  expect([code, stdout, stderr]).toEqual([expected, '', expect.stringMatching(line)])
})

it('leaves the call alone at Ctrl-C, and says so', async () => {
  const calling = call('1001', '1002')
  const { first, second } = await ringsAtBob()
  await second.answer()
  await until(() => calling.stdout().includes('call.answered'), 'they talk')
  calling.interrupt()
  const { code, stderr } = await finished(calling)
  expect([code, stderr]).toEqual([0, expect.stringMatching(/The call goes on\.\n$/)])
  const [id = ''] = linesOf(stderr)
  expect((await organisation.call('GET', `realtime/calls/${id}`)).status).toBe('answered')
  await Promise.all([second.bye(), first.ended()])
})
