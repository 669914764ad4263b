/**
 * `npm run audit`: what an operator may ask of the event log besides reading it (E5).
 *
 *     npm run audit -- verify             walks every account's chain and says where one is broken; exit code 1 then
 *     npm run audit -- erase <user id>    erases what the log tells of a person
 */
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createSigner, readMasterKey, type Signer } from '../auth/signing.ts'
import { readConfig } from '../config.ts'
import { startPostgres } from '../postgres/embedded.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { erasePerson } from './erase.ts'
import { verifyChain } from './verify.ts'

const usage = 'npm run audit -- verify | erase <user id>'

/** The exit code. */
async function audit([command = '', userId = '']: readonly string[]): Promise<number> {
  const config = readConfig(process.env)
  if (command !== 'verify' && !(command === 'erase' && /^[0-9a-f]{24}$/.test(userId))) {
    console.error(usage)
    return 2
  }
  const { database, close } = await open(config.databaseUrl, config.dataDir)
  try {
    if (command === 'erase') return await erase(database, userId)
    return await verify(database, createSigner(await readMasterKey(config.dataDir)))
  } finally {
    await close()
  }
}

async function verify(database: Database, signer: Signer): Promise<number> {
  const heads = await database.selectFrom('eventHeads').select('accountId').orderBy('accountId').execute()
  let broken = 0
  for (const { accountId } of heads) {
    const verdict = await verifyChain(database, signer, accountId)
    if (!verdict.isIntact) broken += 1
    const found = verdict.isIntact ? `${verdict.events} events, intact` : `broken at ${verdict.seq}: ${verdict.reason}`
    console.log(`account ${accountId}: ${found}`)
  }
  return broken === 0 ? 0 : 1
}

async function erase(database: Database, userId: string): Promise<number> {
  const accounts = await database
    .selectFrom('events')
    .select('accountId')
    .distinct()
    .where('userId', '=', userId)
    .execute()
  const actor = { type: 'system', id: userInfo().username } as const
  let count = 0
  for (const { accountId } of accounts)
    count += await erasePerson(database, { accountId, userId, actor, now: new Date() })
  console.log(`${count} events erased`)
  return 0
}

/** The database of a running installation, or of one that is stopped and is stopped again afterwards. */
async function open(databaseUrl: string | undefined, dataDir: string) {
  if (databaseUrl !== undefined) {
    const database = openDatabase({ connectionString: databaseUrl })
    return { database, close: () => database.destroy() }
  }
  const postgres = await startPostgres({ folder: join(dataDir, 'postgres') })
  const database = openDatabase(postgres.connection)
  const close = async () => {
    await database.destroy()
    if (!postgres.isAdopted) await postgres.stop()
  }
  return { database, close }
}

process.exitCode = await audit(process.argv.slice(2))
