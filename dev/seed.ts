/**
 * A world to develop in, made through the API alone: an organisation with Alice 1001 (its administrator), Bob 1002 and
 * Carol 1003, a meeting that is open, a phone for each of them with a number outside for Alice, and a trunk to the fake
 * carrier (fake-carrier.ts). Passwords are random (S11) and kept in `<data dir>/people.json`.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Config } from '../server/config.ts'

const World = z.object({
  organisation: z.string(),
  accountId: z.string(),
  people: z.array(z.object({ name: z.string(), number: z.string(), email: z.string(), password: z.string() })),
  /** How a phone signs in: as `username`, at `realm` or at our address. */
  phones: z.array(z.object({ number: z.string(), username: z.string(), password: z.string() })),
  realm: z.string(),
  phoneNumber: z.string(),
  trunkId: z.string(),
  joinUrl: z.string(),
  hostUrl: z.string(),
})
type World = z.output<typeof World>

interface Place {
  readonly config: Pick<Config, 'dataDir' | 'publicUrl'>
  readonly instanceApiKey: string
  /** Where the fake carrier is. */
  readonly carrier: { readonly address: string; readonly port: number }
}
type People = Pick<World, 'organisation' | 'accountId' | 'people'> & { readonly userIds: readonly string[] }

const names = [
  { name: 'Alice Example', number: '1001', email: 'alice@example.com' },
  { name: 'Bob Example', number: '1002', email: 'bob@example.com' },
  { name: 'Carol Example', number: '1003', email: 'carol@example.com' },
] as const
const [alice, ...others] = names
/** Of those that are for films. */
const phoneNumber = '+3225550100'
const mailMs = 15_000

/** Safe to call at every start: the world is made once, the meeting is a new one. */
export async function seed(place: Place): Promise<World> {
  const file = join(place.config.dataDir, 'people.json')
  const world = existsSync(file) ? readWorld(file) : await makeTelephony(place, await makePeople(place))
  await call(place, 'PATCH', `/v3.0/trunks/${world.trunkId}`, { data: trunkTo(place) }, inAccount(world))
  const meeting = await makeMeeting(place)
  const seeded = { ...world, ...meeting }
  writeFileSync(file, JSON.stringify(seeded, null, 2), { mode: 0o600 })
  return seeded
}

export function formatWorld({ organisation, people, phones, realm, phoneNumber, joinUrl, hostUrl }: World): string {
  return [
    '',
    `${organisation}:`,
    ...people.map(({ name, number, email, password }) => `  ${name}  ${number}  ${email}  ${password}`),
    '',
    `Their phones, at ${realm} or at the address of this machine:`,
    ...phones.map(({ number, username, password }) => `  ${number}  ${username}  ${password}`),
    `Alice is called from outside by ${phoneNumber}.`,
    'Numbers outside lead to a fake carrier: 0470 00 00 00 is busy, …01 is never answered, …02 is no number, …03 has no',
    'lines, …04 hangs up, …05 calls you back; all others answer with an echo.',
    '',
    `A meeting, now: ${joinUrl}`,
    `as its host:    ${hostUrl}`,
    '',
  ].join('\n')
}

function readWorld(file: string): World {
  const world = World.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (world.success) return world.data
  throw new Error(`${file} is of another version: begin with \`npm run dev -- --fresh\`.`)
}

async function makePeople(place: Place): Promise<People> {
  const account = await call(place, 'POST', '/api/v6/account', {
    name: 'Example Ltd',
    accountType: 'standard',
    sendPassword: true,
    adminFirstname: alice.name.split(' ')[0],
    adminLastname: alice.name.split(' ')[1],
    adminEmail: alice.email,
    adminTimezone: 'Europe/Brussels',
  })
  const [admin] = await call(place, 'GET', `/api/v6/account/admin/${account.id}`)
  await call(place, 'PUT', `/api/v6/user/${admin.id}`, { externalUserId: alice.number })
  const userIds: string[] = [admin.id]
  for (const { name, number, email } of others) {
    const [firstName, lastName] = name.split(' ')
    const person = { accountId: account.id, email, firstName, lastName, externalUserId: number }
    const user = await call(place, 'POST', '/api/v6/user', {
      ...person,
      timezone: 'Europe/Brussels',
      sendPassword: true,
    })
    userIds.push(user.id)
  }
  const people = []
  for (const person of names) people.push({ ...person, password: await setPassword(place, person.email) })
  return { organisation: 'Example Ltd', accountId: account.id, people, userIds }
}

async function makeTelephony(place: Place, { userIds, ...world }: People): Promise<Omit<World, 'joinUrl' | 'hostUrl'>> {
  const { accountId } = world
  const put = (path: string, data: object) => call(place, 'PUT', `/v3.0/${path}`, { data }, inAccount(world))
  const settings = { id: accountId, telephony_enabled: true, country: 'BE', restriction: 'none' }
  const { realm } = await call(place, 'POST', '/v3.0/accounts', { data: settings }, inAccount(world))
  await put('phone_numbers', { number: phoneNumber })
  const phones = []
  for (const [index, { name, number }] of names.entries()) {
    const ownerId = userIds[index]
    const username = `${name.split(' ')[0]?.toLowerCase()}-phone`
    const device = await put('devices', { name: `Phone of ${name}`, owner_id: ownerId, username })
    const numbers = number === alice.number ? [number, phoneNumber] : [number]
    await put('callflows', { name, numbers, flow: { module: 'user', data: { id: ownerId, timeout: 30 } } })
    phones.push({ number, username, password: String(device.password) })
  }
  const trunk = await put('trunks', trunkTo(place))
  return { ...world, phones, realm, phoneNumber, trunkId: trunk.id }
}

const trunkTo = ({ carrier }: Place) => ({ name: 'Fake carrier', server: carrier.address, port: carrier.port })

const inAccount = ({ accountId }: Pick<World, 'accountId'>) => ({ 'x-account-id': accountId })

/** As a person does: with the link that was mailed. */
async function setPassword(place: Place, email: string): Promise<string> {
  const password = randomBytes(12).toString('base64url')
  const giveUpAt = performance.now() + mailMs
  for (;;) {
    const token = findLink(join(place.config.dataDir, 'mail'), email)
    if (token) {
      await call(place, 'POST', '/api/v6/link', { token, password })
      return password
    }
    if (performance.now() > giveUpAt)
      throw new Error(`No mail for ${email} arrived: with SMTP_URL set it was sent out.`)
    await wait(100)
  }
}

function findLink(folder: string, email: string): string | undefined {
  if (!existsSync(folder)) return undefined
  for (const name of readdirSync(folder)) {
    // A long line is folded with `=` at its end (quoted-printable, RFC 2045 §6.7).
    const text = readFileSync(join(folder, name), 'utf8').replaceAll(/=\r?\n/g, '')
    if (text.includes(email)) return /\/link\/([\w-]+)/.exec(text)?.[1]
  }
  return undefined
}

async function makeMeeting(place: Place): Promise<{ joinUrl: string; hostUrl: string }> {
  const meeting = { topic: 'Development', startTime: new Date().toISOString(), duration: 24 * 60 }
  const { joinUrl, hostUrl } = await call(place, 'POST', '/api/v6/meeting', meeting, { 'x-user-email': alice.email })
  return { joinUrl, hostUrl }
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the wire, read field by field above
async function call(place: Place, method: string, path: string, body?: unknown, headers?: object): Promise<any> {
  const answer = await fetch(place.config.publicUrl + path, {
    method,
    headers: { 'content-type': 'application/json', 'x-api-key': place.instanceApiKey, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${text}`)
  return JSON.parse(text).data
}
