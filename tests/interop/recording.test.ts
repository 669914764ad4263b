/** Recording through the API: who is on which channel, pauses, transfers, and processes that are killed meanwhile. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { Telephone } from './organisation.ts'
import { expectMostly, readyOf } from './recorded.ts'
import { command, takes, talkSteered, toldOf } from './steering.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_250]

const { carillon, organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'])

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

const record = (callId: string, action: string) => command(organisation, callId, 'record', { action })

/** So many more packets: their time has passed in the recording too. */
async function hearMore({ sound }: Telephone, ms: number): Promise<void> {
  const before = sound.packets.length
  await until(() => sound.packets.length >= before + ms / 20, `${ms} ms more of sound`, ms + 10_000)
}

const partsLeft = () => readdirSync(join(carillon.dataDir, 'recordings')).filter((name) => name.includes('part'))

it('each side on its channel; a pause leaves no gap; stopped by a command', async () => {
  const { callId, call, taken } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const started = await record(callId, 'start')
  const id = started.data.recording_id
  expect(started).toMatchObject({ type: 'call.recording_started', data: { call: { recording: { id } } } })
  await hearMore(alice, 1_500)
  expect((await record(callId, 'pause')).data.call.recording.is_paused).toBe(true)
  await hearMore(alice, 4_000)
  await record(callId, 'resume')
  await hearMore(alice, 1_500)
  expect((await record(callId, 'stop')).data).toMatchObject({ recording_id: id, reason: 'stopped' })
  const { recording, left, right } = await readyOf(organisation, id)
  expect(recording).toMatchObject({ call_id: callId, status: 'ready', reason: null, owner_id: alice.userId })
  // Three seconds, what commands took, and nothing of the four of the pause.
  expect(recording.duration_seconds).toBeGreaterThan(2)
  expect(recording.duration_seconds).toBeLessThan(6)
  expectMostly(left, aliceHz)
  expectMostly(right, bobHz)
  expect(partsLeft()).toEqual([])
  await Promise.all([call.bye(), taken.ended()])
})

it('goes on when a side is replaced, and ends with the call', async () => {
  const { callId, call, taken, legs } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const id = (await record(callId, 'start')).data.recording_id
  await hearMore(alice, 1_000)
  await command(organisation, callId, 'consult', { leg_id: legs['1001'], to: { user_id: carol.userId } })
  const carols = await takes(carol, carolHz)
  await organisation.eventOf('call.consultation_answered')
  await command(organisation, callId, 'complete')
  await call.ended()
  await Promise.all([bob.sound.hears(carolHz), carol.sound.hears(bobHz)])
  await hearMore(bob, 1_500)
  await Promise.all([taken.bye(), carols.ended()])
  const { recording, left, right } = await readyOf(organisation, id)
  expect(recording.ended_at).not.toBeNull()
  expectMostly(left.subarray(0, 6_000), aliceHz)
  expectMostly(left.subarray(-8_000), carolHz)
  expectMostly(right.subarray(-8_000), bobHz)
  const told = await toldOf(organisation, callId)
  expect(told.slice(-3)).toEqual(['call.recording_stopped', 'call.ended', 'cdr.final'])
})

it('T6: the worker is killed: another part, and both are there in the end', async () => {
  const { callId, call, taken } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const id = (await record(callId, 'start')).data.recording_id
  // What a worker holds back before it writes is two seconds.
  await hearMore(alice, 3_000)
  const { worker } = carillon.pids
  process.kill(worker, 'SIGKILL')
  await until(() => carillon.pids.worker !== worker && carillon.pids.worker > 0, 'another worker')
  alice.sound.packets.length = 0
  await alice.sound.hears(bobHz, 20_000)
  await hearMore(alice, 1_000)
  await Promise.all([call.bye(), taken.ended()])
  const { recording, left, right } = await readyOf(organisation, id)
  expect(recording.duration_seconds).toBeGreaterThan(2.5)
  expectMostly(left.subarray(0, 8_000), aliceHz)
  expectMostly(left.subarray(-4_000), aliceHz)
  expectMostly(right.subarray(-4_000), bobHz)
})

it('T5: the voice process is killed: the same file goes on; the call and the recording end once', async () => {
  const { callId, call, taken } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const id = (await record(callId, 'start')).data.recording_id
  await hearMore(alice, 1_000)
  const { voice } = carillon.pids
  process.kill(voice, 'SIGKILL')
  await until(() => carillon.pids.voice !== voice && carillon.pids.voice > 0, 'another voice process')
  await hearMore(alice, 1_000)
  const stop = () => organisation.raw('POST', `realtime/calls/${callId}/record`, { action: 'stop' })
  await until(async () => (await stop()).status === 200, 'stopping the recording')
  const { recording, left } = await readyOf(organisation, id)
  expect(recording.duration_seconds).toBeGreaterThan(1.5)
  expectMostly(left, aliceHz)
  await Promise.all([call.bye(), taken.ended()])
  const told = await toldOf(organisation, callId)
  expect(told.filter((type) => type === 'call.recording_stopped')).toHaveLength(1)
})

it('everything is killed: what is on the disk is closed at the next start', async () => {
  const { callId } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const id = (await record(callId, 'start')).data.recording_id
  await hearMore(alice, 4_000)
  const { api, voice, worker } = carillon.pids
  for (const pid of [api, voice, worker]) process.kill(pid, 'SIGKILL')
  for (const { sound } of [alice, bob]) sound.silence()
  await until(async () => (await carillon.ready()) === 200, 'ready again', 30_000)
  const end = () => organisation.raw('POST', `realtime/calls/${callId}/hangup`, {})
  await until(async () => [200, 404].includes((await end()).status), 'the end of the call')
  const { recording, left } = await readyOf(organisation, id)
  expect(recording.duration_seconds).toBeGreaterThan(1.5)
  expectMostly(left.subarray(0, 8_000), aliceHz)
})
