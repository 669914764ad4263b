/** Lamps: phones that watch numbers (RFC 4235), through calls, restarts and changes of the configuration. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { header, type Message } from './phone-message.ts'
import { Watching } from './subscriptions.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
let carol: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
  carol = await organisation.telephone('1003')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

/** Carol's phone watches; its first NOTIFY says that nothing goes on. */
async function watch(number: string): Promise<Watching> {
  const watching = new Watching(carol.phone, number)
  expect((await watching.subscribe()).status).toBe(200)
  await watching.state('terminated')
  return watching
}

describe('T26 a phone that watches a number', () => {
  it('is told of its calls: who calls while it rings, that it talks, and that it is over', async () => {
    const [onBob, onAlice] = [await watch('1002'), await watch('1001')]
    const call = await alice.phone.invite('1002')
    const taken = await bob.phone.ringing()
    const ringing = await onBob.state('early')
    expect(header(ringing, 'Subscription-State')).toMatch(/^active;expires=\d+$/)
    expect(ringing.body).toContain('direction="recipient"')
    expect(ringing.body).toContain('<identity display="Person 1001 Test">sip:1001@')
    expect((await onAlice.state('early')).body).toContain('direction="initiator"')
    const answered = taken.answer()
    await call.final()
    await answered
    await Promise.all([onBob.state('confirmed'), onAlice.state('confirmed')])
    await Promise.all([call.bye(), taken.ended()])
    await Promise.all([onBob.state('terminated'), onAlice.state('terminated')])
  })

  it('takes a ringing call by what the document says (RFC 3891)', async () => {
    const watching = await watch('1002')
    const call = await alice.phone.invite('1002')
    const ringing = await bob.phone.ringing()
    const { body } = await watching.state('early')
    const part = (name: string) => new RegExp(` ${name}="([^"]+)"`).exec(body)?.[1] ?? ''
    const replaces = `Replaces: ${part('call-id')};to-tag=${part('remote-tag')};from-tag=${part('local-tag')}`
    const taken = await carol.phone.invite('1002', { lines: [replaces] })
    const [answer] = await Promise.all([taken.final(), call.final()])
    expect(answer.status).toBe(200)
    const cancel = await ringing.received('CANCEL')
    ringing.respond(cancel, 200, 'OK')
    if (ringing.invitation) ringing.respond(ringing.invitation, 487, 'Request Terminated')
    await watching.state('terminated')
    await Promise.all([call.bye(), taken.ended()])
  })

  it('of another package is told which there are', async () => {
    const answer = await new Watching(carol.phone, '1002').subscribe(600, 'message-summary')
    expect([answer.status, header(answer, 'Allow-Events')]).toEqual([489, 'dialog'])
  })

  it('gets 404 for what is no number of a person or a phone, and 403 without the right password', async () => {
    expect((await new Watching(carol.phone, '4711').subscribe()).status).toBe(404)
    const { phone } = await organisation.phone({ username: carol.username, password: 'wrong-horse-9' })
    expect((await new Watching(phone, '1002').subscribe()).status).toBe(403)
  })
})

describe('T7 a subscription', () => {
  it('outlives the voice process, and is told the present state within 10 s', async () => {
    const watching = await watch('1002')
    const call = await alice.phone.invite('1002')
    const taken = await bob.phone.ringing()
    const answered = taken.answer()
    await call.final()
    await answered
    await watching.state('confirmed')
    await until(async () => (await organisation.call('GET', 'devices/registrations')).length === 3, 'registrations')
    const { voice } = carillon.pids
    kill(voice)
    // Documents of the next process are numbered far above those of the one before.
    const isFresh = ({ body }: Message) => Number(/ version="(\d+)"/.exec(body)?.[1]) >= 10_000
    expect((await watching.told('the present state', isFresh)).body).toContain('<state>confirmed</state>')
    const bye = await call.bye()
    expect(bye.status).toBe(200)
    await taken.ended()
    await watching.state('terminated')
    expect((await watching.subscribe(0)).status).toBe(200)
    const last = await watching.told('the end', (one) => header(one, 'Subscription-State').startsWith('terminated'))
    expect(header(last, 'Subscription-State')).toBe('terminated;reason=timeout')
  })

  it('ends with its number, and with its device', async () => {
    const dave = await organisation.person('1004')
    const onDave = await watch('1004')
    await organisation.call('DELETE', `callflows/${dave.callflowId}`)
    const isOver = (reason: string) => (one: Message) =>
      header(one, 'Subscription-State') === `terminated;reason=${reason}`
    await onDave.told('no such number', isOver('noresource'))
    const onBob = await watch('1002')
    await organisation.call('DELETE', `devices/${carol.deviceId}`)
    await onBob.told('no such device', isOver('rejected'))
  })
})
