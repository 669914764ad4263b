/**
 * The sound of medias as files of this machine, for whoever plays them: the database holds it, a file is a copy that is
 * made when it is first asked for. Its name has the digest, so that a new upload is another file.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Queries } from './accounts.ts'

interface Uploaded {
  readonly id: string
  readonly digest: string | null
}

const folderOf = (dataDir: string) => join(dataDir, 'medias')
const fileName = (id: string, digest: string) => `${id}-${digest.slice(0, 16)}.wav`

/** Null: nothing was uploaded, or it was replaced or deleted meanwhile. */
export async function mediaFile(db: Queries, dataDir: string, { id, digest }: Uploaded): Promise<string | null> {
  if (digest === null) return null
  const folder = folderOf(dataDir)
  const file = join(folder, fileName(id, digest))
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

/**
 * Takes away the copies made before then of sounds that were replaced or deleted. A player has read the whole of its sound
 * when it begins, so nothing that is heard needs them.
 */
export async function dropOldMediaFiles(db: Queries, dataDir: string, before: Date): Promise<void> {
  const folder = folderOf(dataDir)
  if (!existsSync(folder)) return
  // Listed first: what is made meanwhile is of a sound that the rows have.
  const names = await readdir(folder)
  const rows = await db.selectFrom('medias').select(['id', 'digest']).where('digest', 'is not', null).execute()
  const wanted = new Set(rows.map(({ id, digest }) => fileName(id, digest ?? '')))
  for (const name of names.filter((one) => !wanted.has(one))) {
    const file = join(folder, name)
    const { mtime } = await stat(file)
    if (mtime < before) await rm(file)
  }
}
