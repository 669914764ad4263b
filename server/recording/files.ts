/**
 * The files of a recording: parts as media workers wrote them, one after the other, and the whole that they are put
 * together to. A part that a killed worker left has no length in its header, and is read to its end.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { formatWavHeader, wavHeaderBytes } from '../../engine/rtp/wav.ts'

export interface PartFile {
  readonly path: string
  /** Its left channel belongs on the right. */
  readonly isSwapped: boolean
}

/** As media workers write them: PCM of 16 bit, two channels. */
const sampleRate = 8_000
const frameBytes = 4

const folderOf = (dataDir: string) => join(dataDir, 'recordings')

export const recordingPartPath = (dataDir: string, id: string, part: number): string =>
  join(folderOf(dataDir), `${id}.part${part}.wav`)

export const recordingPath = (dataDir: string, id: string): string => join(folderOf(dataDir), `${id}.wav`)

/** Before anything is recorded. */
export async function makeRecordingFolder(dataDir: string): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 })
}

/** Bytes of sound in a part, and whether its writer has closed it; null: there is no such file. */
async function look(path: string): Promise<{ readonly bytes: number; readonly isClosed: boolean } | null> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!file) return null
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wavHeaderBytes), 0, wavHeaderBytes, 0)
    const bytes = Math.max(0, size - wavHeaderBytes)
    const said = bytesRead === wavHeaderBytes ? buffer.readUInt32LE(40) : 0
    return {
      bytes: bytes - (bytes % frameBytes),
      isClosed: bytesRead === wavHeaderBytes && said === bytes && bytes > 0,
    }
  } finally {
    await file.close()
  }
}

/** No part is being written any more. */
export async function areClosed(parts: readonly PartFile[]): Promise<boolean> {
  const looks = await Promise.all(parts.map(({ path }) => look(path)))
  return looks.every((one) => one === null || one.isClosed)
}

/** One file of all parts, there as a whole or not at all. Null: there is no sound in them. */
export async function joinParts(
  dataDir: string,
  id: string,
  parts: readonly PartFile[],
): Promise<{ readonly sizeBytes: number; readonly durationMs: number } | null> {
  const found = await Promise.all(parts.map(async (part) => ({ ...part, bytes: (await look(part.path))?.bytes ?? 0 })))
  const sounding = found.filter(({ bytes }) => bytes > 0)
  const bytes = sounding.reduce((sum, part) => sum + part.bytes, 0)
  if (bytes === 0) return null
  const whole = recordingPath(dataDir, id)
  const draft = `${whole}.draft`
  await pipeline(
    async function* () {
      yield formatWavHeader(2, sampleRate, bytes)
      for (const part of sounding) yield* soundOf(part)
    },
    createWriteStream(draft, { mode: 0o600, flush: true }),
  )
  await rename(draft, whole)
  return { sizeBytes: wavHeaderBytes + bytes, durationMs: Math.round((bytes / frameBytes / sampleRate) * 1_000) }
}

async function* soundOf({ path, isSwapped, bytes }: PartFile & { readonly bytes: number }): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { start: wavHeaderBytes, end: wavHeaderBytes + bytes - 1 })
  let rest: Buffer = Buffer.alloc(0)
  for await (const read of stream) {
    const chunk = Buffer.concat([rest, read])
    const whole = chunk.length - (chunk.length % frameBytes)
    rest = chunk.subarray(whole)
    yield isSwapped ? swapped(chunk.subarray(0, whole)) : chunk.subarray(0, whole)
  }
}

function swapped(sound: Buffer): Buffer {
  for (let at = 0; at < sound.length; at += frameBytes) {
    const left = sound.readUInt16LE(at)
    sound.writeUInt16LE(sound.readUInt16LE(at + 2), at)
    sound.writeUInt16LE(left, at + 2)
  }
  return sound
}

/** All of it; what is not there is gone already. */
export async function removeFiles(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })))
}
