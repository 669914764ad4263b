/**
 * What is remembered for long is small: a piece of a message keeps all of its text in memory, which no count of entries
 * shows.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import type { Credentials } from '../engine/sip/credentials.ts'
import { digestResponse } from '../engine/sip/digest.ts'
import { DigestServer, digestAnswers } from '../engine/sip/digest-server.ts'
import { parseMessage, type SipMessage } from '../engine/sip/message.ts'
import { type Binding, register } from '../engine/sip/registrar.ts'
import { hashes } from '../server/voice/doorkeeper.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Thousands of messages, on cores that others use too. */
const testMs = 30_000
const warmUp = 300

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

const expected = { realm: 'example.com', algorithm: 'MD5', ha1: '939e7578ed9e3c518a452acee763bce9' } as const

function messageOf(...lines: string[]): SipMessage {
  const more = [`X-Vendor: ${'of some length '.repeat(60)}`, 'Content-Length: 0']
  const message = parseMessage(Buffer.from(`${[...lines, ...more].join('\r\n')}\r\n\r\n`))
  if (message.isFault) throw new Error(message.reason)
  return message
}

/** A call's INVITE that answers a challenge, as it came from the wire. */
function answered(challenge: string): Credentials | undefined {
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? ''
  const counted = { nc: '00000001', cnonce: '0a4f113b', qop: 'auth' }
  const parts = { ha1: expected.ha1, method: 'INVITE', uri: 'sip:102@example.com', nonce, counted }
  const invite = messageOf(
    'INVITE sip:102@example.com SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK776asdhds',
    'From: <sip:101@example.com>;tag=1928301774',
    'To: <sip:102@example.com>',
    'Call-ID: a84b4c76e66710',
    'CSeq: 2 INVITE',
    `Authorization: Digest username="101", realm="example.com", nonce="${nonce}", uri="sip:102@example.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="${digestResponse(hashes.md5, parts)}"`,
    'Contact: <sip:101@192.0.2.4>',
  )
  return digestAnswers(invite, 'authorization')[0]
}

const phone = { transport: 'udp', address: '192.0.2.4', port: 5060, flow: 'udp4:5060' } as const
const limits = { minSeconds: 60, maxSeconds: 7_200, defaultSeconds: 3_600, maxContacts: 10, flowTimerSeconds: null }

const registration = (user: number, callId: string) =>
  messageOf(
    'REGISTER sip:example.com SIP/2.0',
    `Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK776asdhds${user}`,
    `From: <sip:${user}@example.com>;tag=1928301774`,
    `To: <sip:${user}@example.com>`,
    `Call-ID: ${callId}@desk-phone.example.com`,
    'CSeq: 1 REGISTER',
    'Supported: path, outbound',
    'Path: <sip:edge.example.com;lr>',
    `Contact: <sip:${user}@192.0.2.4:5060>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-${1e11 + user}>"`,
    'User-Agent: Desk phone 1.2.3 of some vendor',
  )

/** What each of so many keeps, once those before them have compiled the code. */
function bytesOfEach(count: number, keep: (at: number) => void): number {
  for (let at = -warmUp; at < 0; at++) keep(at)
  const before = heapBytes()
  for (let at = 0; at < count; at++) keep(at)
  return (heapBytes() - before) / count
}

it('T29: an answer that is remembered is not remembered with its request', { timeout: testMs }, () => {
  const count = 2_000
  const server = new DigestServer({ hashes, sign: () => 'signature', since: 0 })
  const bytes = bytesOfEach(count, () => {
    const answer = answered(server.challenge(1, expected))
    if (answer) expect(server.check(1, answer, 'INVITE', expected)).toBe('ok')
  })
  expect(server.remembered).toBe(count + warmUp)
  expect(bytes).toBeLessThan(300)
  server.forget(700_000)
  expect(server.remembered).toBe(0)
})

const again = 'a binding is kept without its REGISTER, also when that comes again from a phone that has started anew'
it(again, { timeout: testMs }, () => {
  const count = 1_000
  const kept: (readonly Binding[])[] = []
  const bytes = bytesOfEach(count, (at) => {
    const user = at + warmUp
    const first = register(0, registration(user, `first-${user}`), phone, [], limits)
    kept.push(register(1, registration(user, `second-${user}`), phone, first.bindings, limits).bindings)
  })
  expect(kept.every((bindings) => bindings.length === 1)).toBe(true)
  expect(bytes).toBeLessThan(1_000)
})
