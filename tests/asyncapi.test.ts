/** The document of the streams: what a stock parser says of it, and that it knows every event and every frame. */
import { Parser } from '@asyncapi/parser'
import { expect, it, vi } from 'vitest'
import { asyncapi } from '../contract/asyncapi.ts'
import { events } from '../contract/events.ts'
import { clientFrames, serverFrames } from '../contract/realtime.ts'
import { testApp } from './app.ts'

vi.setConfig({ testTimeout: 60_000 }) // the parser reads some thousand schemas
const url = '/v3.0/documentation/asyncapi.json'

it('is AsyncAPI 3 without a fault, with every event and frame', async () => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncapi('https://phone.example.com')))
  // Severity 0 is an error, 1 a warning.
  expect(diagnostics.filter(({ severity }) => severity <= 1)).toEqual([])
  const channels = document?.channels().all() ?? []
  const named = (id: string) =>
    channels
      .find((channel) => channel.id() === id)
      ?.messages()
      .all()
      .map((message) => message.name()) ?? []
  expect(named('stream').toSorted()).toEqual([...Object.keys(events), 'end'].toSorted())
  expect(named('socket').toSorted()).toEqual([...Object.keys(clientFrames), ...Object.keys(serverFrames)].toSorted())
  expect(
    document
      ?.servers()
      .all()
      .map((server) => server.protocol()),
  ).toEqual(['https', 'wss'])
})

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
