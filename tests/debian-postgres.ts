/**
 * The same setup on Debian's PostgreSQL 15, the oldest that is supported: a private cluster in a temporary folder, on a
 * Unix socket. `TEST_DATABASE_URL` names another server to use instead.
 */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createTemplate } from './postgres.ts'

const bin = '/usr/lib/postgresql/15/bin'
const settings = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'max_connections=200',
  'listen_addresses=',
]

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(join(bin, 'postgres'))) throw new Error('Debian’s postgresql-15 is missing: `npm test` installs it.')
  const folder = mkdtempSync(join(tmpdir(), 'carillon-pg15-'))
  const user = process.getuid?.() === 0 ? accountOf('postgres') : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const run = (program: string, ...flags: string[]) =>
    execFileSync(join(bin, program), flags, { ...user, cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' }, stdio: 'ignore' })
  const data = join(folder, 'data')
  run('initdb', `--pgdata=${data}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C')
  const options = [...settings, `unix_socket_directories=${folder}`].map((setting) => `-c ${setting}`).join(' ')
  run('pg_ctl', 'start', '--wait', `--pgdata=${data}`, `--log=${join(folder, 'log')}`, `--options=${options}`)
  const connection = { host: folder, port: 5432, user: 'postgres', password: '', database: 'postgres' }
  await createTemplate(connection)
  project.provide('postgres', connection)
  return async () => {
    run('pg_ctl', 'stop', '--wait', '--mode=fast', `--pgdata=${data}`)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** PostgreSQL refuses to run as root. */
function accountOf(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
