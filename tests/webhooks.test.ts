/** Webhooks as a customer has them: made through the API, signed, delivered, looked at, sent again. */
import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { secretMask } from '../contract/webhook.ts'
import { call } from './app.ts'
import { eventually, type Received, webhookApp } from './webhook-receiver.ts'
import { done, makeKey, makeTenant, operator, withKey } from './world.ts'

const { app, http, receiver } = await webhookApp()
const key = await makeKey(http, app.rootAccountId)
const headers = withKey(key.secret)
let paths = 0

async function make(fields: object = {}) {
  const path = `/hook-${paths++}`
  const { data } = await done(http, 'PUT', '/v3.0/webhooks', { data: { url: receiver.url + path, ...fields } }, headers)
  return { ...data, path }
}
const act = (id: string, what: string, data?: object) =>
  done(http, 'POST', `/v3.0/webhooks/${id}/${what}`, data && { data }, headers)
const read = async (path: string, credential = headers) =>
  (await done(http, 'GET', `/v3.0/webhooks${path}`, undefined, credential)).data

/** Something that happens in the root account. */
async function happen(name = 'Somebody'): Promise<string> {
  const made = await done(http, 'PUT', '/v3.0/keys', { data: { name, scopes: ['meeting'] } }, headers)
  return made.data.id
}
const typesOf = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body).type)

describe('a delivery', () => {
  it('is what the log shows, byte by byte, and the stock verifier accepts it', async () => {
    const { path, secret } = await make({ event_types: ['key.created'], headers: { 'X-Own': 'my own value' } })
    const keyId = await happen()
    await eventually(() => receiver.of(path).length).toBe(1)
    const [got] = receiver.of(path)
    expect(secret).toMatch(/^whsec_/)
    const event = new Webhook(secret).verify(got?.body ?? '', got?.headers ?? {}) as { id: string; resource: object }
    expect(event.resource).toEqual({ type: 'key', id: keyId })
    expect(got?.headers).toMatchObject({
      'webhook-id': event.id,
      'content-type': 'application/json',
      'x-own': 'my own value',
    })
    const log = await http.inject({ method: 'GET', url: `/v3.0/events?resource=key:${keyId}`, headers })
    expect(log.body).toContain(got?.body)
  })
})
