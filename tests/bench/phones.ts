/**
 * Accounts with users, devices and numbers, straight into the database of a product that runs: a thousand calls of the API
 * would say nothing more.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { createVault } from '../../server/auth/vault.ts'
import type { VoiceFigures } from '../../server/voice/control-protocol.ts'
import type { Carillon } from '../carillon.ts'

export interface PhoneAccount {
  readonly accountId: string
  readonly realm: string
  readonly phones: readonly LoadPhone[]
}

export interface LoadPhone {
  readonly username: string
  readonly realm: string
  /** The internal number of its user. */
  readonly number: string
  /** As sipp wants them in a field. */
  readonly credentials: string
}

const firstNumber = 1_000
const ringSeconds = 2

export async function openDatabaseOf({ dataDir }: Carillon): Promise<pg.Client> {
  const password = readFileSync(join(dataDir, 'postgres/password'), 'utf8').trim()
  const host = join(dataDir, 'postgres/sockets')
  const db = new pg.Client({ host, port: 5432, user: 'postgres', password, database: 'postgres' })
  await db.connect()
  return db
}

/** Each phone has a user of its own and rings for two seconds. */
export async function makePhones(carillon: Carillon, accounts: number, each: number): Promise<PhoneAccount[]> {
  const db = await openDatabaseOf(carillon)
  const vault = createVault(readFileSync(join(carillon.dataDir, 'master.key')))
  const made: PhoneAccount[] = []
  for (let at = 0; at < accounts; at++) {
    const { accountId } = await carillon.account()
    const settings = { billing: {}, max_outside_calls_per_device: null }
    await db.query('update accounts set telephony_enabled = true, settings = $2 where id = $1', [accountId, settings])
    const realm = `${accountId}.localhost`
    const phones: LoadPhone[] = []
    for (let index = 0; index < each; index++) {
      const phone = { username: `d${at}x${index}`, number: String(firstNumber + index) }
      await insertPhone(db, vault, accountId, phone)
      const credentials = `[authentication username=${phone.username} password=secret]`
      phones.push({ ...phone, realm, credentials })
    }
    await askVoice(carillon, { type: 'changed', accountId })
    made.push({ accountId, realm, phones })
  }
  await db.end()
  return made
}

async function insertPhone(
  db: pg.Client,
  vault: ReturnType<typeof createVault>,
  accountId: string,
  { username, number }: { username: string; number: string },
): Promise<void> {
  const [user, device, flow] = [newId(), newId(), newId()]
  await db.query(
    "insert into users (id, account_id, first_name, last_name, preferred_language, timezone, ics_token, priv_level, is_admin) values ($1, $2, $3, '', 'en', 'UTC', $4, 'user', false)",
    [user, accountId, username, newId()],
  )
  await db.query('insert into presence (user_id, account_id) values ($1, $2)', [user, accountId])
  await db.query(
    'insert into devices (id, account_id, name, owner_id, username, secrets) values ($1, $2, $3, $4, $5, $6)',
    [device, accountId, username, user, username, vault.seal(`devices:${device}`, { password: 'secret' })],
  )
  const tree = { id: 'a', module: 'user', data: { id: user, timeout: ringSeconds }, children: {} }
  await db.query('insert into callflows (id, account_id, name, numbers, flow) values ($1, $2, $3, $4, $5)', [
    flow,
    accountId,
    number,
    JSON.stringify([number]),
    tree,
  ])
}

const newId = (): string => randomBytes(12).toString('hex')

export async function voiceFigures(carillon: Carillon): Promise<VoiceFigures> {
  return (await askVoice(carillon, { type: 'figures' })).figures
}

/** Asks the voice process, as the api does. */
async function askVoice({ dataDir }: Carillon, question: object) {
  const socket = connect(join(dataDir, 'voice.sock'))
  socket.write(`${JSON.stringify({ ...question, request: 1 })}\n`)
  let text = ''
  while (!/"request":1[^\n]*\n/.test(text)) text += (await once(socket, 'data'))[0]
  socket.destroy()
  return JSON.parse(text.split('\n').find((line) => line.includes('"request":1')) ?? '{}')
}
