/**
 * The sound of medias as files of this machine, for whoever plays them: the database holds it, a file is a copy that is
 * made when it is first asked for. Its name has the digest, so that a new upload is another file.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Queries } from './accounts.ts'

interface Uploaded {
  readonly id: string
  readonly digest: string | null
}

/** Null: nothing was uploaded, or it was replaced or deleted meanwhile. */
export async function mediaFile(db: Queries, dataDir: string, { id, digest }: Uploaded): Promise<string | null> {
  if (digest === null) return null
  const folder = join(dataDir, 'medias')
  const file = join(folder, `${id}-${digest.slice(0, 16)}.wav`)
  if (existsSync(file)) return file
  const content = await db
    .selectFrom('mediaContents')
    .innerJoin('medias', 'medias.id', 'mediaContents.mediaId')
    .select('mediaContents.bytes')
    .where('medias.id', '=', id)
    .where('medias.digest', '=', digest)
    .executeTakeFirst()
  if (!content) return null
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Whoever looks meanwhile finds no file or a whole one.
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, content.bytes, { mode: 0o600 })
  await rename(draft, file)
  return file
}
