/**
 * `node tests/bench/sip-parser.bench.ts`: what the parts of the SIP path cost that every message pays for, in CPU time.
 * One repeated message each, so that these are lower bounds; calls and registrations are measured by `bench:sip`.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseCredentials } from '../../engine/sip/credentials.ts'
import { ha1Of } from '../../engine/sip/digest.ts'
import { DigestServer } from '../../engine/sip/digest-server.ts'
import { formatResponse } from '../../engine/sip/format.ts'
import { parseMessage, type SipMessage } from '../../engine/sip/message.ts'
import { register } from '../../engine/sip/registrar.ts'
import { encodeText } from '../../engine/sip/text.ts'

const rounds = 100_000
const md5 = (text: string) => hash('md5', text)
const hashes = { md5, sha256: (text: string) => hash('sha256', text) }

function measure(name: string, step: (round: number) => void): void {
  for (let round = 0; round < rounds; round++) step(round)
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round++) step(round)
  const { user, system } = process.cpuUsage(before)
  console.log(`${name.padEnd(44)} ${((user + system) / rounds).toFixed(2).padStart(7)} µs`)
}

function parsed(bytes: Uint8Array): SipMessage {
  const message = parseMessage(bytes)
  if (message.isFault) throw new Error(message.reason)
  return message
}

const torture = new URL('../../engine/sip/testdata/rfc4475/', import.meta.url)
const invite = Uint8Array.from(readFileSync(new URL('wsinv.dat', torture)))
const authorization = (nc: string, nonce: string, response: string) =>
  `Digest username="alice", realm="pbx", nonce="${nonce}", uri="sip:pbx", response="${response}", nc=${nc}, cnonce="c", qop=auth`
const registration = (cseq: number) =>
  encodeText(
    [
      'REGISTER sip:pbx SIP/2.0',
      'Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK-524287-1---abcdef0123456789;rport',
      'Max-Forwards: 70',
      'Contact: <sip:alice@192.168.1.10:5060;ob>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"',
      'To: <sip:alice@pbx>',
      'From: "Alice" <sip:alice@pbx>;tag=abc123',
      'Call-ID: 98374982374982374@192.168.1.10',
      `CSeq: ${cseq} REGISTER`,
      'Expires: 300',
      'Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE',
      'Supported: replaces, timer, outbound, path',
      'User-Agent: A phone 1.0',
      `Authorization: ${authorization('00000001', '0123456789.abcdef', '0'.repeat(32))}`,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  )

const plain = registration(1)
measure(`parse a REGISTER of ${plain.length} bytes`, () => parsed(plain))
measure(`parse the INVITE of RFC 4475 §3.1.1.1, ${invite.length} bytes`, () => parsed(invite))
const request = parsed(plain)
measure('format a response to it', () => formatResponse(request, { status: 200, toTag: 'ours' }))

const digest = new DigestServer({ hashes, sign: md5, since: 0 })
const login = { username: 'alice', realm: 'pbx', password: 'secret' }
const expected = { realm: 'pbx', algorithm: 'MD5', ha1: ha1Of(hashes, 'MD5', login) } as const
const nonce = /nonce="([^"]+)"/.exec(digest.challenge(0, expected))?.[1] ?? ''
const ha2 = md5('REGISTER:sip:pbx')
const answers = Array.from({ length: 2 * rounds }, (_, at) => {
  const nc = (at + 1).toString(16).padStart(8, '0')
  return authorization(nc, nonce, md5(`${expected.ha1}:${nonce}:${nc}:c:auth:${ha2}`))
})
let answered = 0
measure('read and check a digest answer', () => {
  const credentials = parseCredentials(answers[answered++] ?? '')
  if (credentials === null || digest.check(1, credentials, 'REGISTER', expected) !== 'ok') throw new Error('not let in')
})

const source = { transport: 'udp', address: '192.0.2.7', port: 5060, flow: 'udp' } as const
const limits = { minSeconds: 60, maxSeconds: 3_600, defaultSeconds: 300, maxContacts: 10, flowTimerSeconds: 90 }
let { bindings } = register(0, request, source, [], limits)
// The same request again is a refresh when the one before had another Call-ID.
bindings = bindings.map((binding) => ({ ...binding, callId: 'before' }))
measure('refresh a binding', () => {
  if (register(1, request, source, bindings, limits).changes[0]?.type !== 'refreshed') throw new Error('no refresh')
})
