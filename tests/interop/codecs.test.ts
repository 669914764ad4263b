/** Phones that nobody here wrote, with codecs in common and without, and with encryption. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon } from '../carillon.ts'
import { Baresip, type BaresipOptions } from './baresip.ts'
import { Organisation, type Person } from './organisation.ts'

const [aliceHz, bobHz] = [440, 700]

let carillon: Carillon
let organisation: Organisation
let people: readonly [Person, Person]
const phones: Baresip[] = []

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  people = [await organisation.person('1001'), await organisation.person('1002')]
})

afterEach(async () => {
  await Promise.all(phones.splice(0).map((phone) => phone.stop()))
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

type Fields = Partial<Pick<BaresipOptions, 'codecs' | 'transport' | 'encryption'>>

async function start({ username, password }: Person, tone: number, fields: Fields): Promise<Baresip> {
  const login = { username, password, domain: organisation.realm, port: carillon.sipPort, tone }
  const phone = await Baresip.start({ ...login, ...fields })
  phones.push(phone)
  return phone
}

/** Both hear each other; what became of it is in the record. */
async function call(ofAlice: Fields, ofBob: Fields): Promise<void> {
  const [alice, bob] = await Promise.all([start(people[0], aliceHz, ofAlice), start(people[1], bobHz, ofBob)])
  const before = (await organisation.records(0)).length
  alice.dial('1002')
  await bob.event('CALL_INCOMING')
  bob.answer()
  await Promise.all([alice.event('CALL_ESTABLISHED'), bob.event('CALL_ESTABLISHED')])
  await Promise.all([alice.hears(bobHz), bob.hears(aliceHz)])
  alice.hangUp()
  await bob.event('CALL_CLOSED')
  const record = (await organisation.records(before + 1)).at(-1)
  expect(record).toMatchObject({ hangup_cause: 'ANSWERED', ended_by: 'caller' })
}

describe('two baresips', () => {
  it.each([
    ['PCMA and PCMU', { codecs: 'PCMA' }, { codecs: 'PCMU' }],
    ['PCMU and PCMA', { codecs: 'PCMU' }, { codecs: 'PCMA' }],
    ['G722 on both sides', { codecs: 'G722' }, { codecs: 'G722' }],
    ['G722 before PCMA, and PCMA alone', { codecs: 'G722,PCMA' }, { codecs: 'PCMA' }],
    ['PCMA, and Opus alone', { codecs: 'PCMA' }, { codecs: 'opus' }],
    ['Opus alone, and PCMU', { codecs: 'opus' }, { codecs: 'PCMU' }],
    ['Opus on both sides', { codecs: 'opus' }, { codecs: 'opus' }],
    ['UDP and TCP', { transport: 'udp' }, { transport: 'tcp' }],
    ['TLS with SRTP, and neither', { transport: 'tls', encryption: 'srtp-mand' }, { transport: 'udp' }],
  ] as const)('%s', async (_name, ofAlice, ofBob) => {
    await call(ofAlice, ofBob)
  })

  it('SRTP on both sides, each called by the other', async () => {
    const secure = { transport: 'tls', encryption: 'srtp-mand' } as const
    await call(secure, secure)
  })
})
