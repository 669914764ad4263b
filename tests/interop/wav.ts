/** Sounds of an organisation's own: a tone as a WAV file, uploaded. */
import type { Json } from '../carillon.ts'
import type { Organisation } from './organisation.ts'

const rate = 16_000

/** A second of a tone, PCM at 16 kHz. */
function wav(hz: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(44 + 2 * rate)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(bytes.length - 8, 4)
  bytes.write('WAVEfmt ', 8)
  for (const [at, value] of [
    [16, 16],
    [24, rate],
    [28, 2 * rate],
    [40, 2 * rate],
  ] as const)
    bytes.writeUInt32LE(value, at)
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    bytes.writeUInt16LE(value, at)
  bytes.write('data', 36)
  for (let i = 0; i < rate; i++)
    bytes.writeInt16LE(Math.round(8_000 * Math.sin((2 * Math.PI * hz * i) / rate)), 44 + 2 * i)
  return Uint8Array.from(bytes)
}

/** Its id. */
export async function media(organisation: Organisation, name: string, hz: number, fields: Json = {}): Promise<string> {
  const { carillon, accountId } = organisation
  const { id } = await organisation.call('PUT', 'medias', { name, ...fields })
  const answer = await fetch(`${carillon.url}/v3.0/medias/${id}/raw`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav', 'x-api-key': carillon.instanceKey, 'x-account-id': accountId },
    body: wav(hz),
  })
  if (answer.status !== 200) throw new Error(await answer.text())
  return id
}
