/** Trunks at their edges: dead ones (T15), and exchanges that register here with a password (T14). */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePort, type Json, kill, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { Phone } from './phone.ts'
import { header, type Message } from './phone-message.ts'

const { carillon, organisation, alice } = await openPhones(['alice'])

/** The facts of log lines with that message. */
const logged = (trunk: string, message: string): number =>
  carillon.output.split('\n').filter((line) => line.includes(`"trunk":"${trunk}"`) && line.includes(message)).length

async function refuse(phone: Phone, wanted: string): Promise<void> {
  const request = await phone.next(wanted, ({ method }) => method === wanted)
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`)
  const to = `To: ${header(request, 'To')};tag=1`
  phone.send(['SIP/2.0 404 Not Found', ...copied, to, 'Content-Length: 0', '', ''].join('\r\n'))
}

/** A phone call from Alice that whoever is called takes and ends. */
async function callTo(number: string, other: Phone): Promise<string> {
  const call = await alice.phone.invite(number)
  const taken = await other.ringing()
  const [answer] = await Promise.all([call.final(), taken.answer()])
  expect(answer.status).toBe(200)
  await Promise.all([taken.bye(), call.ended()])
  return taken.invitation?.uri ?? ''
}

describe('T15 OPTIONS', () => {
  it('a trunk that does not answer is passed over and told of once; any answer means alive', async () => {
    const { phone: carrier } = await organisation.phone({ username: 'carrier', password: '' })
    const trunk = (name: string, trunk_order: number, port: number, transport: string) =>
      organisation.call('PUT', 'trunks', {
        name,
        trunk_order,
        server: '127.0.0.1',
        port,
        transport,
        advanced: { options_seconds: 1 },
      })
    const first = await trunk('Dead', 1, await freePort(), 'tcp')
    const second = await trunk('Alive', 2, carrier.localPort, 'udp')
    // Both are asked once a second.
    for (let asked = 0; asked < 3; asked++) await refuse(carrier, 'OPTIONS')
    expect(await callTo('0470123456', carrier)).toContain('sip:+32470123456@127.0.0.1')
    expect(logged(first.id, 'a trunk does not answer')).toBe(1)
    expect(logged(second.id, 'a trunk answers')).toBe(1)
    const [record] = await organisation.records(1)
    const { legs } = await organisation.call('GET', `calls_history/${record?.call_id}`)
    const trunks = legs
      .map((leg: { trunk_id: string | null }) => leg.trunk_id)
      .filter((id: string | null) => id !== null)
    expect(trunks).toEqual([second.id])
    for (const { id } of [first, second]) await organisation.call('DELETE', `trunks/${id}`)
  })
})

/** A carrier over TCP that lets everybody register; each registration with its connection. */
async function tcpRegistrar() {
  const registrations: { readonly request: Message; readonly socket: Socket }[] = []
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString()
      if (!text.startsWith('REGISTER ')) return
      const request: Message = { method: 'REGISTER', uri: '', status: 0, text, body: '' }
      const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Contact'].map(
        (name) => `${name}: ${header(request, name)}`,
      )
      socket.write(['SIP/2.0 200 OK', ...copied, 'Expires: 600', 'Content-Length: 0', '', ''].join('\r\n'))
      registrations.push({ request, socket })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { registrations, port: address.port, server }
}

describe('T15 a registration over a connection', () => {
  it('is renewed within seconds when the carrier closes the connection', async () => {
    const { registrations, port, server } = await tcpRegistrar()
    const trunk = await organisation.call('PUT', 'trunks', {
      ...{ name: 'Over TCP', server: '127.0.0.1', port, transport: 'tcp', username: 'us', password: 'correct-horse-7' },
      advanced: { registration: true, options_seconds: 0 },
    })
    await until(() => registrations.length === 1, 'a registration')
    registrations[0]?.socket.destroy()
    // 10 to 20 s after a connection that did not last.
    await until(() => registrations.length === 2, 'the next one', 30_000)
    const [first, second] = registrations.map(({ request }) => header(request, 'Call-ID'))
    expect(second).toBe(first)
    await organisation.call('DELETE', `trunks/${trunk.id}`)
    for (const { socket } of registrations) socket.destroy()
    server.close()
  })
})

describe('T14 an exchange that registers here', () => {
  it('is called where it is, calls with its password, and is known after a restart (T7)', async () => {
    const password = 'correct-horse-7'
    const trunk = await organisation.call('PUT', 'trunks', {
      name: 'Exchange',
      category: 'pbx_connector',
      server: null,
      username: 'exchange-1',
      password,
      internal_calls: true,
    })
    const { phone: wrong } = await organisation.phone({ username: 'exchange-1', password: 'wrong-horse-7' })
    expect((await wrong.register()).status).toBe(403)
    const { phone: exchange } = await organisation.phone({ username: 'exchange-1', password })
    expect((await exchange.register()).status).toBe(200)
    expect(await callTo('7001', exchange)).toBe(`sip:7001@127.0.0.1:${exchange.localPort}`)

    // It names its own callers, not itself.
    const call = await exchange.invite('1001', { from: `<sip:7002@${organisation.realm}>` })
    const taken = await alice.phone.ringing()
    const [answer] = await Promise.all([call.final(), taken.answer()])
    expect(answer.status).toBe(200)
    expect(header(taken.invitation ?? answer, 'From')).toContain('sip:7002@')
    await Promise.all([call.bye(), taken.ended()])
    const isIts = ({ caller }: Json) => caller.number === '7002'
    const record = await until(async () => (await organisation.records(1)).find(isIts), 'the record')
    expect(record).toMatchObject({ direction: 'internal', caller: { trunk_id: trunk.id } })

    const { voice } = carillon.pids
    kill(voice)
    await until(() => ![0, voice].includes(carillon.pids.voice), 'another voice process')
    await until(async () => (await alice.phone.register()).status === 200, 'it serves')
    await callTo('7001', exchange)

    await organisation.call('PATCH', `trunks/${trunk.id}`, { enabled: false })
    expect((await exchange.register()).status).toBe(403)
  })
})
