/**
 * The first credentials of an installation, `<data dir>/credentials.json` (0600): the instance key and the
 * administrator's password, random where the environment says nothing.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from './config.ts'

const Credentials = z.object({ instanceApiKey: z.string(), adminEmail: z.string(), adminPassword: z.string() })
export type StoredCredentials = z.output<typeof Credentials>

export const credentialsFile = (config: Config): string => join(config.dataDir, 'credentials.json')

/** Reads what an earlier start kept, or draws it. `isNew`: print it now, it is shown nowhere else. */
export function readCredentials(config: Config): StoredCredentials & { readonly isNew: boolean } {
  const file = credentialsFile(config)
  const isNew = !existsSync(file)
  const stored = isNew ? drawCredentials(config) : Credentials.parse(JSON.parse(readFileSync(file, 'utf8')))
  if (isNew) store(file, config.dataDir, stored)
  return { ...stored, instanceApiKey: config.instanceApiKey ?? stored.instanceApiKey, isNew }
}

const drawCredentials = (config: Config): StoredCredentials => ({
  instanceApiKey: config.instanceApiKey ?? randomBytes(32).toString('base64url'),
  adminEmail: config.adminEmail,
  adminPassword: config.adminPassword ?? randomBytes(15).toString('base64url'),
})

function store(file: string, dataDir: string, credentials: StoredCredentials): void {
  mkdirSync(dataDir, { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true })
  chmodSync(draft, 0o600)
  renameSync(draft, file)
}
