/** Where phones are, as programs see it: lists, states and events of their registrations. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

const statusOf = async (deviceId: string) => (await organisation.call('GET', 'devices/status'))[deviceId]
const toldOf = (deviceId: string, count: number): Promise<Json[]> =>
  until(async () => {
    const events = await carillon.events('device.registered,device.unregistered')
    const own = events.filter(({ resource }) => resource.id === deviceId)
    return own.length >= count ? own : null
  }, `${count} events of the phone`)

describe('a phone that registers', () => {
  it('is listed with where it is, and its device is registered', async () => {
    const list = await organisation.call('GET', 'devices/registrations')
    expect(list[0]).toMatchObject({
      username: alice.username,
      name: 'Phone 1001',
      owner_id: alice.userId,
      device_id: alice.deviceId,
      contact_ip: '127.0.0.1',
      transport: 'udp',
    })
    expect(await statusOf(alice.deviceId)).toEqual({ id: alice.deviceId, registered: true, state: 'idle' })
  })

  it('is told once, not with every refresh, and when it goes', async () => {
    await alice.phone.register()
    await alice.phone.register(0)
    const events = await toldOf(alice.deviceId, 2)
    expect(events.map(({ type }) => type)).toEqual(['device.registered', 'device.unregistered'])
    expect(events[0]).toMatchObject({ account_id: organisation.accountId, resource: { type: 'registration' } })
    expect(events[1]?.data).toMatchObject({
      reason: 'unregistered',
      registration: { device_id: alice.deviceId, username: alice.username, owner_id: alice.userId },
    })
    expect(events[1]?.resource_seq).toBeGreaterThan(events[0]?.resource_seq)
    expect(await statusOf(alice.deviceId)).toEqual({ id: alice.deviceId, registered: false, state: 'offline' })
  })

  it('is signed out with its device, in the moment in which that is answered (T4)', async () => {
    expect((await alice.phone.register()).status).toBe(200)
    const changed = await organisation.call('PATCH', `devices/${alice.deviceId}`, { enabled: false })
    expect(changed.enabled).toBe(false)
    expect((await alice.phone.register()).status).not.toBe(200)
    const disabled = async () => (await toldOf(alice.deviceId, 1)).find(({ data }) => data.reason === 'disabled')
    expect(await until(disabled, 'the end of its registration')).toMatchObject({
      type: 'device.unregistered',
      data: { bindings: [] },
    })
  })

  it('is signed out with a device that is deleted, which is told with its owner', async () => {
    const dave = await organisation.telephone('1004')
    await organisation.call('DELETE', `devices/${dave.deviceId}`)
    expect((await toldOf(dave.deviceId, 2)).at(-1)).toMatchObject({
      type: 'device.unregistered',
      data: { reason: 'deleted', registration: { owner_id: dave.userId } },
    })
  })

  it('is signed out by another password, and what it talks about goes on', async () => {
    const [bob, carol] = [await organisation.telephone('1002'), await organisation.telephone('1003')]
    const call = await bob.phone.invite('1003')
    const taken = await carol.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    const password = 'another-horse-10'
    await organisation.call('PATCH', `devices/${bob.deviceId}`, { password })
    expect((await toldOf(bob.deviceId, 2)).at(-1)).toMatchObject({
      type: 'device.unregistered',
      data: { reason: 'credentials_changed', bindings: [] },
    })
    expect(await statusOf(bob.deviceId)).toMatchObject({ registered: false })
    expect((await bob.phone.register()).status).not.toBe(200)
    expect((await taken.reinvite(carol.phone.sdp('sendonly', 2))).status).toBe(200)
    const [bye] = await Promise.all([taken.bye(), call.ended()])
    expect(bye.status).toBe(200)
    const { phone } = await organisation.phone({ username: bob.username, password })
    expect((await phone.register()).status).toBe(200)
    // A name is told as what it is: nobody has to sign in anew for it.
    await organisation.call('PATCH', `devices/${bob.deviceId}`, { name: 'Renamed' })
    expect(await statusOf(bob.deviceId)).toMatchObject({ registered: true })
  })
})
