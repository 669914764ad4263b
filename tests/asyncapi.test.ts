/** The document of the streams: what AsyncAPI's own schema says of it, and that it knows every event and every frame. */
import specs from '@asyncapi/specs'
import { Ajv, type AnySchemaObject } from 'ajv'
import { expect, it } from 'vitest'
import { asyncapi } from '../contract/asyncapi.ts'
import { events } from '../contract/events.ts'
import { clientFrames, serverFrames } from '../contract/realtime.ts'
import { testApp } from './app.ts'
import type { Json } from './carillon.ts'

const url = '/v3.0/documentation/asyncapi.json'
const document = JSON.parse(JSON.stringify(asyncapi('https://phone.example.com'))) as Json

// Its types say JSON Schema as others write it.
const schema = specs.schemas['3.0.0'] as AnySchemaObject

it('is AsyncAPI 3 without a fault, with every event and frame', () => {
  const isValid = new Ajv({ strict: false, meta: false, logger: false }).compile(schema)
  expect(isValid(document), JSON.stringify(isValid.errors)).toBe(true)
  const named = (channel: string) =>
    Object.values(document.channels[channel].messages as Json).map((message) => resolve(message).name)
  expect(named('stream').toSorted()).toEqual([...Object.keys(events), 'end'].toSorted())
  expect(named('socket').toSorted()).toEqual([...Object.keys(clientFrames), ...Object.keys(serverFrames)].toSorted())
  expect(Object.values(document.servers as Json).map(({ protocol }) => protocol)).toEqual(['https', 'wss'])
})

it('names nothing that is not in it', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, reference]) => reference ?? '',
  )
  expect(references.length).toBeGreaterThan(100)
  for (const reference of new Set(references)) expect(resolve({ $ref: reference }), reference).toBeDefined()
})

/** RFC 6901, within the document. */
function resolve(value: Json): Json {
  if (typeof value.$ref !== 'string') return value
  const steps = value.$ref.slice('#/'.length).split('/')
  return steps.reduce((at, step) => at?.[step.replaceAll('~1', '/').replaceAll('~0', '~')], document as Json)
}

it('is served to editors of any origin, and names where it is', async () => {
  const { http } = await testApp()
  const { headers, statusCode, body } = await http.inject({
    method: 'GET',
    url,
    headers: { origin: 'https://studio.asyncapi.com' },
  })
  expect(statusCode).toBe(200)
  expect(headers['access-control-allow-origin']).toBe('*')
  expect(headers['access-control-allow-credentials']).toBeUndefined()
  expect(JSON.parse(body).servers.http.host).toBe('localhost:8080')
})
