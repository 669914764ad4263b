/** The command line as people start it: its own process, real connections, what it prints and how it ends. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { testApp } from './app.ts'
import { until } from './carillon.ts'
import { carillonCommand, finished as ended, linesOf } from './command-line.ts'
import { done, makeTenant, type Tenant, withKey } from './world.ts'

const { http } = await testApp()
const url = await http.listen({ host: '127.0.0.1', port: 0 })
vi.setConfig({ testTimeout: 90_000 }) // each command is a process of its own
let tenant: Tenant
beforeAll(async () => {
  tenant = await makeTenant(http)
})

const carillon = (args: readonly string[], environment: Record<string, string> = {}) =>
  carillonCommand(args, { CARILLON_URL: url, CARILLON_API_KEY: tenant.key.secret, ...environment })
const finished = (args: readonly string[], environment?: Record<string, string>) => ended(carillon(args, environment))
const makeDevice = (name: string) => done(http, 'PUT', '/v3.0/devices', { data: { name } }, withKey(tenant.key.secret))

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A receiver of webhooks that answers with the statuses it is given, then with 204. */
async function receiver(...statuses: number[]) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push({ headers: request.headers, body })
    response.writeHead(statuses.shift() ?? 204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => void server.close())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks` }
}

describe('carillon', () => {
  it('says what it can do, and what each command takes', async () => {
    const all = await finished(['--help'])
    expect(all).toMatchObject({ code: 0, stderr: '' })
    for (const name of ['listen', 'trigger TYPE', 'events tail', 'whoami']) expect(all.stdout).toContain(name)
    const one = await finished(['events', 'tail', '--help'])
    expect(one.stdout).toMatch(/--since WHEN/)
    for (const name of ['CARILLON_URL', 'CARILLON_API_KEY']) expect(all.stdout).toContain(name)
  })

  it('ends with 2 when it is called wrongly, and says what to write', async () => {
    expect(await finished(['sing'])).toMatchObject({ code: 2, stdout: '' })
    const wrong = async (args: string[], environment?: Record<string, string>) => {
      const { code, stdout, stderr } = await finished(args, environment)
      expect([code, stdout, linesOf(stderr).length], `${args.join(' ')}: ${stderr}`).toEqual([2, '', 1])
      return stderr
    }
    expect(await wrong(['whoami', 'me'])).toContain('too much')
    expect(await wrong(['trigger'])).toContain('TYPE is missing')
    const misspelt = await wrong(['trigger', 'call.ednded', '--forward-to', url])
    expect(misspelt).toBe(
      'TYPE: there is no event call.ednded (call.ended is the nearest); docs/events.md lists all.\n',
    )
    expect(await wrong(['trigger', 'song.begun', '--forward-to', url])).toContain('no event song.begun;')
    expect(await wrong(['trigger', 'call.ended'])).toContain('--forward-to is missing')
    expect(await wrong(['trigger', 'call.ended', '--forward-to', 'nonsense'])).toContain(
      '--forward-to nonsense: must be',
    )
    expect(await wrong(['listen', '--forward-to', url, '--secret', 'x'])).toContain('--secret: must be whsec_')
    expect(await wrong(['call', '1001'])).toContain('TO is missing')
    expect(await wrong(['events', 'tail', '--count', 'many'])).toContain('--count many: must be')
    expect(await wrong(['whoami', '--loud'])).toContain("'--loud'")
    expect(await wrong(['listen'])).toContain('--forward-to is missing')
    expect(await wrong(['events', 'tail', '--since', 'once'])).toContain('--since')
    expect(await wrong(['whoami'], { CARILLON_API_KEY: '' })).toContain('CARILLON_API_KEY: set it')
    expect(await wrong(['whoami'], { CARILLON_URL: 'nonsense' })).toContain('CARILLON_URL')
  })

  it.each([['whoami'], ['events', 'tail'], ['listen', '--forward-to', url], ['call', '1001', '1002']])(
    'ends with 1 and one line when it is refused, or nobody is there: %s %s',
    async (...args) => {
      const [refused, unreached] = await Promise.all([
        finished(args, { CARILLON_API_KEY: 'wrong' }),
        finished(args, { CARILLON_URL: 'http://127.0.0.1:1' }),
      ])
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      expect(refused.stderr).toMatch(/^unauthenticated: .* \(request \S+\)\n$/)
      expect(unreached).toMatchObject({ code: 1, stdout: '' })
      expect(unreached.stderr).toMatch(/^http:\/\/127\.0\.0\.1:1\/\S+ cannot be reached: .*\n$/)
    },
  )

  it('says which event is the nearest to one that there is not', async () => {
    const unknown = await finished(['events', 'tail', '--type', 'calls.*'])
    expect([unknown.code, unknown.stdout]).toEqual([1, ''])
    expect(unknown.stderr).toMatch(
      /^invalid_request: type: there is no event calls\.\* \(call\.\* is the nearest\) .*\n$/,
    )
  })

  it('whoami shows the key, for people and for programs', async () => {
    const { stdout } = await finished(['whoami'])
    expect(stdout).toContain(tenant.accountId)
    const { data } = await done(http, 'GET', '/v3.0/whoami', undefined, withKey(tenant.key.secret))
    expect(JSON.parse((await finished(['whoami', '--json'])).stdout)).toEqual(data)
  })
})

describe('events tail', () => {
  it('shows what happened since, and where to go on', async () => {
    await makeDevice('Desk one')
    await makeDevice('Desk two')
    const first = await finished(['events', 'tail', '--json', '--since', '1h', '--type', 'device.*', '--count', '1'])
    const [event] = linesOf(first.stdout).map((line) => JSON.parse(line))
    expect([first.code, event.type, event.data.device.name]).toEqual([0, 'device.created', 'Desk one'])
    const cursor = /--after (\S+)/.exec(first.stderr)?.[1] ?? ''
    const rest = await finished(['events', 'tail', '--type', 'device.*', '--after', cursor, '--count', '1'])
    expect(rest.stdout).toMatch(/device\.created .* Desk two\n$/)
  })

  it('lets no name rule the terminal (S9), and ends in peace at Ctrl-C', async () => {
    const meeting = { topic: 'Bell \u202eesrever \u009b31m' }
    const tail = carillon(['events', 'tail', '--type', 'meeting.scheduled', '--since', '1h'])
    const json = carillon(['events', 'tail', '--json', '--type', 'meeting.scheduled', '--since', '1h'])
    const headers = { ...withKey(tenant.key.secret), 'x-user-id': tenant.user.id }
    const made = await http.inject({ method: 'POST', url: '/api/v6/meeting', headers, payload: meeting })
    // What cannot be stored cannot be shown; the rest arrives, and does nothing.
    const topic = made.statusCode === 200 ? 'Bell' : 'Plans'
    await until(() => tail.stdout().includes(topic) && json.stdout().includes(topic), 'shown')
    for (const { stdout } of [tail, json]) expect(stdout()).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e]/u)
    tail.interrupt()
    expect(await tail.ended).toBe(0)
    expect(tail.stderr()).toContain('--after')
  })
})

describe('listen', () => {
  it('forwards live events with signatures that the stock verifier takes', async () => {
    const { received, url: to } = await receiver(204, 500)
    const listening = carillon(['listen', '--forward-to', to, '--json', '--type', 'device.created'])
    const hello = parse(await until(() => linesOf(listening.stdout())[0], 'the secret'))
    expect(hello).toMatchObject({ account_id: tenant.accountId, forward_to: to })
    await until(async () => {
      await makeDevice('Forwarded')
      return received.length >= 2
    }, 'two forwarded')
    const verifier = new Webhook(hello.secret)
    for (const { headers, body } of received) {
      const event = JSON.parse(body)
      expect(verifier.verify(body, headers as Record<string, string>)).toEqual(event)
      expect([headers['webhook-id'], event.type]).toEqual([event.id, 'device.created'])
    }
    await until(() => linesOf(listening.stdout()).length >= 3, 'told')
    const told = linesOf(listening.stdout()).slice(1, 3).map(parse)
    expect(told.map(({ delivery }) => [delivery.status, delivery.isAccepted])).toEqual([
      [204, true],
      [500, false],
    ])
    listening.interrupt()
    expect(await listening.ended).toBe(0)
  })
})

describe('trigger', () => {
  it('sends the example of the catalogue, marked as a test, and writes nothing into the log', async () => {
    const { received, url: to } = await receiver()
    const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
    const { code, stdout } = await finished(['trigger', 'call.ended', '--forward-to', to, '--secret', secret])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^call\.ended → \S+: 204, \d+ ms\n$/)
    const [{ headers, body } = { headers: {}, body: '' }] = received
    new Webhook(secret).verify(body, headers as Record<string, string>)
    expect(headers['carillon-test']).toBe('true')
    expect(JSON.parse(body)).toMatchObject({ type: 'call.ended', data: { call: { status: 'ended' } } })
    const log = await done(http, 'GET', '/v3.0/events?type=call.*', undefined, withKey(tenant.key.secret))
    expect(log.data).toEqual([])
  })

  it('ends with 1 when the receiver does not take it', async () => {
    const { url: to } = await receiver(410)
    expect(await finished(['trigger', 'meeting.started', '--forward-to', to])).toMatchObject({ code: 1 })
    const nobody = await finished(['trigger', 'meeting.started', '--forward-to', 'http://127.0.0.1:1/'])
    expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringContaining('no answer')])
  })
})

const parse = (line: string) => JSON.parse(line)
