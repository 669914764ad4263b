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

/** How much of the tone is in each half of a second, in tenths. */
const tenths = (samples: Int16Array, hz: number) =>
  Array.from({ length: Math.floor(samples.length / 4_000) }, (_, i) =>
    Math.round(10 * partAt(samples.subarray(4_000 * i, 4_000 * (i + 1)), hz)),
  )

/** Of a second or more; this machine may stumble now and then. */
export function expectMostly(samples: Int16Array, hz: number): void {
  const parts = tenths(samples, hz)
  const toned = parts.filter((part) => part >= 8).length
  expect(parts.length >= 2 && toned >= 0.7 * parts.length, `${hz} Hz in ${parts}`).toBe(true)
}
