/** What nobody should send, networks that lose, and more than there is room for: calls go on. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { UdpRelay } from '../../dev/udp-relay.ts'
import { mutate } from '../../engine/testing/mutation.ts'
import { seededRandom } from '../../engine/testing/random.ts'
import { tortureMessages } from '../../engine/testing/torture.ts'
import { root, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import { Phone } from './phone.ts'

const messages = join(root, 'engine/sip/testdata/rfc4475')
const bytesOf = (name: string) => readFileSync(join(messages, `${name}.dat`))

// Room for two calls.
const { carillon, organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'], {
  environment: { CARILLON_RTP_PORTS: '9100-9107', CARILLON_SIP_CONNECTIONS_PER_IP: '20' },
})
let voice: number

beforeAll(() => {
  voice = carillon.pids.voice
})

async function stillWorks(): Promise<void> {
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  const [answer] = await Promise.all([call.final(), taken.answer()])
  expect(answer.status).toBe(200)
  await Promise.all([call.bye(), taken.ended()])
  expect(carillon.pids.voice).toBe(voice)
}

/** The first status line that comes back over a connection of its own; 0: it was closed, or nothing came. */
async function overTcp(bytes: Buffer, localAddress = '127.0.0.1'): Promise<number> {
  const socket = connect({ port: carillon.sipPort, host: '127.0.0.1', localAddress })
  socket.on('error', () => {}) // closed: there is no answer
  await once(socket, 'connect')
  const status = new Promise<number>((resolve) => {
    let text = ''
    socket.on('data', (data) => {
      text += data
      const found = /^SIP\/2\.0 ([2-6]\d\d)/m.exec(text)
      if (found) resolve(Number(found[1]))
    })
    socket.on('close', () => resolve(0))
  })
  socket.end(bytes)
  const answer = await status
  socket.destroy()
  return answer
}

/** One that no transaction knows: what was sent before would be absorbed. */
let made = 0
const newRequest = () =>
  Buffer.from(
    [
      `OPTIONS sip:${organisation.realm} SIP/2.0`,
      `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK-room-${++made}`,
      'Max-Forwards: 70',
      'From: <sip:guest@example.com>;tag=1',
      `To: <sip:${organisation.realm}>`,
      `Call-ID: room-${made}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n'),
  )

/** What has to be framed by Content-Length and is, so that a stream can carry it. */
const framed = tortureMessages.filter(({ answer, name }) => {
  const text = bytesOf(name).toString('latin1')
  const [head = '', body = ''] = [text.slice(0, text.indexOf('\r\n\r\n')), text.slice(text.indexOf('\r\n\r\n') + 4)]
  const length = Number(/^(?:content-length|l)\s*:\s*(\d+)\s*$/im.exec(head)?.[1] ?? Number.NaN)
  return answer.length > 0 && length === body.length
})

it.each(framed)('RFC 4475 §$section $name is answered as the RFC wants it, over TCP', async ({ name, answer }) => {
  expect(answer).toContain(await overTcp(bytesOf(name)))
})

it('RFC 4475 over UDP, and 3,000 spoiled messages: a call works afterwards, in the same process', async () => {
  const socket = createSocket('udp4')
  const send = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, carillon.sipPort, '127.0.0.1', () => resolve()))
  const random = seededRandom(4_475)
  for (const { name } of tortureMessages) await send(bytesOf(name))
  for (let i = 0; i < 3_000; i++) {
    const { name } = tortureMessages[Math.floor(random() * tortureMessages.length)] ?? { name: 'wsinv' }
    await send(mutate(random, bytesOf(name)))
  }
  socket.close()
  await stillWorks()
})

it('T8: a flood of calls without a password makes nobody wait', async () => {
  const socket = createSocket('udp4')
  for (let i = 0; i < 5_000; i++) {
    const text = alice.phone.request('INVITE', `sip:1002@${organisation.realm}`, [
      `From: <sip:x${i}@a>;tag=${i}`,
      'To: <sip:1002@a>',
      `Call-ID: flood-${i}`,
      'CSeq: 1 INVITE',
      `Contact: ${alice.phone.contact}`,
    ])
    socket.send(text, carillon.sipPort, '127.0.0.1')
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await stillWorks()
  socket.close()
})

it('T8: connections of one address end where its room does, over TCP and TLS; others connect and are served', async () => {
  const opened: Socket[] = []
  const isOpen = new Set<Socket>()
  for (let i = 0; i < 60; i++) {
    // Those of TLS never say hello.
    const socket = connect({ port: carillon.sipPort + (i % 2), host: '127.0.0.1', localAddress: '127.0.0.81' })
    socket.on('error', () => {}) // it is closed by the other side
    opened.push(socket)
    isOpen.add(socket)
    socket.once('close', () => isOpen.delete(socket)).resume()
    await once(socket, 'connect')
  }
  await until(
    () => isOpen.size === 20,
    () => `as many as it may have, not ${isOpen.size}`,
  )
  const said = () => carillon.output.match(/too many SIP connections/g)?.length ?? 0
  await until(() => said() > 0, 'word of it')
  expect(said()).toBe(1)
  expect(await overTcp(newRequest(), '127.0.0.82')).toBe(200)
  for (const socket of opened) socket.destroy()
  await until(async () => (await overTcp(newRequest(), '127.0.0.81')) === 200, 'it has room again')
  await stillWorks()
})

it.each([0.1, 0.3])('with %f of all messages lost each call comes about or fails, and none stays', async (loss) => {
  const relay = await UdpRelay.open({ host: '127.0.0.1', upstreamPort: carillon.sipPort, seed: 7 })
  relay.set({ loss })
  const { username, password } = alice
  const lossy = await Phone.open({ username, password, domain: organisation.realm, port: relay.port, rtpPort: 9_998 })
  onTestFinished(async () => {
    lossy.close()
    await relay.close()
  })
  const taking = (async () => {
    for (let i = 0; i < 10; i++) {
      const taken = await carol.phone.ringing().catch(() => null)
      if (taken)
        void taken
          .answer()
          .then(() => taken.ended())
          .catch(() => {}) // its caller may be gone
    }
  })()
  const outcomes: number[] = []
  for (let i = 0; i < 5; i++) {
    const call = await lossy.invite('1003').catch(() => null)
    const answer = await call?.final(20_000).catch(() => null)
    outcomes.push(answer?.status ?? 0)
    if (call && answer && answer.status < 300) expect((await call.bye()).status).toBe(200)
  }
  expect(outcomes.filter((status) => status === 200).length).toBeGreaterThan(loss > 0.2 ? 1 : 3)
  const isOver = async () => {
    const events = await organisation.callEvents()
    const of = (type: string) =>
      new Set(events.filter((event) => event.type === type).map(({ resource }) => resource.id))
    return of('call.started').size === of('cdr.final').size
  }
  await until(isOver, 'the end of every call', 80_000)
  void taking
})

it('a port that is another program’s is passed over', async () => {
  const others = [9_100, 9_104].map((port) => createSocket('udp4').bind(port, '0.0.0.0'))
  onTestFinished(() => {
    for (const socket of others) socket.close()
  })
  await Promise.all(others.map((socket) => once(socket, 'listening')))
  for (let i = 0; i < 3; i++) await stillWorks()
})

it('a range of ports that is used up refuses the next call, and serves it when one has ended', async () => {
  const calls = []
  for (let i = 0; i < 2; i++) {
    const call = await alice.phone.invite('1002')
    const taken = await bob.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    calls.push({ call, taken })
  }
  const refused = await alice.phone.invite('1002')
  expect((await refused.final()).status).toBe(503)
  for (const { call, taken } of calls) await Promise.all([call.bye(), taken.ended()])
  await stillWorks()
})
