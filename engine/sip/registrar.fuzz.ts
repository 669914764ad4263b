/**
 * Spoiled registrations, one after the other, at one address: whatever they say, the changes lead from the bindings before
 * to those after, what is refused changes nothing, and no spoiled answer to a challenge lets anybody in.
 */
import { mutateLines } from '../testing/mutation.ts'
import { drawInteger } from '../testing/random.ts'
import { type DigestHashes, ha1Of } from './digest.ts'
import { DigestServer, digestAnswers } from './digest-server.ts'
import { formatResponse } from './format.ts'
import type { Hop } from './hop.ts'
import { parseMessage, type SipMessage } from './message.ts'
import { type Binding, register, type Registered } from './registrar.ts'
import { encodeText } from './text.ts'

type Random = () => number

const limits = { minSeconds: 60, maxSeconds: 3_600, defaultSeconds: 3_600, maxContacts: 4, flowTimerSeconds: 90 }

const login = { username: 'alice', realm: 'pbx', password: 'secret' }

export function fuzzRegistrar(random: Random, rounds: number, hashes: DigestHashes): void {
  const digest = new DigestServer({ hashes, sign: hashes.md5, since: 0 })
  const expected = { realm: 'pbx', algorithm: 'MD5', ha1: ha1Of(hashes, 'MD5', login) } as const
  const valid = registrations(digest.challenge(0, expected), expected.ha1, hashes.md5)
  let bindings: readonly Binding[] = []
  let now = 0
  for (let round = 0; round < rounds; round++) {
    const text = valid[drawInteger(random, valid.length)] ?? ''
    const spoiled = random() < 0.3 ? text : mutateLines(random, text)
    const request = parseMessage(encodeText(spoiled))
    if (request.isFault || request.method !== 'REGISTER') continue
    const source: Hop = { transport: 'udp', address: '192.0.2.7', port: drawInteger(random, 3), flow: null }
    now += 1_000 * drawInteger(random, 60)
    const result = register(now, request, source, bindings, limits)
    checkChanges(now, bindings, result, spoiled)
    checkAnswer(request, result, spoiled)
    bindings = result.bindings
    for (const answer of digestAnswers(request, 'authorization')) {
      const isUntouched = text.includes(`response="${answer.params.get('response')}"`)
      const verdict = digest.check(0, answer, 'REGISTER', expected)
      if (verdict === 'ok' && !isUntouched) throw new Error(`let in: ${JSON.stringify(spoiled)}`)
    }
  }
}

/** Of phones of several kinds; the last answers the challenge. */
function registrations(challenge: string, ha1: string, hash: (text: string) => string): string[] {
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? ''
  const response = hash(`${ha1}:${nonce}:00000001:c:auth:${hash('REGISTER:sip:pbx')}`)
  const answer = `Digest username="alice", realm="pbx", nonce="${nonce}", uri="sip:pbx", response="${response}"`
  const instance = '+sip.instance="<urn:uuid:1>"'
  return [
    ['Contact: <sip:a@h>;expires=60', 'Contact: "B" <sip:b@h;transport=tcp>;q=0.5'],
    ['Contact: *', 'Expires: 0'],
    [`Contact: <sip:a@h;ob>;reg-id=1;${instance}`, 'Supported: path, outbound', 'Path: <sip:edge;lr;ob>'],
    [`Contact: <sip:a@h:1>;${instance}, <sip:a@h:2>;${instance};expires=0`, 'Expires: 600'],
    ['Contact: <sip:a@h>', `Authorization: ${answer}, nc=00000001, cnonce="c", qop=auth`],
  ].map((lines, at) =>
    [
      'REGISTER sip:pbx SIP/2.0',
      'Via: SIP/2.0/UDP h;branch=z9hG4bK1',
      'From: <sip:alice@pbx>;tag=1',
      'To: <sip:alice@pbx>',
      `Call-ID: call-${at % 3}`,
      `CSeq: ${at + 1} REGISTER`,
      ...lines,
      '',
      '',
    ].join('\r\n'),
  )
}

function checkChanges(
  now: number,
  before: readonly Binding[],
  { changes, bindings, response }: Registered,
  text: string,
) {
  const expected = new Map(before.map((binding) => [binding.key, binding]))
  for (const change of changes) {
    if (change.type === 'removed') expected.delete(change.binding.key)
    else expected.set(change.binding.key, change.binding)
  }
  const isSame = bindings.length === expected.size && bindings.every((binding) => expected.get(binding.key) === binding)
  const isRefused = response.status !== 200
  const isWithin = bindings.length <= limits.maxContacts
  const isAlive = isRefused || bindings.every(({ expiresAt }) => expiresAt > now && expiresAt <= now + 3_600_000)
  if (isSame && isWithin && isAlive && !(isRefused && changes.length > 0)) return
  throw new Error(`bindings and changes do not agree: ${JSON.stringify(text)}`)
}

function checkAnswer(request: SipMessage, { response }: Registered, text: string): void {
  const answer = parseMessage(formatResponse(request, { ...response, toTag: 'ours' }))
  const count = (response.headers ?? []).filter(([name]) => name === 'Contact').length
  if (answer.isFault || answer.headers('contact').length !== count)
    throw new Error(`no answer: ${JSON.stringify(text)}`)
}
