import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { aRequest, anAnswer } from '../testing/sip-text.ts'
import { type Credentials, parseCredentials } from './credentials.ts'
import { type DigestHashes, digestResponse, ha1Of } from './digest.ts'
import { DigestClient } from './digest-client.ts'
import { DigestServer, digestAnswers } from './digest-server.ts'

const hashes: DigestHashes = {
  md5: (text) => createHash('md5').update(text).digest('hex'),
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
}
const sign = (text: string) => createHmac('sha256', 'key').update(text).digest('base64url').slice(0, 22)

const realm = 'pbx.example'
const login = { username: 'alice', password: 'open sesame' }
const covered = { method: 'REGISTER', uri: 'sip:pbx.example', body: '' }
const expecting = (algorithm: 'MD5' | 'SHA-256' = 'MD5', password = login.password) => ({
  ...{ realm, algorithm, ha1: ha1Of(hashes, algorithm, { ...login, realm, password }) },
})

function client() {
  let tokens = 0
  return new DigestClient({ hashes, token: () => `token-${++tokens}` })
}
const challengedBy = (...values: string[]) =>
  anAnswer(aRequest('REGISTER'), 401, { more: values.map((value) => `WWW-Authenticate: ${value}`) })

function credentials(value: string | undefined): Credentials {
  const parsed = parseCredentials(value ?? '')
  if (parsed === null) throw new Error(`no credentials: ${value}`)
  return parsed
}
function changed(value: Credentials, changes: Record<string, string | undefined>): Credentials {
  const params = new Map(value.params)
  for (const [name, text] of Object.entries(changes)) text === undefined ? params.delete(name) : params.set(name, text)
  return { ...value, params }
}

describe('RFC 7616 §3.9.1, with both algorithms', () => {
  const input = (algorithm: 'MD5' | 'SHA-256') => ({
    ha1: ha1Of(hashes, algorithm, { username: 'Mufasa', realm: 'http-auth@example.org', password: 'Circle of Life' }),
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    counted: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ', qop: 'auth' },
  })
  it('MD5', () => {
    expect(digestResponse(hashes.md5, input('MD5'))).toBe('8ca523f5e9506fed4657c9700eebdbec')
  })
  it('SHA-256', () => {
    const expected = '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'
    expect(digestResponse(hashes.sha256, input('SHA-256'))).toBe(expected)
  })
  it('RFC 2617 §3.5, the form without count as RFC 2069 has it', () => {
    const ha1 = ha1Of(hashes, 'MD5', { username: 'Mufasa', realm: 'testrealm@host.com', password: 'CircleOfLife' })
    const legacy = {
      ha1,
      method: 'GET',
      uri: '/dir/index.html',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
      counted: null,
    }
    expect(digestResponse(hashes.md5, legacy)).toBe('1949323746fe6a43ef61f9606e7febea')
  })
})

describe.each(['MD5', 'SHA-256'] as const)('our client and our server, %s', (algorithm) => {
  const server = () => new DigestServer({ hashes, sign, since: 0 })
  const ask = (one: DigestServer, now = 0) => one.challenge(now, { realm, algorithm })
  const answerTo = (challenge: string, one = client()) => {
    const lines = one.answer(challengedBy(challenge), covered, login)
    return credentials(lines?.[0]?.[1])
  }
  const expected = expecting(algorithm)

  it('understand each other', () => {
    const one = server()
    expect(one.check(0, answerTo(ask(one)), 'REGISTER', expected)).toBe('ok')
  })
  it('a wrong password is wrong, also when the nonce is stale', () => {
    const one = server()
    const answer = answerTo(ask(one))
    expect(one.check(0, answer, 'REGISTER', expecting(algorithm, 'other'))).toBe('wrong')
    expect(one.check(9e6, answer, 'REGISTER', expecting(algorithm, 'other'))).toBe('wrong')
    expect(one.check(0, answer, 'INVITE', expected)).toBe('wrong')
  })
  it('nobody is told that a nonce is stale whose signature is not ours: it is as if there was no answer', () => {
    const one = server()
    const answer = answerTo(ask(one))
    const nonce = answer.params.get('nonce') ?? ''
    for (const forged of ['', 'x', nonce.slice(0, -1), `1${nonce}`, nonce.replace('.', '0.'), `${nonce}A`]) {
      expect(one.check(0, changed(answer, { nonce: forged }), 'REGISTER', expected), forged).toBe('none')
    }
  })
  it('after ten minutes a nonce is stale, and the client answers the next one', () => {
    const one = server()
    const mine = client()
    const answer = answerTo(ask(one), mine)
    expect(one.check(600_001, answer, 'REGISTER', expected)).toBe('stale')
    const again = one.challenge(600_001, expected, true)
    expect(credentials(again).params.get('stale')).toBe('true')
    expect(one.check(600_002, answerTo(again, mine), 'REGISTER', expected)).toBe('ok')
  })
  it('T29: no answer works twice; the next count does, without being asked', () => {
    const one = server()
    const mine = client()
    const answer = answerTo(ask(one), mine)
    expect(one.check(0, answer, 'REGISTER', expected)).toBe('ok')
    expect(one.check(1, answer, 'REGISTER', expected)).toBe('stale')
    const next = credentials(mine.again(covered, login)[0]?.[1])
    expect(next.params.get('nc')).toBe('00000002')
    expect(one.check(2, next, 'REGISTER', expected)).toBe('ok')
    expect(one.check(3, next, 'REGISTER', expected)).toBe('stale')
  })
  it('requests that overtake each other are accepted, each once', () => {
    const one = server()
    const mine = client()
    const answers = [answerTo(ask(one), mine)]
    for (let count = 2; count <= 80; count++) answers.push(credentials(mine.again(covered, login)[0]?.[1]))
    const check = (count: number) =>
      one.check(0, answers[count - 1] ?? answers[0] ?? changed(credentials(''), {}), 'REGISTER', expected)
    expect([3, 1, 2, 2, 33, 34, 3, 40].map(check)).toEqual(['ok', 'ok', 'ok', 'stale', 'ok', 'ok', 'stale', 'ok'])
    // 32 below the highest are known one by one; what is older may have been used.
    expect([80, 49, 48, 40].map(check)).toEqual(['ok', 'ok', 'stale', 'stale'])
  })
})

describe('the server', () => {
  const one = new DigestServer({ hashes, sign, since: 0 })
  const answer = credentials(client().answer(challengedBy(one.challenge(0, expecting())), covered, login)?.[0]?.[1])

  it('gives one challenge, with qop and an algorithm that every phone knows', () => {
    expect(one.challenge(5, { realm, algorithm: 'MD5' })).toMatch(
      /^Digest realm="pbx\.example", nonce="5\.\w+\.[\w-]{22}", algorithm=MD5, qop="auth"$/,
    )
  })
  it.each([
    ['of another realm', { realm: 'other' }],
    ['of another algorithm', { algorithm: 'SHA-256' }],
    ['of an algorithm nobody knows', { algorithm: 'ROT13' }],
    ['of another quality', { qop: 'auth-int' }],
    ['with a broken count', { nc: '1' }],
    ['without a nonce of the client', { cnonce: '' }],
  ])('takes an answer %s for none', (_what, changes) => {
    expect(one.check(0, changed(answer, changes), 'REGISTER', expecting())).toBe('none')
  })
  it('accepts the form without count for one request', () => {
    const fresh = new DigestServer({ hashes, sign, since: 0 })
    const nonce = credentials(fresh.challenge(0, expecting())).params.get('nonce') ?? ''
    const input = { ha1: expecting().ha1, method: 'REGISTER', uri: 'sip:pbx.example', nonce, counted: null }
    const legacy = changed(answer, {
      ...{ nonce, response: digestResponse(hashes.md5, input).toUpperCase(), algorithm: undefined },
      ...{ qop: undefined, nc: undefined, cnonce: undefined },
    })
    expect(fresh.check(0, legacy, 'REGISTER', expecting())).toBe('ok')
    expect(fresh.check(0, legacy, 'REGISTER', expecting())).toBe('stale')
  })
  it('T7: after a restart an answer to a nonce of the process before is stale, not unknown', () => {
    const next = new DigestServer({ hashes, sign, since: 1_000 })
    expect(next.check(1_000, answer, 'REGISTER', expecting())).toBe('stale')
    expect(next.check(1_000, answer, 'REGISTER', expecting('MD5', 'other'))).toBe('wrong')
  })
  it('gives two phones that ask in one moment two nonces', () => {
    expect(one.challenge(0, expecting())).not.toBe(one.challenge(0, expecting()))
  })
  it('remembers so many nonces and no more, and forgets none that could be used again', () => {
    const small = new DigestServer({ hashes, sign, since: 0, mostNonces: 3 })
    const answers = [1, 2, 3, 4].map((now) =>
      credentials(client().answer(challengedBy(small.challenge(now, expecting())), covered, login)?.[0]?.[1]),
    )
    const check = (now: number) => answers.map((each) => small.check(now, each, 'REGISTER', expecting()))
    expect(check(10)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(small.remembered).toBe(3)
    expect(check(11)).toEqual(['stale', 'stale', 'stale', 'stale'])
    const late = credentials(
      client().answer(challengedBy(small.challenge(700_000, expecting())), covered, login)?.[0]?.[1],
    )
    expect(small.check(700_000, late, 'REGISTER', expecting())).toBe('ok')
    expect(small.remembered).toBe(1)
  })
  it('reads the digest answers of a request, each line by itself', () => {
    const request = aRequest('REGISTER', {
      more: ['Authorization: Basic eDp5', 'Authorization: Digest username="a", realm="b"'],
    })
    expect(digestAnswers(request, 'authorization').map(({ params }) => params.get('username'))).toEqual(['a'])
    expect(digestAnswers(request, 'proxy-authorization')).toEqual([])
  })
})

describe('the client', () => {
  const answer = (...values: string[]) => client().answer(challengedBy(...values), covered, login)

  it('RFC 8760 §2.4: answers the topmost challenge of a realm that it knows, one for each realm', () => {
    const lines = answer(
      'Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth"',
      'Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth"',
      'Digest realm="a", nonce="3", algorithm=MD5, qop="auth"',
      'Digest realm="b", nonce="4"',
    )
    expect(lines?.map(([, value]) => credentials(value).params.get('nonce'))).toEqual(['2', '4'])
  })
  it('says in Proxy-Authorization what a 407 asks', () => {
    const response = anAnswer(aRequest('INVITE'), 407, { more: ['Proxy-Authenticate: Digest realm="a", nonce="1"'] })
    expect(client().answer(response, covered, login)?.[0]?.[0]).toBe('Proxy-Authorization')
  })
  it('gives opaque back, and nothing that was not asked for', () => {
    expect(answer('Digest realm="a", nonce="1", opaque="o"')?.[0]?.[1]).toMatch(
      /^Digest username="alice", realm="a", nonce="1", uri="sip:pbx\.example", response="[0-9a-f]{32}", opaque="o"$/,
    )
  })
  it('counts on when a nonce comes again', () => {
    const mine = client()
    const counts = [1, 2].map(() => {
      const lines = mine.answer(challengedBy('Digest realm="a", nonce="1", qop="auth"'), covered, login)
      return credentials(lines?.[0]?.[1]).params.get('nc')
    })
    expect(counts).toEqual(['00000001', '00000002'])
  })
  it('covers the body where only auth-int is offered', () => {
    const params = credentials(answer('Digest realm="a", nonce="1", qop="auth-int"')?.[0]?.[1]).params
    const input = { nc: '00000001', cnonce: 'token-1', qop: 'auth-int' }
    const ha1 = ha1Of(hashes, 'MD5', { ...login, realm: 'a' })
    const request = { method: 'REGISTER', uri: 'sip:pbx.example', nonce: '1' }
    const right = digestResponse(hashes.md5, { ha1, ...request, counted: input, bodyHash: hashes.md5('') })
    expect(params.get('response')).toBe(right)
  })
  it('mixes both nonces into the key of an MD5-sess', () => {
    const params = credentials(answer('Digest realm="a", nonce="1", algorithm=MD5-sess, qop=auth')?.[0]?.[1]).params
    const ha1 = hashes.md5(`${ha1Of(hashes, 'MD5', { ...login, realm: 'a' })}:1:token-1`)
    const input = { nc: '00000001', cnonce: 'token-1', qop: 'auth' }
    const right = digestResponse(hashes.md5, { ha1, method: 'REGISTER', uri: covered.uri, nonce: '1', counted: input })
    expect(params.get('response')).toBe(right)
    expect(params.get('algorithm')).toBe('MD5-sess')
  })
  it.each(['Basic realm="a"', 'Digest realm="a"', 'Digest nonce="1"', 'Digest realm="a", nonce="1", qop="x"', 'x'])(
    'has nothing to say to %s',
    (value) => expect(answer(value)).toBeNull(),
  )
})
