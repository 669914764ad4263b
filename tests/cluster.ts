/**
 * Made once for all products of a run: an empty, migrated cluster of the embedded PostgreSQL, which each of them begins with
 * a copy of (carillon.ts). That is 0.1 s of processor time in place of 0.8; the first start of all is what
 * tests/process/readme.test.ts sees.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../server/postgres/embedded.ts'
import { migrate } from '../server/store/migrate.ts'

export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env.CARILLON_TEST_CLUSTER) return
  const folder = mkdtempSync(join(tmpdir(), 'carillon-cluster-'))
  const postgres = await startPostgres({ folder })
  await migrate(postgres.connection)
  await postgres.stop()
  process.env.CARILLON_TEST_CLUSTER = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
