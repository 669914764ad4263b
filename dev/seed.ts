/**
 * A world to develop in, made through the API alone: an organisation with Alice 1001 (its administrator), Bob 1002 and
 * Carol 1003, and a meeting that is open. Passwords are random (S11) and kept in `<data dir>/people.json`.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Config } from '../server/config.ts'

const World = z.object({
  organisation: z.string(),
  people: z.array(z.object({ name: z.string(), number: z.string(), email: z.string(), password: z.string() })),
  joinUrl: z.string(),
  hostUrl: z.string(),
})
type World = z.output<typeof World>

interface Place {
  readonly config: Pick<Config, 'dataDir' | 'publicUrl'>
  readonly instanceApiKey: string
}

const names = [
  { name: 'Alice Example', number: '1001', email: 'alice@example.com' },
  { name: 'Bob Example', number: '1002', email: 'bob@example.com' },
  { name: 'Carol Example', number: '1003', email: 'carol@example.com' },
] as const
const [alice, ...others] = names
const mailMs = 15_000

/** Safe to call at every start: the world is made once, the meeting is a new one. */
export async function seed(place: Place): Promise<World> {
  const file = join(place.config.dataDir, 'people.json')
  const world = existsSync(file) ? World.parse(JSON.parse(readFileSync(file, 'utf8'))) : await makeWorld(place)
  const meeting = await makeMeeting(place)
  const seeded = { ...world, ...meeting }
  writeFileSync(file, JSON.stringify(seeded, null, 2), { mode: 0o600 })
  return seeded
}

export function formatWorld({ organisation, people, joinUrl, hostUrl }: World): string {
  const rows = people.map(({ name, number, email, password }) => `  ${name}  ${number}  ${email}  ${password}`)
  return ['', `${organisation}:`, ...rows, '', `A meeting, now: ${joinUrl}`, `as its host:    ${hostUrl}`, ''].join(
    '\n',
  )
}

async function makeWorld(place: Place): Promise<Omit<World, 'joinUrl' | 'hostUrl'>> {
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
  for (const { name, number, email } of others) {
    const [firstName, lastName] = name.split(' ')
    const person = { accountId: account.id, email, firstName, lastName, externalUserId: number }
    await call(place, 'POST', '/api/v6/user', { ...person, timezone: 'Europe/Brussels', sendPassword: true })
  }
  const people = []
  for (const person of names) people.push({ ...person, password: await setPassword(place, person.email) })
  return { organisation: 'Example Ltd', people }
}

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
