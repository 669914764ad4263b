/**
 * What callers send by mistake or malice: each is refused with a status, a code and the field, and changes nothing. The
 * operations are the table's, so that a new one is tested by being there.
 */
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { errors } from '../contract/errors.ts'
import type { Operation } from '../contract/define.ts'
import { operationTable } from '../contract/operations.ts'
import { testApp } from './app.ts'
import {
  exampleBody,
  isOfOneAccount,
  makeTenant,
  operator,
  pageHeaders,
  pathOf,
  unique,
  withTelephony,
} from './world.ts'

const { app, http } = await testApp()
const tenant = await withTelephony({ app, http }, await makeTenant(http))
const table = Object.entries(operationTable) as [string, Operation][]
const withBody = table.filter(([, { body }]) => body !== undefined)
const withFields = withBody.filter(([, { surface }]) => surface === 'meeting')
const strict = withBody.filter(([, { surface }]) => surface === 'telephony')

/** Every row of every table: what was refused must not have left any. */
async function rows(): Promise<Record<string, number>> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'events\\_%'`.execute(
    app.database,
  )
  // One statement, one snapshot: an event moves from the inbox to the log meanwhile.
  const each = tables.map(({ name }) => sql`select ${sql.lit(name)} as name, count(*) as count from ${sql.table(name)}`)
  const counted = await sql<{ name: string; count: number }>`${sql.join(each, sql` union all `)}`.execute(app.database)
  const counts = Object.fromEntries(counted.rows.map(({ name, count }) => [name, count]))
  // An event is in one or the other.
  const { event_inbox: waiting = 0, events = 0, event_heads: _, ...rest } = counts
  return { ...rest, events: waiting + events }
}

/** An operator who acts in the account, where the operation is one of an account. */
const headersOf = (operation: Operation): Record<string, string> => ({
  ...operator,
  ...(isOfOneAccount(operation) && { 'x-account-id': tenant.accountId }),
  ...pageHeaders(operation),
  ...(operation.path === '/api/v6/meeting' && { 'x-user-id': tenant.user.id }),
})

async function send(operation: Operation, payload: string, headers: Record<string, string> = {}, query = '') {
  const answer = await http.inject({
    method: operation.method,
    url: pathOf(operation, tenant) + query,
    headers: { 'content-type': 'application/json', ...headersOf(operation), ...headers },
    payload,
  })
  expect(answer.body, 'an answer is never empty').not.toBe('')
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
}

const exampleOf = (operation: Operation) => {
  const body = exampleBody(operation, tenant) as Record<string, unknown>
  const email = `${unique()}@example.com`
  if ('adminEmail' in body) body.adminEmail = email
  if ('email' in body) body.email = email
  if ('id' in body) body.id = tenant.meeting.id
  return body
}

/** The field that a refusal names. */
const fieldsOf = (body: { data?: Refusal; error?: { details: Refusal } }) =>
  (body.data ?? body.error?.details)?.issues?.map(({ field }) => field) ?? []
interface Refusal {
  readonly issues?: { field: string; message: string }[]
}

let before: Record<string, number>
const isChangeExpected = { value: false }
beforeEach(async () => {
  isChangeExpected.value = false
  before = await rows()
})
afterEach(async () => {
  if (!isChangeExpected.value) expect(await rows()).toEqual(before)
})

describe.each(withBody)('%s refuses', (_id, operation) => {
  it.each([
    ['what is no JSON', '{"topic":'],
    ['a list', '[]'],
    ['a text', '"text"'],
    ['a number', '1'],
    ['null', 'null'],
    ['what would change the kind of the object', '{"__proto__":{"isAdmin":true}}'],
    ['NUL in a value', '{"topic":"a\\u0000b"}'],
    ['NUL in a name', '{"a\\u0000b":1}'],
    ['half of a surrogate pair', '{"topic":"\\ud800"}'],
    ['endless nesting', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a list nested in a field', `{"documents":${'['.repeat(500)}${']'.repeat(500)}}`],
  ])('%s', async (_what, payload) => {
    const { status, body } = await send(operation, payload)
    expect(status).toBe(400)
    if (operation.surface === 'meeting')
      expect(body).toMatchObject({ responseCode: -4, data: { type: 'invalid_request' } })
    else expect(body.error.type).toBe('invalid_request')
    expect(fieldsOf(body)).toHaveLength(Math.max(1, fieldsOf(body).length))
  })

  it('more than a megabyte, with 413', async () => {
    const { status, body } = await send(operation, JSON.stringify({ topic: 'x'.repeat(1_100_000) }))
    expect(status).toBe(413)
    expect(body.responseCode ?? body.error.type).toBe(
      operation.surface === 'meeting' ? errors.too_large.responseCode : 'too_large',
    )
  })
})

describe.each(withFields)('%s', (_id, operation) => {
  const shape = operation.body instanceof z.ZodObject ? operation.body.shape : {}

  it.each(Object.keys(shape))('refuses a wrong kind of %s and names it', async (field) => {
    const wrong = field === 'defaultMeetingPermissions' ? undefined : { a: [1] }
    if (wrong === undefined) return expect(shape[field]?.safeParse(1).success).toBe(true) // any JSON is right
    const isRecord = shape[field]?.safeParse(wrong).success === true
    const { status, body } = await send(
      operation,
      JSON.stringify({ ...exampleOf(operation), [field]: isRecord ? 'text' : wrong }),
    )
    expect(status).toBe(400)
    expect(fieldsOf(body)[0]).toBe(field)
    expect(body.responseMessage).toContain(field)
  })

  it('refuses control characters in whatever is one line', async () => {
    for (const [field, type] of Object.entries(shape)) {
      const isLine = type.safeParse('plain').success && !type.safeParse('two\r\nlines').success
      if (!isLine) continue
      for (const text of ['two\r\nlines', 'a\nb', 'esc\u001b[31m', 'tab\t', 'sep\u2028']) {
        const { status, body } = await send(operation, JSON.stringify({ ...exampleOf(operation), [field]: text }))
        expect(status, `${field}: ${JSON.stringify(text)}`).toBe(400)
        expect(fieldsOf(body)[0]).toBe(field)
      }
    }
  })

  it('names what it ignores, and refuses it when asked to be strict', async () => {
    const body = { ...exampleOf(operation), surprise: 1, 'étrange, nom': 2 }
    const refused = await send(operation, JSON.stringify(body), {}, '?strict=true')
    expect(refused.status).toBe(400)
    expect(fieldsOf(refused.body)).toEqual(['surprise'])
    const missing = operation.access.kind === 'public'
    isChangeExpected.value = !missing
    const { status, headers } = await send(operation, JSON.stringify(body))
    expect(status).toBe(missing ? 401 : 200)
    expect(headers['x-ignored-fields']).toBe(`surprise, ${encodeURIComponent('étrange, nom')}`)
  })

  it('keeps the list of ignored names short enough for a header', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${'n'.repeat(100)}${index}`, 1]))
    isChangeExpected.value = operation.access.kind !== 'public'
    const { headers } = await send(operation, JSON.stringify({ ...exampleOf(operation), ...many }))
    expect(String(headers['x-ignored-fields']).length).toBeLessThan(4000)
    expect(headers['x-ignored-fields']).toMatch(/and-4980-more$/)
  })
})

it.each(strict)('%s refuses an unknown field by name', async (_id, operation) => {
  const { data } = exampleOf(operation) as { data: object }
  const inside = await send(operation, JSON.stringify({ data: { ...data, surprise: 1 } }))
  expect(inside.status).toBe(400)
  expect(fieldsOf(inside.body)).toEqual(['data.surprise'])
  const beside = await send(operation, JSON.stringify({ data, surprise: 1 }))
  expect(fieldsOf(beside.body)).toEqual(['surprise'])
  expect(fieldsOf((await send(operation, '')).body)).toEqual(['data'])
})

describe('a body', () => {
  const { createMeeting } = operationTable
  const text = JSON.stringify({ topic: 'Whatever the type' })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    'application/vnd.example+json',
  ])('is JSON, sent as %s', async (type) => {
    isChangeExpected.value = true
    expect((await send(createMeeting, text, { 'content-type': type })).status).toBe(200)
  })

  it('is UTF-8, with or without a mark in front; anything else is refused and not mangled', async () => {
    const headers = { ...operator, 'x-user-id': tenant.user.id, 'content-type': 'application/json' }
    const plan = (payload: Buffer) => http.inject({ method: 'POST', url: '/api/v6/meeting', headers, payload })
    const body = JSON.stringify({ topic: 'Café' })
    const refused = await plan(Buffer.from(body, 'latin1'))
    expect(refused.statusCode).toBe(400)
    expect(refused.json().responseMessage).toContain('body: is not UTF-8')
    const marked = await plan(Buffer.from(`\ufeff${body}`))
    expect(marked.json().data.topic).toBe('Café')
    isChangeExpected.value = true
  })

  it('needs no type at all', async () => {
    isChangeExpected.value = true
    const headers = { ...operator, 'x-user-id': tenant.user.id }
    const answer = await http.inject({ method: 'POST', url: '/api/v6/meeting', headers, payload: Buffer.from(text) })
    expect(answer.statusCode).toBe(200)
  })

  it('may be absent where nothing must be sent, whatever its type says', async () => {
    const headers = { ...operator, 'content-type': 'application/json' }
    const url = `/api/v6/meeting/${tenant.meeting.id}`
    const answer = await http.inject({ method: 'PUT', url: `${url}/false`, headers })
    expect(answer.statusCode).toBe(200)
    const unknown = await http.inject({ method: 'DELETE', url: `/api/v6/meeting/${'0'.repeat(24)}`, headers })
    expect(unknown.statusCode).toBe(404)
  })
})

describe('an address', () => {
  it.each([
    ['GET', '/api/v6/nothing', 404],
    ['GET', '/v3.0/nothing', 404],
    ['GET', '/nothing', 404],
    ['GET', '/api/v6/account/%zz', 400],
    ['GET', `/api/v6/account/${'a'.repeat(250)}`, 400],
    ['GET', '/api/v6/account/%00', 400],
    ['GET', '/api/v6/account/not-an-id', 400],
    ['GET', `/api/v6/meeting/calender/user/${'a'.repeat(40)}%00`, 400],
    ['GET', '/api/v6/meeting?topic=%00', 400],
    ['GET', '/api/v6/meeting?limit=0', 400],
    ['GET', '/api/v6/meeting?limit=x', 400],
    ['GET', '/api/v6/meeting?topic=a&topic=b', 400],
    ['GET', '/api/v6/meeting?from=0000-01-01T00:00:00Z', 400],
    ['GET', '/v3.0/events?surprise=1', 400],
    ['GET', '/v3.0/events?after=nonsense', 400],
    ['GET', '/v3.0/events?after=czzzzzzzz', 400],
    ['GET', '/v3.0/events?type=no.such', 400],
    ['GET', '/v3.0/events?resource=meeting:%00', 400],
  ] as const)('%s %s is refused with %i', async (method, url, status) => {
    const answer = await http.inject({ method, url, headers: operator })
    expect(answer.statusCode).toBe(status)
    const body = answer.json()
    if (url.startsWith('/api/'))
      expect(body).toMatchObject({ responseCode: status === 404 ? -5 : -4, responseMessage: expect.any(String) })
    else
      expect(body.error).toMatchObject({
        type: status === 404 ? 'not_found' : 'invalid_request',
        message: expect.any(String),
      })
  })

  it('says which methods it takes', async () => {
    const answer = await http.inject({ method: 'PATCH', url: `/api/v6/account/${tenant.accountId}`, headers: operator })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers.allow).toBe('GET, PUT, DELETE')
    expect(answer.json().responseCode).toBe(-14)
  })
})

describe('a refusal', () => {
  it.each([
    ['en', 'The data is not valid.'],
    ['nl-BE, en;q=0.5', 'De gegevens zijn niet geldig.'],
    ['fr', 'Les données ne sont pas valables.'],
    ['de-AT', 'Die Daten sind nicht gültig.'],
    ['es, *', 'The data is not valid.'],
  ])('speaks %s', async (language, title) => {
    const { body } = await send(operationTable.createMeeting, '{"topic":1}', { 'accept-language': language })
    expect(body.responseMessage.startsWith(title)).toBe(true)
  })

  it.each([
    ['fr', /chaîne/i],
    ['de', /Ungültige Eingabe/i],
  ])('explains the field in the language too: %s', async (language, words) => {
    const { body } = await send(operationTable.createMeeting, '{"topic":1}', { 'accept-language': language })
    expect(body.data.issues[0].message).toMatch(words)
  })

  it('is problem details for whoever asks (RFC 9457)', async () => {
    for (const operation of [operationTable.createMeeting, operationTable.createKey]) {
      const { status, headers, body } = await send(operation, '[]', { accept: 'application/problem+json' })
      expect(headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(body).toMatchObject({ type: 'urn:carillon:error:invalid_request', status, title: expect.any(String) })
      expect(body.instance).toBe(headers['x-request-id'])
    }
  })
})

describe('times', () => {
  it.each([
    [{ startTime: '2030-01-01T10:00:00Z', endTime: '2030-01-01T10:00:00Z' }, 'endTime'],
    [{ startTime: '2030-01-01T10:00:00Z', endTime: '2029-01-01T10:00:00Z' }, 'endTime'],
    [{ startTime: '2030-01-01T10:00:00Z', endTime: '2032-01-01T10:00:00Z' }, 'endTime'],
    [{ startTime: '2030-02-30T10:00:00Z' }, 'startTime'],
    [{ startTime: '9999-12-31T23:59:59-12:00' }, 'startTime'],
    [{ startTime: '0000-01-01T00:00:00Z' }, 'startTime'],
    [{ startTime: 'tomorrow' }, 'startTime'],
    [{ duration: '0' }, 'duration'],
    [{ duration: -1 }, 'duration'],
    [{ timezone: 'Mars/Olympus' }, 'timezone'],
    [{ roomId: '0'.repeat(24) }, 'roomId'],
  ])('refuses %j', async (fields, field) => {
    const { status, body } = await send(operationTable.createMeeting, JSON.stringify({ topic: 'Times', ...fields }))
    expect(status).toBe(400)
    expect(fieldsOf(body)[0]).toBe(field)
  })
})
