/** Two accounts with people, keys and meetings, made through the API: the ground on which rights are tested. */
import { randomBytes, randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { Insertable } from 'kysely'
import { allScopes, type Scope } from '../contract/access.ts'
import { callExamples } from '../contract/call.ts'
import type { Operation } from '../contract/define.ts'
import { examples } from '../contract/examples.ts'
import { telephonyIds } from '../contract/telephony-examples.ts'
import { webhookIds } from '../contract/webhook-examples.ts'
import { formatWavHeader } from '../engine/rtp/wav.ts'
import { newId } from '../server/ids.ts'
import { makeRecordingFolder, recordingPath } from '../server/recording/files.ts'
import type { Database, Tables } from '../server/store/database.ts'
import { call, instanceKey, type TestApp } from './app.ts'

interface Person {
  readonly id: string
  readonly email: string
  /** A token of this person. */
  readonly token: string
  readonly icsToken: string
}

export interface Tenant {
  readonly accountId: string
  readonly admin: Person
  readonly user: Person
  /** May everything in this account. */
  readonly key: { readonly id: string; readonly secret: string }
  /** Planned by `user`. */
  readonly meeting: { readonly id: string; readonly meetingId: string; readonly icsToken: string }
  /** Of the log, and about `user`. */
  readonly eventId: string
  /** Null until `withTelephony` made them. */
  readonly telephony: Telephony | null
}

interface Telephony {
  readonly deviceId: string
  readonly trunkId: string
  readonly callflowId: string
  readonly number: string
  /** Of `user`'s own phone book. */
  readonly contactId: string
  readonly mediaId: string
  /** Over, and `user`'s. */
  readonly callId: string
  /** Going on, and `user`'s. */
  readonly liveCallId: string
  /** Of that call, with its sound. */
  readonly recordingId: string
  readonly webhookId: string
  /** A test that waits. */
  readonly deliveryId: string
}

/** What an administrator may also pass on. */
const personScopes = allScopes.filter((scope) => !['secrets', 'act_as', 'instance'].includes(scope))

export const operator = { 'x-api-key': instanceKey }
export const withKey = (secret: string) => ({ 'x-api-key': secret })
export const withToken = (token: string) => ({ 'x-auth-token': token })

/** What a page of this server sends by itself, where only such may ask (S2). */
export const fromPage = { origin: 'http://localhost:8080', 'x-carillon-client': 'test' }
export const pageHeaders = ({ access }: Operation) => (access.kind === 'public' && access.isForPages ? fromPage : {})

/** The operator, acting in an account. */
export const inAccount = (accountId: string) => ({ ...operator, 'x-account-id': accountId })

export const unique = (): string => randomBytes(6).toString('hex')

/** What `call` answers, or a test that fails with the refusal. */
export async function done(
  http: FastifyInstance,
  ...rest: Parameters<typeof call> extends [unknown, ...infer R] ? R : never
) {
  const answer = await call(http, ...rest)
  if (answer.status !== 200) throw new Error(`${rest[0]} ${rest[1]}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

export async function makeTenant(http: FastifyInstance): Promise<Tenant> {
  const adminEmail = `admin-${unique()}@example.com`
  const account = await done(http, 'POST', '/api/v6/account', {
    adminFirstname: 'Ann',
    adminLastname: 'Admin',
    adminEmail,
  })
  const accountId: string = account.data.id
  const admins = await done(http, 'GET', `/api/v6/account/admin/${accountId}`)
  const email = `user-${unique()}@example.com`
  const user = await done(http, 'POST', '/api/v6/user', { accountId, email, firstName: 'Uma' })
  const key = await makeKey(http, accountId, personScopes)
  await done(http, 'POST', '/v3.0/accounts', { data: { id: accountId, telephony_enabled: true } }, inAccount(accountId))
  const planned = await done(
    http,
    'POST',
    '/api/v6/meeting',
    { topic: 'Plans' },
    { ...operator, 'x-user-id': user.data.id },
  )
  const token = await tokenFor(http, email)
  const events = await done(http, 'GET', '/v3.0/events?limit=1&wait=30', undefined, withToken(token))
  return {
    accountId,
    eventId: events.data[0].id,
    admin: { ...admins.data[0], token: await tokenFor(http, adminEmail) },
    user: { ...user.data, token },
    key,
    meeting: planned.data,
    telephony: null,
  }
}

/** One of each object; none of them names another. */
export async function withTelephony({ http, app }: Pick<TestApp, 'http' | 'app'>, tenant: Tenant): Promise<Tenant> {
  const put = (path: string, data: object) => done(http, 'PUT', path, { data }, withKey(tenant.key.secret))
  const number = newNumber()
  const sandbox = { id: tenant.accountId, sandbox: true }
  await done(http, 'POST', '/v3.0/accounts', { data: sandbox }, inAccount(tenant.accountId))
  const device = await put('/v3.0/devices', { name: 'Phone' })
  const trunk = await put('/v3.0/trunks', { name: 'Trunk', server: 'sip.carrier.example' })
  await put('/v3.0/phone_numbers', { phone_numbers: [number] })
  const flow = { module: 'hangup', data: {} }
  const callflow = await put('/v3.0/callflows', { name: 'Nobody', numbers: ['2001'], flow })
  const names = { first: 'Carla', last: 'Client' }
  const contact = await put('/v3.0/directories', { user_id: tenant.user.id, details: { names } })
  const media = await put('/v3.0/medias', { name: 'Welcome' })
  await upload(http, media.data.id, aWav(100), withKey(tenant.key.secret))
  const webhook = await put('/v3.0/webhooks', { url: 'https://crm.example.com/hook' })
  const test = `/v3.0/webhooks/${webhook.data.id}/test`
  const delivery = await done(http, 'POST', test, { data: {} }, withKey(tenant.key.secret))
  const callId = await insertCall(app.database, { accountId: tenant.accountId, ownerId: tenant.user.id })
  const liveCallId = await insertLiveCall(app.database, tenant)
  const recordingId = await insertRecording(app, { accountId: tenant.accountId, callId })
  const telephony = {
    deviceId: device.data.id,
    trunkId: trunk.data.id,
    callflowId: callflow.data.id,
    number,
    contactId: contact.data.id,
    mediaId: media.data.id,
    callId,
    liveCallId,
    recordingId,
    webhookId: webhook.data.id,
    deliveryId: delivery.data.id,
  }
  return { ...tenant, telephony }
}

/** A recording that is ready: a tenth of a second on two channels. */
export async function insertRecording(
  { database, config }: Pick<TestApp['app'], 'database' | 'config'>,
  recording: { readonly accountId: string; readonly callId: string } & Partial<Insertable<Tables['recordings']>>,
): Promise<string> {
  const id = recording.id ?? newId()
  const sound = Buffer.alloc(3_200, 1)
  await makeRecordingFolder(config.dataDir)
  await writeFile(recordingPath(config.dataDir, id), Buffer.concat([formatWavHeader(2, 8_000, sound.length), sound]))
  const startedAt = new Date('2026-05-04T09:00:10.000Z')
  const told = { startedAt, endedAt: new Date('2026-05-04T09:02:00.000Z'), durationMs: 100, sizeBytes: 3_244 }
  await database
    .insertInto('recordings')
    .values({ status: 'ready', parts: '[]', ...told, ...recording, id })
    .execute()
  return id
}

/** A call that is over, as the voice process writes it: with a leg and its trace. */
export async function insertCall(
  database: Database,
  call: { readonly accountId: string } & Partial<Insertable<Tables['calls']>>,
): Promise<string> {
  const id = call.id ?? `call_${newId()}`
  const startedAt = call.startedAt ?? new Date('2026-05-04T09:00:00.000Z')
  const later = (seconds: number) => new Date(startedAt.getTime() + seconds * 1000)
  const told = {
    direction: 'incoming' as const,
    callerNumber: '+3225550199',
    calledNumber: '+3225550100',
    answeredAt: later(6),
    endedAt: later(120),
    heartbeatAt: later(120),
    hangupCause: 'ANSWERED' as const,
    endedBy: 'callee' as const,
    durationSeconds: 120,
    billingSeconds: 114,
    node: 'test',
  }
  await database
    .insertInto('calls')
    .values({ ...told, ...call, id, startedAt })
    .execute()
  const { accountId } = call
  const leg = { id: `leg_${newId()}`, callId: id, accountId, role: 'callee' as const, number: '1001', startedAt }
  await database.insertInto('callLegs').values(leg).execute()
  const message = { direction: 'in', transport: 'udp', peer: '192.0.2.4:5060', sip_call_id: 'a@b', message: 'INVITE' }
  const messages = JSON.stringify([{ at: startedAt.toISOString(), ...message }])
  await database.insertInto('callTraces').values({ callId: id, accountId, messages }).execute()
  return id
}

/** One that goes on. */
export async function insertLiveCall(database: Database, { accountId, user }: Pick<Tenant, 'accountId' | 'user'>) {
  const id = `call_${newId()}`
  const over = { endedAt: null, hangupCause: null, endedBy: null, durationSeconds: null, billingSeconds: null }
  const party = { ...callExamples.state.caller, user_id: user.id }
  const state = JSON.stringify({ ...callExamples.state, id, account_id: accountId, caller: party })
  return insertCall(database, { id, accountId, ownerId: user.id, fromUserId: user.id, state, ...over })
}

/** A WAV file of silence. */
export function aWav(ms: number): Buffer {
  const data = Buffer.alloc(ms * 16)
  return Buffer.concat([formatWavHeader(1, 8_000, data.length), data])
}

export async function upload(http: FastifyInstance, mediaId: string, payload: Buffer, headers: Record<string, string>) {
  const url = `/v3.0/medias/${mediaId}/raw`
  const answer = await http.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'audio/wav', ...headers },
    payload,
  })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
}

export const newNumber = (): string => `+322${String(randomInt(1e9)).padStart(9, '0')}`

/** Operations of the telephony API that act within one account, which an operator names. */
export const isOfOneAccount = ({ path }: Operation): boolean =>
  path.startsWith('/v3.0/') && !/^\/v3\.0\/(auth|whoami|events)/.test(path)

/** The example of the contract, with the tenant's objects in place of the shown ones and new names where they must be. */
export function exampleBody(operation: Operation, tenant: Tenant): unknown {
  if (operation.example?.body === undefined) return undefined
  const replaced = Object.entries({
    [telephonyIds.account]: tenant.accountId,
    [telephonyIds.user]: tenant.user.id,
    [telephonyIds.device]: tenant.telephony?.deviceId,
    [telephonyIds.trunk]: tenant.telephony?.trunkId,
    [telephonyIds.callflow]: tenant.telephony?.callflowId,
    [telephonyIds.contact]: tenant.telephony?.contactId,
    [telephonyIds.media]: tenant.telephony?.mediaId,
    [webhookIds.webhook]: tenant.telephony?.webhookId,
    [examples.meeting.id]: tenant.meeting.id,
    [telephonyIds.number]: isNewNumber(operation) ? newNumber() : tenant.telephony?.number,
    'test-user@example.com': `${unique()}@example.com`,
  }).reduce((text, [shown, own]) => text.replaceAll(shown, own ?? shown), JSON.stringify(operation.example.body))
  return JSON.parse(replaced)
}

/** A number of its own for each; callers ring one that is there. */
const isNewNumber = ({ method, path }: Operation) => method === 'PUT' && path !== '/v3.0/sandbox/calls'

/** The address of what the tenant has; a person is `user`, whom also an administrator may change or remove. */
export function pathOf({ path }: Operation, tenant: Tenant): string {
  const kinds = {
    '/meeting/': tenant.meeting.id,
    '/user/': tenant.user.id,
    '/users/': tenant.user.id,
    '/events/': tenant.eventId,
    '/account/': tenant.accountId,
    '/accounts/': tenant.accountId,
    '/devices/': tenant.telephony?.deviceId,
    '/trunks/': tenant.telephony?.trunkId,
    '/callflows/': tenant.telephony?.callflowId,
    '/phone_numbers/': tenant.telephony?.number,
    '/directories/': tenant.telephony?.contactId,
    '/medias/': tenant.telephony?.mediaId,
    '/webhooks/': tenant.telephony?.webhookId,
    '/calls_history/': tenant.telephony?.callId,
    '/recordings/': tenant.telephony?.recordingId,
  }
  const id = Object.entries(kinds).find(([part]) => path.includes(part))?.[1] ?? tenant.key.id
  const icsToken = path.includes('/user/') ? tenant.user.icsToken : tenant.meeting.icsToken
  return path
    .replace('{id}', id)
    .replace('{call_id}', tenant.telephony?.liveCallId ?? `call_${newId()}`)
    .replace('{delivery_id}', tenant.telephony?.deliveryId ?? '')
    .replace('{accountId}', tenant.accountId)
    .replace('{userId}', tenant.user.id)
    .replace('{notifyParticipants}', 'false')
    .replace('{icsToken}', icsToken)
}

export async function makeKey(http: FastifyInstance, accountId: string, permissions?: readonly Scope[]) {
  const made = await done(http, 'POST', '/api/v6/apikey', {
    name: 'Test',
    accountId,
    ...(permissions && { permissions }),
  })
  return { id: made.data.id as string, secret: made.data.key as string }
}

export async function tokenFor(http: FastifyInstance, username: string): Promise<string> {
  const answer = await done(http, 'PUT', '/v3.0/auth/user', { data: { username, api_key: instanceKey } }, {})
  return answer.auth_token
}
