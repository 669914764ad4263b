/**
 * What the product is for, as whoever tries it first does it: an organisation made with curl alone, phones that nobody
 * here wrote, and calls between them.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { story } from '../attempts.ts'
import { Carillon, type Json, root } from '../carillon.ts'
import { Baresip } from './baresip.ts'
import { Organisation } from './organisation.ts'
import type { Phone } from './phone.ts'
import type { PhoneCall } from './phone-call.ts'
import { mediaOf, type Sound } from './sound.ts'

const run = promisify(execFile)
const [aliceHz, bobHz, carolHz] = [440, 700, 1_000]

let carillon: Carillon
let organisation: Organisation
let alice: Baresip
let bob: Baresip
let carol: { phone: Phone; sound: Sound }

story()

beforeAll(async () => {
  carillon = await Carillon.start()
  const script = join(root, 'tests/interop/first-organisation.sh')
  const { stdout } = await run('sh', [script, carillon.url, carillon.instanceKey])
  const realm = /^realm (\S+)$/m.exec(stdout)?.[1] ?? ''
  const account = await carillon.call('GET', '/v3.0/accounts')
  organisation = Organisation.of(carillon, account.data.id, realm)
  const login = (number: string) => {
    const [, username = '', password = ''] = new RegExp(`^phone ${number} (\\S+) (\\S+)$`, 'm').exec(stdout) ?? []
    return { username, password }
  }
  const baresip = (number: string, tone: number) =>
    Baresip.start({ ...login(number), domain: realm, port: carillon.sipPort, tone })
  ;[alice, bob, carol] = await Promise.all([
    baresip('1001', aliceHz),
    baresip('1002', bobHz),
    organisation.phone(login('1003')),
  ])
  expect((await carol.phone.register()).status).toBe(200)
})

afterAll(async () => {
  organisation?.close()
  await Promise.all([alice?.stop(), bob?.stop()])
  await carillon?.destroy()
})

/** Types of the events of a call, in their order. */
const typesOf = async ({ call_id }: Json) => (await organisation.callEvents(call_id)).map(({ type }) => type)

/** The next record, and that the history shows it. */
async function lastRecord(count: number): Promise<Json> {
  const record = (await organisation.records(count)).at(-1) ?? {}
  expect(await organisation.call('GET', `calls_history/${record.call_id}`)).toMatchObject({
    caller_id_number: record.caller.number,
    hangup_cause: record.hangup_cause,
  })
  return record
}

async function aliceCallsBob(): Promise<void> {
  alice.dial('1002')
  await bob.event('CALL_INCOMING')
  bob.answer()
  await Promise.all([alice.event('CALL_ESTABLISHED'), bob.event('CALL_ESTABLISHED')])
  await Promise.all([alice.hears(bobHz), bob.hears(aliceHz)])
}

describe('the first organisation', () => {
  it('two baresips call by internal number and hear each other, on hold and after it', async () => {
    await aliceCallsBob()
    alice.hold()
    await organisation.eventOf('call.held')
    alice.resume()
    await organisation.eventOf('call.resumed')
    // This baresip records nothing more after a hold of its own: what the holder hears is seen in the next call.
    await bob.hears(aliceHz)
    alice.hangUp()
    await bob.event('CALL_CLOSED')
    const record = await lastRecord(1)
    expect(record).toMatchObject({
      direction: 'internal',
      called_number: '1002',
      hangup_cause: 'ANSWERED',
      ended_by: 'caller',
      caller: { number: '1001' },
      callee: { number: '1002' },
    })
    expect(await typesOf(record)).toEqual([
      'call.started',
      'call.ringing',
      'call.answered',
      'call.held',
      'call.resumed',
      'call.ended',
      'cdr.final',
    ])
  })

  it('a baresip hands its caller on, blind', async () => {
    await aliceCallsBob()
    bob.hold()
    await organisation.eventOf('call.held', 1)
    bob.resume()
    await organisation.eventOf('call.resumed', 1)
    await alice.hears(bobHz)
    bob.transfer('1003')
    const taken = await carol.phone.ringing()
    await taken.answer()
    carol.sound.play(carolHz, mediaOf(taken.invitation?.body ?? ''))
    await Promise.all([alice.hears(carolHz), carol.sound.hears(aliceHz), bob.event('CALL_CLOSED')])
    expect(taken.invitation?.text).toMatch(/^From: .*sip:1001@/m)
    alice.hangUp()
    await taken.ended()
    const record = await lastRecord(2)
    expect(record).toMatchObject({ hangup_cause: 'ANSWERED', caller: { number: '1001' } })
    expect(await typesOf(record)).toEqual([
      'call.started',
      'call.ringing',
      'call.answered',
      'call.held',
      'call.resumed',
      'call.transferred',
      'call.ended',
      'cdr.final',
    ])
  })

  it('a phone hands its caller on after it asked', async () => {
    alice.dial('1003')
    const first = await carol.phone.ringing()
    await first.answer()
    await alice.event('CALL_ESTABLISHED')
    await first.reinvite(carol.phone.sdp('sendonly', 2))
    const second = await carol.phone.invite('1002')
    await bob.event('CALL_INCOMING')
    bob.answer()
    await second.final()
    await Promise.all([handOn(first, second), first.ended(), second.ended()])
    await Promise.all([alice.hears(bobHz), bob.hears(aliceHz)])
    bob.hangUp()
    await alice.event('CALL_CLOSED')
    // The call that was handed on ended; the other one went on without whoever made it.
    const [kept, ended] = (await organisation.records(4)).toReversed()
    expect(ended).toMatchObject({ caller: { number: '1001' }, callee: { number: '1003' }, hangup_cause: 'ANSWERED' })
    expect(kept).toMatchObject({ caller: { number: '1003' }, callee: { number: '1002' }, hangup_cause: 'ANSWERED' })
    for (const record of [ended, kept]) expect(await typesOf(record ?? {})).toContain('call.transferred')
  })

  it('a forwarded call is taken by the key 1', async () => {
    const { sound, phone } = carol
    const call = await phone.invite('1004')
    await bob.event('CALL_INCOMING')
    bob.answer()
    await bob.event('CALL_ESTABLISHED')
    expect(phone.inbox.filter(({ status, text }) => status === 200 && text.includes(call.callId))).toEqual([])
    bob.press('1')
    const answer = await call.final()
    sound.play(carolHz, mediaOf(answer.body))
    await Promise.all([sound.hears(bobHz), bob.hears(carolHz)])
    await call.bye()
    const record = await lastRecord(5)
    expect(record).toMatchObject({ called_number: '1004', hangup_cause: 'ANSWERED', callee: { number: '1002' } })
  })
})

describe('the guide', () => {
  it('adds a person whose phone registers and is called', async () => {
    const guide = readFileSync(join(root, 'docs/guides/first-phones.md'), 'utf8')
    const block = /```sh\n(put\(\) \{.*?)```/s.exec(guide)?.[1] ?? ''
    const env = { ...process.env, URL: carillon.url, KEY: carillon.instanceKey }
    await run('sh', ['-euc', block], { env })
    const erin = await organisation.phone({ username: 'erin', password: 'correct-horse-1005' })
    expect((await erin.phone.register()).status).toBe(200)
    const call = await carol.phone.invite('1005')
    const leg = await erin.phone.ringing()
    if (leg.invitation) leg.respond(leg.invitation, 486, 'Busy Here')
    expect((await call.final()).status).toBe(486)
  })
})

/** REFER with Replaces (RFC 5589 §7.3), until its last NOTIFY. */
async function handOn(first: PhoneCall, second: PhoneCall): Promise<void> {
  const { callId, localTag, remoteTag } = second.dialog
  const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`)
  const answer = await first.request('REFER', [
    `Refer-To: <${second.target}?Replaces=${replaces}>`,
    `Referred-By: ${first.phone.aor}`,
    `Contact: ${first.phone.contact}`,
  ])
  expect(answer.status).toBe(202)
  for (;;) {
    const notify = await first.received('NOTIFY')
    first.respond(notify, 200, 'OK')
    if (/SIP\/2\.0 [2-6]/.test(notify.body)) {
      expect(notify.body).toContain('SIP/2.0 200')
      return
    }
  }
}
