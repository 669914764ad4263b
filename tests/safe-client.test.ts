/** The one client for addresses that customers name (S8): what it reaches, and what it makes of hostile endpoints. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { generate } from 'selfsigned'
import { readConfig } from '../server/config.ts'
import { createAddressPolicy } from '../server/outgoing/address-policy.ts'
import { createResolver, type Resolve } from '../server/outgoing/resolver.ts'
import { SafeClient } from '../server/outgoing/safe-client.ts'

const config = readConfig({ CARILLON_HTTP_PORT: '18080', DATABASE_URL: 'postgres://u:p@db.internal:15432/x' })
const open: (() => void)[] = []
afterAll(() => {
  for (const close of open) close()
})

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  return listen(server, () => server.closeAllConnections())
}

async function listen(server: Pick<Server, 'listen' | 'address' | 'close' | 'once'>, end: () => void): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server as Server, 'listening')
  open.push(() => {
    end()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const nowhere: Resolve = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
function clientOf(options: { allow?: string[]; resolve?: Resolve; timeoutMs?: number } = {}): SafeClient {
  const { allow = [], resolve = nowhere, timeoutMs = 2_000 } = options
  const client = new SafeClient({ policy: createAddressPolicy(config, allow), resolve, timeoutMs })
  open.push(() => void client.close())
  return client
}
const post = (client: SafeClient, url: string) => client.request({ method: 'POST', url, headers: {}, body: '{}' })

const spellings = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.1.',
  '①②⑦.0.0.1',
  '0',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
]
const elsewhere = [
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '198.18.0.1',
  '192.0.2.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[fe80::1]',
  '[fc00::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[fd00:ec2::254]',
  '[::ffff:10.0.0.1]',
  '[::10.0.0.1]',
]

describe('addresses', () => {
  let asked = 0
  const reached = serve((_request, response) => {
    asked += 1
    response.end('inside')
  })

  it.each([...spellings, ...elsewhere])('%s is not public', async (host) => {
    const url = `http://${host}:${await reached}/`
    await expect(post(clientOf(), url)).rejects.toThrow(/is not public|metadata/)
    expect(await clientOf().refusal(url)).toMatch(/is not public|metadata/)
    expect(asked).toBe(0)
  })

  it.each(spellings.filter((host) => !host.includes('[') && !/^(0|0\.0\.0\.0)$/.test(host)))(
    '%s is reached where it is allowed, so that the refusals above mean something',
    async (host) => {
      const answer = await post(clientOf({ allow: ['127.0.0.0/8'] }), `http://${host}:${await reached}/`)
      expect(answer).toMatchObject({ status: 200, body: 'inside' })
      asked = 0
    },
  )

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.1.2.3', '64:ff9b::7f00:1'])(
    'a name for %s is refused',
    async (address) => {
      const resolve: Resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }]
      const url = `http://innocent.example:${await reached}/`
      await expect(post(clientOf({ resolve }), url)).rejects.toThrow('innocent.example: ')
      expect(await clientOf({ resolve }).refusal(url)).toContain('is not public')
      expect(asked).toBe(0)
    },
  )

  it('a name that resolves to something else the second time is connected to by what was checked', async () => {
    let times = 0
    const port = await reached
    const rebinding: Resolve = async () => [{ address: times++ === 0 ? '93.184.215.14' : '127.0.0.1', family: 4 }]
    const client = clientOf({ resolve: rebinding, timeoutMs: 300 })
    expect(await client.refusal(`http://rebind.example:${port}/`)).toBeNull()
    await expect(post(client, `http://rebind.example:${port}/`)).rejects.toThrow('is not public')
    expect([times, asked]).toEqual([2, 0])
    // And of several addresses only those that may be reached are tried.
    const both: Resolve = async () => [
      { address: '10.255.255.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    const answer = await post(clientOf({ resolve: both, allow: ['127.0.0.0/8'] }), `http://two.example:${port}/`)
    expect(answer.status).toBe(200)
  })

  it('our own ports, the database and metadata are refused whatever is allowed', () => {
    const policy = createAddressPolicy(config, ['0.0.0.0/0', '::/0'])
    expect(policy.refusal('127.0.0.1', 80)).toBeNull()
    expect(policy.refusal('10.0.0.1', 80)).toBeNull()
    for (const port of [18_080, 5060, 5061]) expect(policy.refusal('127.0.0.1', port)).toContain('this installation')
    for (const port of [18_080]) expect(policy.refusal('::ffff:127.0.0.1', port)).toContain('this installation')
    for (const port of [15_432, 4222]) expect(policy.refusal('10.0.0.5', port)).toContain('database')
    for (const address of ['169.254.169.254', 'fd00:ec2::254', '::ffff:169.254.169.254', '100.100.100.200'])
      expect(policy.refusal(address, 80)).toContain('metadata')
    const away = readConfig({ DATABASE_URL: 'postgres://u:p@93.184.215.14:15432/x' })
    for (const allowed of [[], ['0.0.0.0/0']]) {
      const { refusal } = createAddressPolicy(away, allowed)
      for (const address of ['93.184.215.14', '::ffff:93.184.215.14'])
        expect(refusal(address, 15_432)).toBe('is the database')
      expect([refusal('93.184.215.14', 443), refusal('93.184.215.15', 15_432)]).toEqual([null, null])
    }
    expect(createAddressPolicy(config, ['10.0.0.7']).refusal('10.0.0.8', 80)).toContain('not public')
    expect(createAddressPolicy(config, ['10.0.0.7']).refusal('10.0.0.7', 80)).toBeNull()
  })

  it('the name of the database is refused at its port, whatever it resolves to', async () => {
    const client = clientOf({ resolve: async () => [{ address: '93.184.215.14', family: 4 }] })
    for (const host of ['db.internal', 'DB.internal.']) {
      expect(await client.refusal(`http://${host}:15432/`)).toContain('is the database')
      await expect(post(client, `http://${host}:15432/`)).rejects.toThrow('is the database')
    }
    expect(await client.refusal('http://db.internal/')).toBeNull()
    expect(await client.refusal('http://db.example:15432/')).toBeNull()
  })

  it.each(['ftp://example.com/', 'file:///etc/passwd', 'gopher://example.com', 'nothing'])(
    '%s is no address',
    async (url) => {
      await expect(post(clientOf(), url)).rejects.toThrow(/http|no address/)
    },
  )
})

describe('an endpoint that', () => {
  const local = (timeoutMs = 2_000) => clientOf({ allow: ['127.0.0.0/8'], timeoutMs })

  it('redirects is not followed', async () => {
    let followed = 0
    const target = await serve((_request, response) => {
      followed += 1
      response.end()
    })
    const port = await serve((_request, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${target}/` }).end(),
    )
    expect((await post(local(), `http://127.0.0.1:${port}/`)).status).toBe(307)
    expect(followed).toBe(0)
  })

  it('sends gigabytes is cut off, and 4 KB are kept', async () => {
    let sent = 0
    const chunk = Buffer.alloc(65_536, 'x')
    const port = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && sent < 4e9 && response.write(chunk)) sent += chunk.length
      }
      response.on('drain', more)
      more()
    })
    const { body, status } = await post(local(), `http://127.0.0.1:${port}/`)
    expect([status, body.length]).toEqual([200, 4096])
    expect(sent).toBeLessThan(20e6)
  })

  it.each([
    ['says nothing', () => {}],
    [
      'sends a byte now and then',
      (_request: unknown, response: { write(text: string): unknown }) => {
        const timer = setInterval(() => response.write('x'), 50)
        open.push(() => clearInterval(timer))
      },
    ],
  ] as const)('%s is given up', async (_what, listener) => {
    const port = await serve(listener as RequestListener)
    const began = performance.now()
    await expect(post(local(400), `http://127.0.0.1:${port}/`)).rejects.toThrow('timeout')
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it.each([
    ['speaks no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['has endless headers', `HTTP/1.1 200 OK\r\n${'x-long: yes\r\n'.repeat(100_000)}`],
    ['hangs up in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this'],
    ['promises two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx'],
  ])('%s is a failure in words', async (_what, bytes) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(bytes))
    })
    const port = await listen(server as unknown as Server, () => {})
    const failure = await post(local(), `http://127.0.0.1:${port}/`).catch((error: Error) => error)
    expect(failure).toBeInstanceOf(Error)
    expect((failure as Error).name).toBe('RequestFailed')
    expect((failure as Error).message).toMatch(/^[^\n]{5,}$/)
  })

  it('has a certificate that nobody trusts is named', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
    const server = createTlsServer({ key, cert }, (_request, response) => response.end())
    server.on('tlsClientError', () => {})
    const port = await listen(server, () => server.closeAllConnections())
    await expect(post(local(), `https://127.0.0.1:${port}/`)).rejects.toThrow(/^TLS: /)
    // With a certificate that is trusted, for another name.
    const policy = createAddressPolicy(config, ['127.0.0.0/8'])
    const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }]
    const client = new SafeClient({ policy, resolve, ca: cert })
    open.push(() => void client.close())
    await expect(post(client, `https://other.example:${port}/`)).rejects.toThrow(/^TLS: .*ALTNAME/)
    expect((await post(client, `https://localhost:${port}/`)).status).toBe(200)
  })

  it('is not there is a failure at once', async () => {
    await expect(post(local(), 'http://127.0.0.1:9/')).rejects.toThrow('ECONNREFUSED')
    await expect(post(local(), 'http://nowhere.example/')).rejects.toThrow(
      'nowhere.example cannot be resolved (ENOTFOUND)',
    )
  })
})

describe('names', () => {
  const resolve = createResolver({ timeoutMs: 500 })

  it('of this machine are known without asking anybody', async () => {
    expect((await resolve('LOCALHOST.')).map(({ address }) => address)).toContain('127.0.0.1')
    expect((await resolve('a.localhost')).map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
  })

  it('that are none are an error', async () => {
    await expect(resolve('no-such-name.invalid')).rejects.toThrow()
  })
})
