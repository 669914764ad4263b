/** Recordings of calls, fetched as an integrator does: WAV, the caller on the left channel and the other on the right. */
import { expect } from 'vitest'
import { type Json, until } from '../carillon.ts'
import type { Organisation } from './organisation.ts'
import { partAt } from './sound.ts'

interface Recorded {
  readonly recording: Json
  readonly left: Int16Array
  readonly right: Int16Array
}

/** Waits until the recording is ready, and reads its two channels. */
export async function readyOf({ carillon, accountId }: Organisation, id: string): Promise<Recorded> {
  const find = async () => (await carillon.events('recording.*')).find(({ resource }) => resource.id === id)
  const event = await until(find, 'recording.ready')
  expect(event.type).toBe('recording.ready')
  const answer = await fetch(`${carillon.url}/v3.0/recordings/${id}/raw`, {
    headers: { 'x-api-key': carillon.instanceKey, 'x-account-id': accountId },
  })
  expect(answer.headers.get('content-type')).toBe('audio/wav')
  expect(answer.headers.get('content-security-policy')).toContain('sandbox')
  const bytes = Buffer.from(await answer.arrayBuffer())
  expect(bytes.length).toBe(event.data.recording.size_bytes)
  expect(bytes.readUInt32LE(40)).toBe(bytes.length - 44)
  const samples = Array.from({ length: (bytes.length - 44) / 4 }, (_, i) => 44 + 4 * i)
  return {
    recording: event.data.recording,
    left: Int16Array.from(samples, (at) => bytes.readInt16LE(at)),
    right: Int16Array.from(samples, (at) => bytes.readInt16LE(at + 2)),
  }
}

/** Each frame of a call, 20 ms, is that tone or it is not: where one is late or missing, the next ones are shifted. */
const frame = 160

/** Of half a second or more; this machine may stumble now and then. */
export function expectMostly(samples: Int16Array, hz: number): void {
  const count = Math.floor(samples.length / frame)
  const isToned = (_: unknown, i: number) => partAt(samples.subarray(frame * i, frame * (i + 1)), hz) >= 0.8
  const toned = Array.from({ length: count }).filter(isToned).length
  expect(count >= 25 && toned >= 0.7 * count, `${hz} Hz in ${toned} of ${count} frames`).toBe(true)
}
