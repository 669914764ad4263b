/** The published documents as a caller gets them, and the generated pages of docs/ as they must be. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { examples } from '../contract/examples.ts'
import { generatedDocs } from '../server/http/generated-docs.ts'
import { testApp } from './app.ts'

const { http } = await testApp()
const documents = ['/api/v6/documentation/swagger', '/v3.0/documentation/openapi.json']

describe.each(documents)('%s', (url) => {
  it('opens in an editor of any origin, without credentials', async () => {
    const { headers, statusCode } = await http.inject({
      method: 'GET',
      url,
      headers: { origin: 'https://editor.swagger.io' },
    })
    expect(statusCode).toBe(200)
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-allow-credentials']).toBeUndefined()
    expect(headers['content-type']).toMatch(/^application\/json/)
  })

  it('names where it is', async () => {
    expect((await http.inject({ method: 'GET', url })).json().servers).toEqual([{ url: 'http://localhost:8080' }])
  })
})

it('v6 is 3.0.3 with the tutorial’s examples, v3.0 is 3.1 with the events as webhooks', async () => {
  const [meeting, telephony] = await Promise.all(
    documents.map(async (url) => (await http.inject({ method: 'GET', url })).json()),
  )
  expect(meeting.openapi).toBe('3.0.3')
  const schedule = meeting.paths['/api/v6/meeting'].post
  expect(schedule.requestBody.content['application/json'].example).toEqual(examples.newMeeting)
  expect(schedule.responses[200].content['application/json'].example).toEqual({
    responseCode: 0,
    data: examples.meeting,
  })
  expect(telephony.openapi).toBe('3.1.0')
  const { parameters, requestBody, responses } = telephony.webhooks['meeting.started'].post
  const { example, schema } = requestBody.content['application/json']
  expect(example).toMatchObject({ type: 'meeting.started', data: { meetingId: expect.any(String) } })
  expect(schema.properties.type.const).toBe('meeting.started')
  expect(parameters.map(({ name }: { name: string }) => name)).toContain('webhook-signature')
  expect(Object.keys(responses)).toEqual(['410', '2XX', 'default'])
})

it('no other answer may be read by a page of another origin', async () => {
  const paths = ['/v3.0/whoami', '/api/v6/meeting', '/', '/docs', '/healthz']
  for (const url of paths) {
    const { headers } = await http.inject({ method: 'GET', url, headers: { origin: 'https://evil.example' } })
    expect(headers['access-control-allow-origin'], url).toBeUndefined()
    expect(headers['referrer-policy']).toBe('no-referrer')
    expect(headers['x-content-type-options']).toBe('nosniff')
    const preflight = await http.inject({
      method: 'OPTIONS',
      url,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.headers['access-control-allow-origin'], url).toBeUndefined()
  }
})

it('an answer is data, and stays on https where that is the public address', async () => {
  const secure = await testApp({ environment: { CARILLON_PUBLIC_URL: 'https://meet.example.com' } })
  for (const url of ['/api/v6/meeting', '/v3.0/whoami', '/docs']) {
    const plain = (await http.inject({ method: 'GET', url })).headers
    const { headers } = await secure.http.inject({ method: 'GET', url })
    expect(plain['strict-transport-security'], url).toBeUndefined()
    expect(headers['strict-transport-security'], url).toMatch(/^max-age=31536000/)
    if (url !== '/docs') expect(headers['content-security-policy']).toBe("default-src 'none'")
  }
})

it('the reference loads nothing from elsewhere', async () => {
  const { body, headers } = await http.inject({ method: 'GET', url: '/docs' })
  expect(body).not.toMatch(/(?:src|href)="(?!\/)/)
  expect(headers['content-security-policy']).toContain("default-src 'self'")
  for (const url of documents) expect(body).toContain(url)
  const words = await http.inject({ method: 'GET', url: '/docs/words' })
  expect(words.statusCode).toBe(200)
  expect(words.body).toContain('X-USER-ID')
})

it.each(Object.entries(generatedDocs()))('%s is what `npm run docs` writes', (path, text) => {
  expect(readFileSync(join(import.meta.dirname, '..', path), 'utf8')).toBe(text)
})
