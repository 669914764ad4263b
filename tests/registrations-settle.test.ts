/** Registrations and presence of ten thousand phones, after a database that was away and over a restart of voice (T4, T7). */
import { expect, it } from 'vitest'
import type { Hop } from '../engine/sip/hop.ts'
import { parseMessage } from '../engine/sip/message.ts'
import { newId } from '../server/ids.ts'
import { listRegistrations, writeRegistrations } from '../server/store/registrations.ts'
import { DeviceEvents } from '../server/voice/device-events.ts'
import { Registrations } from '../server/voice/registrations.ts'
import { testDatabase } from './database.ts'
import { devicesWithOwners } from './many-devices.ts'

const { database } = await testDatabase()
const accountId = newId()
const count = 10_000
const login = { accountId, realm: 'pbx.example', password: 'secret', algorithm: 'MD5', isEnabled: true } as const
const devices = (await devicesWithOwners(database, accountId, count)).map((id) => ({
  ...login, deviceId: id, username: id, ownerId: id,
})) // biome-ignore format: an object
const byId = new Map(devices.map((device) => [device.deviceId, device]))

/** A voice process, as far as it is about registrations. */
function process() {
  const state = { now: Date.now(), isAway: false, writes: 0, failed: 0 }
  const events = new DeviceEvents(() => state.now)
  const attempts: (() => void)[] = []
  const registrations = new Registrations({
    node: 'voice-0',
    clock: () => state.now,
    log: { warn: () => {} } as never,
    write: async (kept, gone, told) => {
      for (const then of attempts.splice(0)) then()
      if (state.isAway) {
        state.failed += 1
        throw new Error('away')
      }
      state.writes += 1
      await writeRegistrations(database, kept, gone, told)
    },
    isAlive: () => true,
    mark: (text) => text,
    changed: (device, change, bindings) => events.rowOf(device, change, bindings),
  })
  return { registrations, state, attempt: () => new Promise<void>((resolve) => attempts.push(resolve)) }
}

let cseq = 0
function registerAll(registrations: Registrations): Promise<number[]> {
  cseq += 1
  const statuses = devices.map((device, at) => {
    const source: Hop = { transport: 'udp', address: '192.0.2.7', port: 1_024 + at, flow: null }
    const lines = [
      'REGISTER sip:pbx.example SIP/2.0',
      `Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK${cseq}`,
      `From: <sip:${device.username}@pbx.example>;tag=1`,
      `To: <sip:${device.username}@pbx.example>`,
      `Call-ID: of-${device.username}`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: <sip:${device.username}@192.0.2.7:${source.port}>;expires=300`,
    ]
    const request = parseMessage(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
    if (request.isFault) throw new Error(request.reason)
    return new Promise<number>((resolve) =>
      registrations.register(request, source, device, ({ status }) => resolve(status)),
    )
  })
  return Promise.all(statuses)
}

const registeredPeople = async () =>
  (await database.selectFrom('presence').select('userId').where('isRegistered', '=', true).execute()).length
const countOf = async (type: string) =>
  (await database.selectFrom('eventInbox').select('id').where('type', '=', type).execute()).length

it('T4, T7: settle in some writes, each of them told once', async () => {
  const first = process()
  first.state.isAway = true
  // They are told that they are registered, and none of that is written.
  expect(new Set(await registerAll(first.registrations))).toEqual(new Set([200]))
  expect(await registeredPeople()).toBe(0)
  // Longer than the phones' interval, so that each refreshes what was never written.
  first.state.now += 200_000
  await registerAll(first.registrations)
  await first.attempt()
  first.state.isAway = false
  await first.attempt()
  await first.registrations.stop()
  expect(first.state.writes).toBeLessThanOrEqual(count / 1_000 + 1)
  expect(await registeredPeople()).toBe(count)
  expect([await countOf('device.registered'), await countOf('presence.changed')]).toEqual([count, count])

  const second = process()
  second.state.now = first.state.now
  second.registrations.restore(await listRegistrations(database, 'voice-0'), (id) => byId.get(id))
  expect(second.registrations.size).toBe(count)
  // What is there still is no news.
  second.registrations.expire()
  await second.registrations.stop()
  expect(second.state.writes).toBe(0)
  second.state.now += 3_600_000
  second.registrations.expire()
  await second.registrations.stop()
  expect(second.state.writes).toBe(count / 1_000)
  expect([await registeredPeople(), await listRegistrations(database, 'voice-0')]).toEqual([0, []])
  expect([await countOf('device.unregistered'), await countOf('presence.changed')]).toEqual([count, 2 * count])
}, 60_000)
