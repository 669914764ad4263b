/** More ports for phones (T13), and what an operator sees of the voice process. */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, freePort, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { header } from './phone-message.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
const ports = { udp: 0, tcp: 0, tls: 0 }

beforeAll(async () => {
  for (const name of ['udp', 'tcp', 'tls'] as const) ports[name] = await freePort()
  const names = Object.entries(ports).map(([transport, port]) => `${transport}_${port}`)
  carillon = await Carillon.start({ CARILLON_SIP_EXTRA_PORTS: names.join(',') })
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

/** What comes back for a question over a connection. */
async function ask(socket: Socket, transport: string): Promise<string> {
  await once(socket, transport === 'TLS' ? 'secureConnect' : 'connect')
  socket.write(
    [
      'OPTIONS sip:carillon SIP/2.0',
      `Via: SIP/2.0/${transport} phone.invalid;branch=z9hG4bKports`,
      'From: <sip:phone@phone.invalid>;tag=1',
      'To: <sip:carillon>',
      `Call-ID: ports-${transport}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  )
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  return String(bytes)
}

describe('T13 the ports of device.transport', () => {
  it('a phone that registers at another UDP port is called from that port, which it may answer to', async () => {
    const person = await organisation.person('1002')
    const { phone } = await organisation.phone(person, { port: ports.udp })
    expect((await phone.register()).status).toBe(200)
    const sources = new Set<number>()
    phone.socket.on('message', (_bytes, from) => sources.add(from.port))
    const call = await alice.phone.invite('1002')
    const taken = await phone.ringing()
    const invite = taken.invitation
    expect(header(invite ?? (await call.final()), 'Via')).toContain(`:${ports.udp};`)
    expect(taken.target).toContain(`:${ports.udp}`)
    const [answer] = await Promise.all([call.final(), taken.answer()])
    expect(answer.status).toBe(200)
    await Promise.all([taken.bye(), call.ended()])
    expect([...sources]).toEqual([ports.udp])
  })

  it('TCP and TLS are served at theirs', async () => {
    expect(await ask(connectTcp(ports.tcp, '127.0.0.1'), 'TCP')).toMatch(/^SIP\/2\.0 200 /)
    const secure = connectTls({ port: ports.tls, host: '127.0.0.1', rejectUnauthorized: false })
    expect(await ask(secure, 'TLS')).toMatch(/^SIP\/2\.0 200 /)
  })
})

describe('what an operator sees of the voice process', () => {
  it('figures in /metrics', async () => {
    const figure = async (name: string) => {
      const text = await (await fetch(`${carillon.url}/metrics`)).text()
      return Number(new RegExp(`^carillon_voice_${name} (\\S+)$`, 'm').exec(text)?.[1])
    }
    expect(await figure('up')).toBe(1)
    const [registrations, messages] = [await figure('registrations'), await figure('sip_messages_in')]
    await organisation.telephone('1003')
    expect(await figure('registrations')).toBe(registrations + 1)
    expect(await figure('sip_messages_in')).toBeGreaterThanOrEqual(messages + 2)
    expect(await figure('cpu_seconds')).toBeGreaterThan(0)
    const call = await alice.phone.invite('1001')
    const ringing = await alice.phone.ringing()
    expect(await figure('calls')).toBe(1)
    call.cancel()
    await ringing.received('CANCEL')
    if (ringing.invitation) ringing.respond(ringing.invitation, 487, 'Request Terminated')
    await call.final()
    await until(async () => (await figure('calls')) === 0, 'the call is over')
  })

  it('/readyz says no while it is away', async () => {
    const answer = await until(async () => {
      kill(carillon.pids.voice) // each time: the next one is soon there
      const one = await fetch(`${carillon.url}/readyz`)
      return one.status === 503 && one.json()
    }, 'not ready')
    expect(answer).toMatchObject({ isReady: false, voice: false, database: true })
    await until(async () => (await carillon.ready()) === 200, 'ready again')
  })
})
