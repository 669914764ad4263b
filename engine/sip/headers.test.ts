import { describe, expect, it } from 'vitest'
import { formatNameAddr, parseNameAddr } from './address.ts'
import { formatCredentials, parseCredentials } from './credentials.ts'
import * as headers from './headers.ts'
import { parseMessage } from './message.ts'
import { encodeText } from './text.ts'
import { parseVia } from './via.ts'

function having(...lines: string[]) {
  const message = parseMessage(
    encodeText(
      [
        'REFER sip:a@b SIP/2.0',
        'Via: SIP/2.0/UDP c',
        'From: <sip:a@b>;tag=1',
        'To: <sip:a@b>',
        'Call-ID: x',
        'CSeq: 1 REFER',
        ...lines,
        '',
        '',
      ].join('\r\n'),
    ),
  )
  if (message.isFault) throw new Error(message.reason)
  return message
}

describe('addresses', () => {
  it.each([
    ['sip:a@b;tag=1', { displayName: '', uri: 'sip:a@b', params: ';tag=1' }],
    ['<sip:a@b;x>;tag=1', { displayName: '', uri: 'sip:a@b;x', params: ';tag=1' }],
    ['"A <\\"B" < sip:a@b > ; tag = 1', { displayName: 'A <"B', uri: 'sip:a@b', params: '; tag = 1' }],
    ['René Müller <sip:a@b>', { displayName: 'René Müller', uri: 'sip:a@b', params: '' }],
    ['sip:a@b;+sip.instance="<urn:x>"', { displayName: '', uri: 'sip:a@b', params: ';+sip.instance="<urn:x>"' }],
    ['<tel:+32;phone-context=b>', { displayName: '', uri: 'tel:+32;phone-context=b', params: '' }],
  ])('reads %s', (text, expected) => expect(parseNameAddr(text)).toEqual(expected))
  it.each(['', '<>', '<sip:a@b', '"A <sip:a@b>', '"A" sip:a@b', '<sip:a@b> x', 'A "B" <sip:a@b>', 'sip:a b'])(
    'refuses %j',
    (text) => expect(parseNameAddr(text)).toBeNull(),
  )
  it('writes names so that they are read back, whatever people are called', () => {
    for (const displayName of ['Bob', 'Bob "B" \\ Smith', 'a,b;c<d>', 'René', '']) {
      expect(parseNameAddr(formatNameAddr({ displayName, uri: 'sip:a@b', params: ';x=1' }))).toEqual({
        ...{ displayName, uri: 'sip:a@b', params: ';x=1' },
      })
    }
    expect(formatNameAddr({ displayName: 'a\r\nVia: x', uri: 'sip:a@b' })).toBe('"a Via: x" <sip:a@b>')
  })
})

describe('Via', () => {
  it.each([
    ['SIP/2.0/udp H:5060;rport;branch=b', { transport: 'UDP', host: 'h', port: 5060, rport: 0, branch: 'b' }],
    ['SIP/2.0/TLS [::1]:5061 ; received="x" ;rport=7', { host: '::1', port: 5061, received: 'x', rport: 7 }],
    ['SIP/2.0/UDP h;maddr=[ff02::1];ttl=16;', { maddr: 'ff02::1', ttl: 16, rport: null }],
  ])('reads %s', (text, expected) => expect(parseVia(text)).toMatchObject(expected))
  it.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 UDP h',
    'SIP/2.0/UDP h:x',
    'SIP/2.0/UDP h;;branch=b',
    'SIP/2.0/UDP h;b="',
  ])('refuses %j', (text) => expect(parseVia(text)).toBeNull())
})

describe('values', () => {
  it('Contact: registration parameters (RFC 3261 §20.10, RFC 5626 §4.1)', () => {
    const instance = 'urn:uuid:00000000-0000-1000-8000-000A95A0E128'
    const message = having(`m: <sip:a@b;ob>;+sip.instance="<${instance}>";reg-id=2;expires=60;q=0.25, <sip:c@d>`)
    expect(headers.parseContacts(message)).toMatchObject([
      { instance, regId: 2, expires: 60, q: 0.25 },
      { instance: '', regId: null, expires: null, q: 1 },
    ])
    expect(headers.parseContacts(having('Contact: *'))).toBe('*')
    expect(headers.parseContacts(having())).toEqual([])
    for (const bad of ['*, <sip:a@b>', '<sip:a@b>;q=2', '<sip:a@b>;q=0.1234', '<sip:a@b', '<sip:a@b>;="']) {
      expect(headers.parseContacts(having(`Contact: ${bad}`)), bad).toSatisfy(
        (value) => value === null || (Array.isArray(value) && value[0]?.address.uri === '*'),
      )
    }
  })
  it('Reason (RFC 3326): several, and those that are none left out', () => {
    const message = having('Reason: SIP ;cause=200 ;text="Call completed elsewhere", Q.850;cause=16', 'Reason: ;x')
    expect(headers.parseReasons(message)).toEqual([
      { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' },
      { protocol: 'Q.850', cause: 16, text: '' },
    ])
    expect(headers.formatReason({ protocol: 'SIP', cause: 200, text: 'Call "x"' })).toBe(
      'SIP;cause=200;text="Call \\"x\\""',
    )
  })
  it('Replaces (RFC 3891 §6.1) and Refer-To', () => {
    const replaces = { callId: '98@a', toTag: 'r33th4x0r', fromTag: 'ff87ff', isEarlyOnly: true }
    expect(headers.parseReplaces('98@a;from-tag=ff87ff ;to-tag=r33th4x0r;early-only')).toEqual(replaces)
    expect(headers.parseReplaces(headers.formatReplaces(replaces))).toEqual(replaces)
    expect(headers.parseReplaces('98@a;to-tag=1')).toBeNull()
    const attended = 'r: <sip:bob@pbx;x=1?Replaces=98%40a%3Bfrom-tag%3Dff87ff%3Bto-tag%3Dr33th4x0r%3Bearly-only&X=1>'
    expect(headers.parseReferTo(having(attended))).toEqual({ uri: 'sip:bob@pbx;x=1', replaces, method: 'INVITE' })
    expect(headers.parseReferTo(having('Refer-To: Bob <tel:+32>'))).toMatchObject({ uri: 'tel:+32', replaces: null })
    expect(headers.parseReferTo(having('Refer-To: <sip:a;method=BYE>'))?.method).toBe('BYE')
    for (const bad of [[], ['r: <sip:a?Replaces=b>'], ['r: <sip:a>', 'r: <sip:b>'], ['r: <x>']]) {
      expect(headers.parseReferTo(having(...bad))).toBeNull()
    }
  })
  it('Session-Expires, RAck, Retry-After, Event, Privacy, sipfrag', () => {
    expect(headers.parseSessionExpires('1800 ; Refresher=UAC')).toEqual({ seconds: 1800, refresher: 'uac' })
    expect(headers.parseSessionExpires('x')).toBeNull()
    expect(headers.parseRack('776656 1 INVITE')).toEqual({ rseq: 776_656, cseq: 1, method: 'INVITE' })
    expect(headers.parseRack('776656 1')).toBeNull()
    expect(headers.retryAfter(having('Retry-After: 18000;duration=3600'))).toBe(18_000)
    expect(headers.retryAfter(having('Retry-After: 120 (I am in a meeting)'))).toBe(120)
    expect(headers.parseWord('Dialog ; id=2')).toMatchObject({ word: 'dialog', params: new Map([['id', '2']]) })
    expect([...headers.privacyOf(having('Privacy: id;Header', 'Privacy: critical'))]).toEqual([
      'id',
      'header',
      'critical',
    ])
    expect(headers.sipfragStatus('SIP/2.0 503 Service Unavailable\r\n')).toBe(503)
    expect(headers.sipfragStatus('SIP/2.0 200')).toBe(200)
    expect(headers.sipfragStatus('HTTP/1.1 200')).toBeNull()
    expect(headers.contentType(having('c: Application/SDP;charset=x'))).toBe('application/sdp')
  })
  it('addresses in lists', () => {
    const message = having('P-Asserted-Identity: "A, B" <sip:a@b>, <tel:+32>', 'Diversion: <sip:c@d>;reason=no-answer')
    const uris = (name: string) => headers.nameAddresses(message, name)?.map(({ uri }) => uri)
    expect(uris('P-Asserted-Identity')).toEqual(['sip:a@b', 'tel:+32'])
    expect(uris('Diversion')).toEqual(['sip:c@d'])
    expect(headers.nameAddresses(having('Diversion: "x'), 'diversion')).toBeNull()
  })
})

describe('credentials (RFC 7616 §3.3, §3.4)', () => {
  it('are read with any space and quoting', () => {
    expect(parseCredentials('DIGEST  realm = "a\\"b" ,Nonce="n", stale=TRUE,qop="auth,auth-int"')).toEqual({
      scheme: 'digest',
      params: new Map(Object.entries({ realm: 'a"b', nonce: 'n', stale: 'TRUE', qop: 'auth,auth-int' })),
    })
  })
  it.each(['', 'Digest', 'Digest realm', 'Digest realm="a', 'Digest a=1 b=2', 'Digest a=1, a=2', 'Digest =1'])(
    'refuses %j',
    (text) => expect(parseCredentials(text)).toBeNull(),
  )
  it('are written with the quotes that belong there', () => {
    const pairs = [
      ['username', 'a"b'],
      ['algorithm', 'MD5'],
      ['nc', '00000001'],
      ['qop', 'auth'],
    ] as const
    expect(formatCredentials(pairs, true)).toBe('Digest username="a\\"b", algorithm=MD5, nc=00000001, qop=auth')
    expect(formatCredentials(pairs, false)).toMatch(/qop="auth"$/)
  })
})
