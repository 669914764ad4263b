/** What is written of subscriptions of phones, against a real database: as many of them as phones come back at once. */
import { expect, it } from 'vitest'
import { newId } from '../server/ids.ts'
import { listSipSubscriptions, writeSipSubscriptions } from '../server/store/sip-subscriptions.ts'
import { testDatabase } from './database.ts'
import { devicesWithOwners } from './many-devices.ts'

const { database } = await testDatabase()
const accountId = newId()

it('T7: ten thousand subscriptions come and go in one write each', async () => {
  const devices = await devicesWithOwners(database, accountId, 10_000)
  const states = devices.map((deviceId) => ({
    id: deviceId, accountId, deviceId, event: 'dialog' as const, resource: '101',
    dialog: {
      callId: deviceId, localTag: 'l', remoteTag: 'r', local: 'sip:l@x', remote: 'sip:r@x', localCseq: 1, remoteCseq: 1,
      target: 'sip:t@x', routes: [],
    },
    source: { transport: 'udp' as const, address: '192.0.2.1', port: 5060, flow: null }, version: 1,
    expiresAt: Date.now() + 60_000,
  })) // biome-ignore format: a row
  await writeSipSubscriptions(database, 'voice-0', states, [])
  const kept = await listSipSubscriptions(database, 'voice-0')
  expect(kept.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(states)
  await writeSipSubscriptions(database, 'voice-0', [], devices)
  expect(await listSipSubscriptions(database, 'voice-0')).toEqual([])
}, 30_000)
