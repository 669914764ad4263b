/** Callers handed on: blind and after asking, while it rings and after, taken and not. */
import { afterEach, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { describeSound, hangUp, hearEachOther, type Talk, talk } from './conversation.ts'
import { openPhones } from './opened.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf } from './sound.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_000]

const { organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'])

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

/** Asks for a transfer, which is taken up. */
async function refer(by: PhoneCall, to: string): Promise<void> {
  const answer = await by.request('REFER', [`Refer-To: <${to}>`, `Contact: ${by.phone.contact}`])
  expect(answer.status).toBe(202)
}

/** What the transferor's phone is told, up to the end of the transfer. */
async function outcome(of: PhoneCall): Promise<number[]> {
  const told: number[] = []
  for (;;) {
    const notify = await of.received('NOTIFY')
    of.respond(notify, 200, 'OK')
    const status = Number(/^SIP\/2\.0 (\d+)/.exec(notify.body)?.[1])
    told.push(status)
    if (status < 200) continue
    expect(header(notify, 'Subscription-State')).toContain('terminated')
    return told
  }
}

const number = (of: string) => `sip:${of}@${organisation.realm}`

function replacing({ target, dialog }: PhoneCall, early = ''): string {
  const { callId, localTag, remoteTag } = dialog
  return `${target}?Replaces=${encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}${early}`)}`
}

const hold = ({ taken }: Talk) =>
  taken.reinvite(describeSound({ port: bob.sound.port, version: 2, direction: 'sendonly' }))

/** Bob talks to Alice, and calls Carol, whose phone rings. */
async function asking(): Promise<{ talking: Talk; asked: PhoneCall; ringing: PhoneCall }> {
  const talking = await talk(alice, bob)
  await hold(talking)
  const asked = await bob.phone.invite('1003')
  const ringing = await carol.phone.ringing()
  const progress = await asked.provisional(180)
  asked.remoteTag = /;tag=([^;\s]+)/.exec(header(progress, 'To'))?.[1] ?? ''
  asked.target = /<([^>]+)>/.exec(header(progress, 'Contact'))?.[1] ?? asked.target
  return { talking, asked, ringing }
}

const aliceAndCarol = (toCaller: string, toCallee: string) =>
  hearEachOther([alice, aliceHz], [carol, carolHz], { toCaller, toCallee })
const aliceAndBob = (talking: Talk) => hearEachOther([alice, aliceHz], [bob, bobHz], talking)

const refuse = (leg: PhoneCall, status: number, reason: string) => {
  if (leg.invitation) leg.respond(leg.invitation, status, reason)
}

/** The record whose call has this in its events. */
async function recordWith(type: string, count: number): Promise<Json> {
  const events = await until(async () => {
    const found = (await organisation.callEvents()).filter((event) => event.type === type)
    return found.length >= count ? found : null
  }, `${count} of ${type}`)
  const id = events[count - 1]?.resource.id
  const isIt = (record: Json) => record.call_id === id
  return until(async () => (await organisation.records(1)).find(isIt), 'its record')
}

describe('T26: blind', () => {
  it('T26: whoever is handed on hears the target; the transferor is told, and gone', async () => {
    const talking = await talk(alice, bob)
    await refer(talking.taken, number('1003'))
    const leg = await carol.phone.ringing()
    expect(leg.invitation?.text).toMatch(/^From: .*<sip:1001@/m)
    const [told] = await Promise.all([outcome(talking.taken), leg.answer(), talking.taken.ended()])
    expect(told.at(-1)).toBe(200)
    await aliceAndCarol(talking.toCaller, leg.invitation?.body ?? '')
    await hangUp({ call: talking.call, taken: leg })
    const record = await recordWith('call.transferred', 1)
    expect(record).toMatchObject({ caller: { number: '1001' }, hangup_cause: 'ANSWERED' })
  })

  it('T26: the caller may hand on whom it called, too', async () => {
    const talking = await talk(alice, bob)
    await refer(talking.call, number('1003'))
    const leg = await carol.phone.ringing()
    expect(leg.invitation?.text).toMatch(/^From: .*<sip:1002@/m)
    const [told] = await Promise.all([outcome(talking.call), leg.answer(), talking.call.ended()])
    expect(told.at(-1)).toBe(200)
    const toCallee = leg.invitation?.body ?? ''
    await hearEachOther([bob, bobHz], [carol, carolHz], { toCaller: talking.toCallee, toCallee })
    await Promise.all([leg.bye(), talking.taken.ended()])
  })

  it.each([
    [486, 'Busy Here'],
    [603, 'Decline'],
  ])('T26: not taken (%i): it is back with the transferor', async (status, reason) => {
    const talking = await talk(alice, bob)
    await refer(talking.taken, number('1003'))
    const leg = await carol.phone.ringing()
    refuse(leg, status, reason)
    expect((await outcome(talking.taken)).at(-1)).toBe(status)
    await aliceAndBob(talking)
    await hangUp(talking)
  })

  it('T26: to a number that nobody has', async () => {
    const talking = await talk(alice, bob)
    await refer(talking.taken, number('4711'))
    expect((await outcome(talking.taken)).at(-1)).toBe(404)
    await aliceAndBob(talking)
    await hangUp(talking)
  })

  it('T26: not taken, and the transferor has hung up already: it is called again', async () => {
    const talking = await talk(alice, bob)
    await refer(talking.taken, number('1003'))
    const leg = await carol.phone.ringing()
    expect((await talking.taken.bye()).status).toBe(200)
    refuse(leg, 486, 'Busy Here')
    const again = await bob.phone.ringing()
    expect(again.invitation?.text).toMatch(/^From: .*<sip:1001@/m)
    await again.answer()
    await hearEachOther([alice, aliceHz], [bob, bobHz], {
      toCaller: talking.toCaller,
      toCallee: again.invitation?.body ?? '',
    })
    await hangUp({ call: talking.call, taken: again })
  })
})

describe('T26: after asking', () => {
  it('T26: both hear each other, and each is shown the other', async () => {
    const allow = ['Allow: INVITE, ACK, BYE, CANCEL, UPDATE, OPTIONS']
    const call = await alice.phone.invite('1002', { lines: allow })
    const taken = await bob.phone.ringing()
    const [answer] = await Promise.all([call.final(), taken.answer()])
    const talking: Talk = { call, taken, toCaller: answer.body, toCallee: '' }
    await hold(talking)
    const asked = await bob.phone.invite('1003')
    const leg = await carol.phone.ringing()
    await Promise.all([asked.final(), leg.answer()])
    await refer(taken, replacing(asked))
    const shown = call.received('UPDATE').then((update) => {
      call.respond(update, 200, 'OK')
      return update
    })
    const [told] = await Promise.all([outcome(taken), taken.ended(), asked.ended()])
    expect(told.at(-1)).toBe(200)
    expect(header(await shown, 'P-Asserted-Identity')).toContain('<sip:1003@')
    await aliceAndCarol(talking.toCaller, leg.invitation?.body ?? '')
    await hangUp({ call, taken: leg })
  })

  it('T26: to a phone that still rings (REFER with Replaces of an early dialog)', async () => {
    const { talking, asked, ringing } = await asking()
    await refer(talking.taken, replacing(asked))
    expect((await asked.final()).status).toBe(487)
    const [told] = await Promise.all([outcome(talking.taken), ringing.answer(), talking.taken.ended()])
    expect(told).toEqual([100, 180, 200])
    await aliceAndCarol(talking.toCaller, ringing.invitation?.body ?? '')
    await hangUp({ call: talking.call, taken: ringing })
  })

  it('T26: which then does not take it: it is back with the transferor', async () => {
    const { talking, asked, ringing } = await asking()
    await refer(talking.taken, replacing(asked))
    expect((await asked.final()).status).toBe(487)
    refuse(ringing, 486, 'Busy Here')
    expect((await outcome(talking.taken)).at(-1)).toBe(486)
    await talking.taken.reinvite(describeSound({ port: bob.sound.port, version: 3 }))
    await aliceAndBob(talking)
    await hangUp(talking)
  })

  it('T26: a dialog that is none of ours is refused, and the call goes on', async () => {
    const talking = await talk(alice, bob)
    const replaces = encodeURIComponent('nobody;to-tag=a;from-tag=b')
    const answer = await talking.taken.request('REFER', [
      `Refer-To: <${number('1003')}?Replaces=${replaces}>`,
      `Contact: ${bob.phone.contact}`,
    ])
    expect(answer.status).toBe(404)
    bob.sound.play(bobHz, mediaOf(talking.toCallee))
    await alice.sound.hears(bobHz)
    await hangUp(talking)
  })
})
