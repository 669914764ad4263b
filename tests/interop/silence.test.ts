/** A phone that vanishes from the middle of a call, and phones that only seem to. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, until } from '../carillon.ts'
import { describeSound, hangUp, hearEachOther, talk } from './conversation.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { header } from './phone-message.ts'
import { mediaOf } from './sound.ts'

const [aliceHz, bobHz] = [440, 700]
const timeoutSeconds = 2
/** Packets of 20 ms for a good while longer than that. */
const longer = 50 * timeoutSeconds + 40

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone

beforeAll(async () => {
  carillon = await Carillon.start({ CARILLON_RTP_TIMEOUT: String(timeoutSeconds) })
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
})

afterEach(() => {
  for (const { sound } of [alice, bob]) sound.forget()
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

describe('T27: RTP timeout', () => {
  it('T27: the call ends when neither RTP nor RTCP comes from a phone', async () => {
    const talking = await talk(alice, bob)
    await hearEachOther([alice, aliceHz], [bob, bobHz], talking)
    alice.sound.silence()
    const [bye] = await Promise.all([talking.call.ended(), talking.taken.ended()])
    expect(header(bye, 'Reason')).toContain('cause=41')
    expect((await organisation.records(1)).at(-1)).toMatchObject({
      hangup_cause: 'ANSWERED',
      ended_by: 'system',
      q850_cause: 41,
    })
  })

  it('T27: RTCP alone is a sign of life', async () => {
    const talking = await talk(alice, bob)
    await hearEachOther([alice, aliceHz], [bob, bobHz], talking)
    alice.sound.silence()
    const before = alice.sound.packets.length
    const alive = setInterval(() => alice.sound.report(mediaOf(talking.toCaller)), 500)
    await until(() => alice.sound.packets.length > before + longer, 'a call that goes on').finally(() =>
      clearInterval(alive),
    )
    await hangUp(talking)
  })

  it.each(['sendonly', 'inactive'])('T27: not while on hold (%s)', async (direction) => {
    const talking = await talk(alice, bob)
    await hearEachOther([alice, aliceHz], [bob, bobHz], talking)
    await talking.call.reinvite(describeSound({ port: alice.sound.port, version: 2, direction }))
    alice.sound.silence()
    const before = bob.sound.packets.length
    await until(() => bob.sound.packets.length > before + longer, 'music')
    await talking.call.reinvite(describeSound({ port: alice.sound.port, version: 3 }))
    await hearEachOther([alice, aliceHz], [bob, bobHz], talking)
    await hangUp(talking)
  })
})
