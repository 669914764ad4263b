import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { testApp } from './app.ts'
import { makeTenant } from './world.ts'

const { app, http, connection, dataDir } = await testApp()
const tenant = await makeTenant(http)
const run = promisify(execFile)
const script = join(import.meta.dirname, '../server/events/audit.ts')
writeFileSync(join(dataDir, 'master.key'), Buffer.alloc(32, 7))

/** As an operator runs it: in a process of its own, beside the installation. */
async function audit(...words: string[]): Promise<{ code: number; output: string }> {
  const { host = '', user, password } = connection
  const login = `${user}:${encodeURIComponent(String(password))}`
  const url = `postgres://${login}@localhost/${connection.database}?host=${encodeURIComponent(host)}`
  const env = { PATH: process.env.PATH, CARILLON_DATA_DIR: dataDir, DATABASE_URL: url }
  return run(process.execPath, [script, ...words], { env }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
  )
}

async function settled(): Promise<void> {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
}

it('verifies every account, erases a person, and tells where the log was changed', async () => {
  await settled()
  const before = await audit('verify')
  expect(before.code).toBe(0)
  expect(before.output).toMatch(new RegExp(`^account ${tenant.accountId}: \\d+ events, intact$`, 'm'))
  expect(await audit('erase', tenant.user.id)).toMatchObject({ code: 0, output: '4 events erased\n' })
  await settled()
  expect((await audit('verify')).code).toBe(0)
  await sql`update events set data = '{}' where type = 'account.created' and account_id = ${tenant.accountId}`.execute(
    app.database,
  )
  const after = await audit('verify')
  expect(after.code).toBe(1)
  expect(after.output).toContain(`account ${tenant.accountId}: broken at 1: the data was changed`)
}, 60_000)

it.each([[], ['erase'], ['erase', 'everybody'], ['else']])(
  'explains itself: %j',
  async (...words) => {
    const { code, output } = await audit(...words.flat())
    expect(code).toBe(2)
    expect(output).toContain('npm run audit -- verify | erase <user id>')
  },
  60_000,
)
