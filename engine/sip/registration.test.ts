import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { anAnswer } from '../testing/sip-text.ts'
import { hopsOf, SipWorld } from '../testing/sip-world.ts'
import { parseCredentials } from './credentials.ts'
import { ha1Of } from './digest.ts'
import { DigestClient } from './digest-client.ts'
import { DigestServer, digestAnswers } from './digest-server.ts'
import type { LegsOptions } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import { PeerProbe } from './peer-probe.ts'
import { Registration, type RegistrationPlan, type RegistrationState } from './registration.ts'

const hashes = {
  md5: (text: string) => createHash('md5').update(text).digest('hex'),
  sha256: (text: string) => createHash('sha256').update(text).digest('hex'),
}
const login = { username: '32255501', password: 'secret' }
const plan: RegistrationPlan = {
  registrar: 'sip:192.0.2.50',
  addressOfRecord: 'sip:32255501@carrier.example',
  outboundProxy: null,
  login,
  contactUser: 'r7f3',
  expiresSeconds: 600,
}
const minute = 60_000

/** We and a carrier, whose answers a test decides. */
function set(changes: Partial<RegistrationPlan> = {}, fraction = 0, transport: 'udp' | 'tcp' = 'udp') {
  const world = new SipWorld()
  const node = world.node('us', '192.0.2.1')
  const carrier = world.peer('carrier', '192.0.2.50')
  const states: RegistrationState[] = []
  let tokens = 0
  const token = () => `token${++tokens}`
  const { queue } = world
  const locate: LegsOptions['locate'] = (now, uri, done) =>
    done(
      now,
      hopsOf(uri).map((hop) => ({ ...hop, transport })),
    )
  const registration = new Registration(
    {
      ...{ transactions: node.transactions, queue, locate, token, agent: 'Carillon' },
      digest: new DigestClient({ hashes, token }),
      fraction: () => fraction,
      onState: (_now, state) => states.push(state),
    },
    { ...plan, ...changes },
  )
  const seen: { at: number; request: SipMessage }[] = []
  /** Answers each request by what it is given, or not at all. */
  const carrierSays = (say: (request: SipMessage, count: number) => SipMessage | null) => {
    carrier.onMessage = (request) => {
      seen.push({ at: world.now, request })
      const answer = say(request, seen.length)
      if (answer) carrier.send(node, answer)
    }
  }
  const sentAt = () => seen.map(({ at }) => Math.round(at / 1_000))
  return { world, node, registration, states, seen, sentAt, carrierSays, queue, locate, token }
}

const granted = (request: SipMessage, seconds?: number) => {
  const contact = request.header('contact')
  const list =
    request.header('expires') === '0' ? [] : [`Contact: ${contact};expires=${seconds ?? request.header('expires')}`]
  return anAnswer(request, 200, { more: list })
}

describe('T15 a registration of ours', () => {
  it('RFC 3261 §10.2: says who is where, and refreshes in time under one Call-ID', () => {
    const { world, registration, states, seen, sentAt, carrierSays } = set()
    carrierSays((request) => granted(request))
    registration.start(0)
    world.run(1_000_000)
    const first = seen[0]?.request
    expect(first).toMatchObject({ method: 'REGISTER', uri: 'sip:192.0.2.50', toTag: '' })
    expect(first?.header('contact')).toBe('<sip:r7f3@192.0.2.1:5060>')
    expect(first?.header('to')).toBe('<sip:32255501@carrier.example>')
    expect(first?.header('expires')).toBe('600')
    expect(sentAt()).toEqual([0, 450, 900])
    expect(new Set(seen.map(({ request }) => request.callId)).size).toBe(1)
    expect(seen.map(({ request }) => request.cseq)).toEqual([1, 2, 3])
    expect(states.map(({ name }) => name)).toEqual(['registered', 'registered', 'registered'])
    expect(registration.isRegistered).toBe(true)
  })
  it('refreshes by what the carrier grants, of our contact among others', () => {
    const { world, registration, seen, carrierSays, states } = set()
    carrierSays((request) =>
      anAnswer(request, 200, {
        more: [
          'Contact: <sip:other@192.0.2.9>;expires=5',
          `Contact: ${request.header('contact')};expires=60`,
          'Service-Route: <sip:edge.carrier.example;lr>',
        ],
      }),
    )
    registration.start(0)
    world.run(50_000)
    expect(seen[1]?.at).toBeCloseTo(45_002, -1)
    expect(states[0]).toMatchObject({ serviceRoute: ['<sip:edge.carrier.example;lr>'] })
  })
  it('answers the challenge, and from then on before it is asked', () => {
    const { world, registration, seen, states, carrierSays } = set()
    const server = new DigestServer({ hashes, sign: hashes.md5, since: 0 })
    const expected = {
      realm: 'carrier',
      algorithm: 'SHA-256',
      ha1: ha1Of(hashes, 'SHA-256', { ...login, realm: 'carrier' }),
    } as const
    carrierSays((request) => {
      const [answer] = digestAnswers(request, 'authorization')
      const verdict = answer ? server.check(world.now, answer, request.method, expected) : 'none'
      if (verdict === 'ok') return granted(request)
      return anAnswer(request, 401, {
        more: [`WWW-Authenticate: ${server.challenge(world.now, expected, verdict === 'stale')}`],
      })
    })
    registration.start(0)
    world.run(460_000)
    expect(seen.length).toBe(3)
    const counts = seen.map(({ request }) => parseCredentials(request.header('authorization') ?? '')?.params.get('nc'))
    expect(counts).toEqual([undefined, '00000001', '00000002'])
    // Nonces last ten minutes there: what is stale is answered anew.
    world.run(450_000)
    expect(seen.length).toBe(5)
    expect(states.map(({ name }) => name)).toEqual(['registered', 'registered', 'registered'])
  })
  it('423 is obeyed at once', () => {
    const { world, registration, seen, carrierSays, states } = set()
    carrierSays((request) =>
      Number(request.header('expires')) < 1_800
        ? anAnswer(request, 423, { more: ['Min-Expires: 1800'] })
        : granted(request),
    )
    registration.start(0)
    world.run(1_400_000)
    expect(seen.map(({ request }) => request.header('expires'))).toEqual(['600', '1800', '1800'])
    expect(states.every(({ name }) => name === 'registered')).toBe(true)
  })
  it('a 423 that asks for nothing longer is a refusal', () => {
    const { world, registration, seen, states, carrierSays } = set()
    carrierSays((request) => anAnswer(request, 423, { more: ['Min-Expires: 60'] }))
    registration.start(0)
    world.run(minute)
    expect([seen.length, states[0]?.name]).toEqual([1, 'failed'])
  })
  it('403 backs off to 30 minutes', () => {
    const { world, registration, sentAt, states, carrierSays } = set({}, 0.999_999)
    carrierSays((request) => anAnswer(request, 403))
    registration.start(0)
    world.run(130 * minute)
    expect(sentAt()).toEqual([0, 5, 15, 35, 65, 95, 125].map((minutes) => minutes * 60))
    expect(states[0]).toMatchObject({ name: 'failed', status: 403 })
  })
  it('so does a wrong password, which is tried once each time', () => {
    const { world, registration, sentAt, seen, states, carrierSays } = set({}, 0.999_999)
    carrierSays((request, count) =>
      anAnswer(request, 401, { more: [`WWW-Authenticate: Digest realm="c", nonce="${count}", qop="auth"`] }),
    )
    registration.start(0)
    world.run(6 * minute)
    expect(sentAt()).toEqual([0, 0, 300, 300])
    expect(seen.map(({ request }) => request.header('authorization') !== undefined)).toEqual([false, true, false, true])
    expect(states[0]).toMatchObject({ name: 'failed', status: 401 })
  })
  it('503 waits as long as Retry-After says, and not at the same moment as everybody else', () => {
    for (const [fraction, expected] of [
      [0, 90],
      [0.5, 95],
    ] as const) {
      const { world, registration, sentAt, carrierSays } = set({}, fraction)
      carrierSays((request, count) =>
        count === 1 ? anAnswer(request, 503, { more: ['Retry-After: 90'] }) : granted(request),
      )
      registration.start(0)
      world.run(2 * minute)
      expect(sentAt()).toEqual([0, expected])
    }
  })
  it('nobody answers: it tries on, up to every five minutes, and is back when the carrier is', () => {
    const { world, registration, states, seen, carrierSays } = set({}, 0.999_999)
    let isUp = false
    carrierSays((request) => (isUp ? granted(request) : null))
    registration.start(0)
    world.run(40 * minute)
    const begun = [...new Map(seen.map(({ at, request }) => [request.cseq, at] as const).reverse()).values()].reverse()
    const pauses = begun.slice(1).map((at, i) => Math.round((at - (begun[i] ?? 0)) / 1_000) - 32)
    expect(pauses.slice(0, 7)).toEqual([10, 20, 40, 80, 160, 300, 300])
    expect(states.every((state) => state.name === 'failed' && state.status === 408)).toBe(true)
    isUp = true
    world.run(6 * minute)
    expect(states.at(-1)?.name).toBe('registered')
  })
  it('an outage that ends before the registration does is nobody’s concern', () => {
    const { world, registration, states, carrierSays } = set()
    let isUp = true
    carrierSays((request) => (isUp ? granted(request) : null))
    registration.start(0)
    world.run(440_000)
    isUp = false
    world.run(60_000)
    expect(registration.isRegistered).toBe(true)
    isUp = true
    world.run(60_000)
    expect(states.map(({ name }) => name)).toEqual(['registered', 'registered'])
  })
  it('one that outlasts it is told when it ends', () => {
    const { world, registration, states, carrierSays } = set()
    let isUp = true
    carrierSays((request) => (isUp ? granted(request) : null))
    registration.start(0)
    world.run(1_000)
    isUp = false
    world.run(598_000)
    expect(states.length).toBe(1)
    world.run(2_000)
    expect(states[1]).toMatchObject({ name: 'failed', status: 408 })
    expect(registration.isRegistered).toBe(false)
  })
  it('RFC 5626 §4.5: registers again soon when its connection closes, and less soon where none of them lasts', () => {
    const { world, registration, sentAt, states, carrierSays } = set({}, 0, 'tcp')
    carrierSays((request) => granted(request))
    const closes = (port = 5_060) =>
      registration.onConnectionClosed(world.now, { transport: 'tcp', address: '192.0.2.50', port })
    registration.start(0)
    world.run(200_000)
    closes(5_070)
    closes()
    closes()
    world.run(20_000)
    expect(sentAt()).toEqual([0, 205])
    for (let time = 0; time < 3; time += 1) {
      closes()
      world.run(45_000)
    }
    expect(sentAt().slice(2)).toEqual([230, 285, 350])
    expect(new Set(states.map(({ name }) => name))).toEqual(new Set(['registered']))
  })
  it('is taken back when it is stopped, and nothing is left', () => {
    const { world, node, registration, states, seen, carrierSays } = set()
    carrierSays((request) => granted(request))
    registration.start(0)
    world.run(1_000)
    registration.stop(world.now)
    world.run()
    expect(seen.map(({ request }) => request.header('expires'))).toEqual(['600', '0'])
    expect(states.map(({ name }) => name)).toEqual(['registered', 'idle'])
    expect([world.queue.size, node.transactions.size]).toEqual([0, 0])
  })
  it('stopped while it is on its way, it is taken back after the answer', () => {
    const { world, registration, states, seen, carrierSays } = set()
    carrierSays((request) => granted(request))
    registration.start(0)
    registration.stop(0)
    world.run()
    expect(seen.map(({ request }) => request.header('expires'))).toEqual(['600', '0'])
    expect(states.map(({ name }) => name)).toEqual(['idle'])
  })
  it.each([
    ['sip:192.0.2.50:5060', '<sip:192.0.2.50:5060;lr>'],
    ['sip:192.0.2.50;lr', '<sip:192.0.2.50;lr>'],
    ['192.0.2.50:5060', '<sip:192.0.2.50:5060;transport=udp;lr>'],
  ])('goes by the outbound proxy %s, as a loose route', (outboundProxy, route) => {
    const { world, registration, seen, carrierSays } = set({
      ...{ registrar: 'sip:carrier.example;transport=udp', outboundProxy },
    })
    carrierSays((request) => granted(request))
    registration.start(0)
    world.run(1_000)
    expect(seen[0]?.request).toMatchObject({ uri: 'sip:carrier.example;transport=udp' })
    expect(seen[0]?.request.headers('route')).toEqual([route])
  })
  it('a carrier that is not to be found is tried again', () => {
    const { world, registration, states } = set({ registrar: 'sip:nowhere.example' })
    registration.start(0)
    expect(states).toMatchObject([{ name: 'failed', status: 503, retryAt: 5_000 }])
    world.run(5_000)
    expect(states.length).toBe(2)
  })
})

describe('T15 a peer is there when it answers OPTIONS with anything', () => {
  function probing() {
    const all = set()
    const found: [seconds: number, isAlive: boolean][] = []
    const probe = new PeerProbe({
      ...{ transactions: all.node.transactions, queue: all.queue, locate: all.locate, token: all.token },
      ...{
        agent: 'Carillon',
        uri: 'sip:192.0.2.50',
        from: 'sip:carillon@192.0.2.1',
        intervalMs: 30_000,
        fraction: () => 0.5,
      },
      onChange: (now, isAlive) => found.push([Math.round(now / 1_000), isAlive]),
    })
    return { ...all, probe, found }
  }
  it.each([200, 404, 405, 480, 503])('also with %i', (status) => {
    const { world, probe, found, seen, carrierSays } = probing()
    carrierSays((request) => anAnswer(request, status))
    probe.start(0)
    world.run(100_000)
    expect(found).toEqual([[0, true]])
    expect(seen.length).toBe(4)
    expect(new Set(seen.map(({ request }) => request.callId)).size).toBe(1)
  })
  it('and is not when it is silent, until it answers again', () => {
    const { world, probe, found, carrierSays } = probing()
    let isUp = true
    carrierSays((request) => (isUp ? anAnswer(request, 200) : null))
    probe.start(0)
    world.run(10_000)
    isUp = false
    world.run(120_000)
    isUp = true
    world.run(60_000)
    expect(found.map(([, isAlive]) => isAlive)).toEqual([true, false, true])
    expect(found[1]?.[0]).toBe(62)
    probe.stop()
    expect(probe.isAlive).toBe(true)
    world.run()
    expect(world.queue.size).toBe(0)
  })
  it('a stopped probe finds nothing more', () => {
    const { world, probe, found, carrierSays } = probing()
    carrierSays((request) => anAnswer(request, 200))
    probe.start(0)
    probe.stop()
    world.run()
    expect(found).toEqual([])
  })
})
