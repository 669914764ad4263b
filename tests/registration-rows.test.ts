/** What is written of bindings of devices, against a real database: as many of them as phones come back at once. */
import { expect, it } from 'vitest'
import { mostKeyLength } from '../engine/sip/registrar.ts'
import { newId } from '../server/ids.ts'
import { listRegistrations, type RegistrationRow, writeRegistrations } from '../server/store/registrations.ts'
import { DeviceEvents } from '../server/voice/device-events.ts'
import { testDatabase } from './database.ts'
import { devicesWithOwners } from './many-devices.ts'

const { database } = await testDatabase()
const accountId = newId()
const count = 10_000
const devices = await devicesWithOwners(database, accountId, count)

const expiresAt = new Date(Date.now() + 3_600_000)
const rowOf = (deviceId: string): RegistrationRow => ({
  deviceId, binding: `sip:${deviceId}@192.0.2.1`, accountId, aor: deviceId, contact: `sip:${deviceId}@192.0.2.1`,
  instance: null, regId: null, callId: 'a"b\\c', cseq: 4_294_967_295, path: ['<sip:proxy;lr>'],
  flow: { transport: 'udp', address: '192.0.2.1', port: 5060, flow: null }, transport: 'udp', userAgent: 'Phone/1',
  contactIp: '192.0.2.1', contactPort: 5060, registeredAt: new Date(), expiresAt, node: 'voice-0',
}) // biome-ignore format: a row
const told = new DeviceEvents(Date.now)
const eventOf = (deviceId: string, isGone: boolean) => {
  const source = { transport: 'udp', address: '192.0.2.1', port: 5060, flow: null } as const
  const { path, registeredAt, userAgent: _, flow: __, ...row } = rowOf(deviceId)
  const times = { registeredAt: registeredAt.getTime(), expiresAt: expiresAt.getTime() }
  const binding = { ...row, ...times, key: row.binding, q: 1, path, source, userAgent: '' }
  const change = isGone
    ? ({ type: 'removed', binding, reason: 'expired' } as const)
    : ({ type: 'added', binding } as const)
  const event = told.rowOf({ deviceId, accountId, username: deviceId, ownerId: null }, change, [])
  if (event === null) throw new Error('nothing is told')
  return event
}
const registeredPeople = async () =>
  (await database.selectFrom('presence').select('userId').where('isRegistered', '=', true).execute()).length
const inbox = () =>
  database.selectFrom('eventInbox').select(['type', 'resourceId', 'resourceSeq', 'data']).orderBy('id').execute()

it('T7: ten thousand bindings come, change and go in one write each, with their events in their order', async () => {
  const rows = devices.map(rowOf)
  const events = devices.flatMap((id) => [eventOf(id, false), eventOf(id, false)])
  await writeRegistrations(database, rows, [], events)
  const kept = await listRegistrations(database, 'voice-0')
  expect(kept).toHaveLength(count)
  const [device = ''] = devices
  const first = kept.find(({ deviceId }) => deviceId === device)
  // Its version is that of the last event of it.
  expect(first).toEqual({ ...rows[0], resourceSeq: events[1]?.resourceSeq })
  expect(await registeredPeople()).toBe(count)
  const inOrder = (await inbox()).slice(0, 2 * count)
  expect(inOrder).toEqual(
    events.map(({ type, resourceId, resourceSeq, data }) => ({ type, resourceId, resourceSeq, data })),
  )

  const later = new Date(expiresAt.getTime() + 60_000)
  const refreshed = rows.map((row) => ({ ...row, cseq: 7, expiresAt: later, registeredAt: later }))
  await writeRegistrations(database, refreshed, [], [])
  const again = (await listRegistrations(database, 'voice-0')).find(({ deviceId }) => deviceId === device)
  expect(again).toEqual({ ...first, cseq: 7, expiresAt: later })

  const gone = rows.map(({ deviceId, binding }) => ({ deviceId, binding }))
  await writeRegistrations(
    database,
    [],
    gone,
    devices.map((id) => eventOf(id, true)),
  )
  expect(await listRegistrations(database, 'voice-0')).toEqual([])
  expect(await registeredPeople()).toBe(0)
}, 30_000)

it('T7: a device that was deleted meanwhile has no binding, the others have theirs', async () => {
  const [one = ''] = devices
  const absent = newId()
  await writeRegistrations(database, [rowOf(absent), rowOf(one)], [], [eventOf(absent, false)])
  expect((await listRegistrations(database, 'voice-0')).map(({ deviceId }) => deviceId)).toEqual([one])
})

it('RFC 3261 §10.3: the longest name that a binding may have can be written', async () => {
  const [one = ''] = devices
  // Three bytes each, and nothing that could be made shorter.
  const letter = (at: number) => String.fromCharCode(0x4e00 + ((at * at * 7_919) % 20_000))
  const binding = Array.from({ length: mostKeyLength }, (_, at) => letter(at)).join('')
  await writeRegistrations(database, [{ ...rowOf(one), binding }], [], [])
  expect((await listRegistrations(database, 'voice-0')).map((row) => row.binding)).toContain(binding)
})
