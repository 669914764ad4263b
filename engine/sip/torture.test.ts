/** RFC 4475: every message, with the outcome that the RFC's prose asks for and what it says of the parts. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tortureMessages } from '../testing/torture.ts'
import { parseNameAddr } from './address.ts'
import { parseCredentials } from './credentials.ts'
import { parameter } from './grammar.ts'
import { hasToken, numberHeader, parseContacts, unknownExtensions } from './headers.ts'
import { type ParseFault, parseMessage, type SipMessage } from './message.ts'
import { parseUri, uriHeaders } from './uri.ts'

const folder = new URL('testdata/rfc4475/', import.meta.url)
const read = (name: string) => parseMessage(readFileSync(new URL(`${name}.dat`, folder)))

function message(name: string): SipMessage {
  const result = read(name)
  if (result.isFault) throw new Error(`${name}: ${result.reason}`)
  return result
}
function fault(name: string): ParseFault {
  const result = read(name)
  if (!result.isFault) throw new Error(`${name} was accepted`)
  return result
}

it('all messages of the archive are in the table', () => {
  const files = readdirSync(folder).map((file) => file.replace('.dat', ''))
  expect(tortureMessages.map(({ name }) => name).sort()).toEqual(files.sort())
})

describe.each(tortureMessages)('RFC 4475 §$section $name', ({ name, parse, answer }) => {
  it(`is ${parse}`, () => {
    const result = read(name)
    if (parse === 'ok') expect(result).toMatchObject({ isFault: false })
    else if (parse === 'drop') expect(result).toMatchObject({ isFault: true, request: null })
    else {
      expect(result).toMatchObject({ isFault: true, status: parse, request: { isRequest: true } })
      expect(answer).toContain(parse)
    }
  })
})

describe('RFC 4475 §3.1.1, what the valid messages say', () => {
  it('wsinv: folding and space everywhere', () => {
    const m = message('wsinv')
    expect(m).toMatchObject({ method: 'INVITE', uri: 'sip:vivekg@chair-dnrc.example.com;unknownparam', cseq: 9 })
    expect(m).toMatchObject({ callId: 'wsinv.ndaksdj@192.0.2.1', fromTag: '98asjd8', toTag: '1918181833n' })
    expect(m.from.displayName).toBe('J Rosenberg \\"')
    expect(m.via).toMatchObject({ transport: 'UDP', host: '192.0.2.2', port: null, branch: '390skdjuw' })
    expect(m.headers('via').length).toBe(3)
    expect(m.header('subject')).toBe('')
    expect(numberHeader(m, 'max-forwards', 255)).toBe(68)
    expect(m.header('NewFangledHeader')).toBe('newfangled value continued newfangled value')
    expect(m.headers('UnknownHeaderWithUnusualValue')).toEqual([';;,,;;,;'])
    expect(m.headers('route')).toEqual(['<sip:services.example.com;lr;unknownwith=value;unknown-no-value>'])
    expect(parseContacts(m)).toMatchObject([{ address: { displayName: 'Quoted string ""' }, q: 0.33 }])
    expect(m.body.length).toBe(150)
  })
  it('intmeth: every character of a token, NUL and UTF-8', () => {
    const m = message('intmeth')
    expect(m.method).toBe("!interesting-Method0123456789_*+`.%indeed'~")
    expect(m.requestUri).toMatchObject({
      user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      host: 'example.com',
    })
    expect(m.branch).toBe("z9hG4bK-.!%66*_+`'~")
    expect(m.to.displayName).toBe('BEL:\u0007 NUL:\u0000 DEL:\u007f')
    expect(m.from.displayName).toBe("token1~` token2'+_ token3*%!.-")
    expect(parameter(m.from.params, "fromparam''~+*_!.-%")).toBe('работающий')
    expect(m.fromTag).toBe("_token~1'+`*%!-.")
    expect(m.callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{')
    expect(m.header("extensionHeader-!.%*+_`'~")).toBe('\ufeff大停電')
  })
  it('esc01: escapes mean what they stand for, once', () => {
    const m = message('esc01')
    expect(m.requestUri).toMatchObject({ user: 'sips:user@example.com', host: 'example.net' })
    expect(parseUri(m.to.uri)).toMatchObject({ user: 'user' })
    expect(parseUri(m.from.uri)).toMatchObject({ user: 'I have spaces' })
    expect(m.headers('contact')).toEqual(['<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>'])
  })
  it('escnull: two contacts whose users are NULs of different number', () => {
    const contacts = parseContacts(message('escnull'))
    expect(contacts).toMatchObject([{ address: { uri: 'sip:%00@host5.example.com' } }, {}])
    expect(parseUri('sip:%00%00@host5.example.com')?.user).toBe('\u0000\u0000')
    expect(parseUri(message('escnull').to.uri)?.user).toBe('null-\u0000-null')
  })
  it('esc02: no escape in methods, names and display names', () => {
    const m = message('esc02')
    expect(m.method).toBe('RE%47IST%45R')
    expect(m.to.displayName).toBe('%Z%45')
    expect(m.headers('contact').length).toBe(2)
    expect(m.header('C%6Fntact')).toBe('<sip:alias2@host2.example.com>')
  })
  it('lwsdisp: a name that touches its bracket', () => {
    expect(message('lwsdisp').from).toEqual({
      displayName: 'caller',
      uri: 'sip:caller@example.com',
      params: ';tag=323',
    })
  })
  it('longreq: 34 Vias, a tag of 155 characters', () => {
    const m = message('longreq')
    expect(m.headers('via').length).toBe(34)
    expect(m.via).toMatchObject({ transport: 'TCP', host: 'sip33.example.com', branch: '' })
    expect(m.fromTag).toBe(`12${'982'.repeat(50)}424`)
    expect(m.to.displayName).toMatch(/^I have a user name of (?:extreme){10} proportion$/)
  })
  it('dblreq: what follows the body is noise', () => {
    expect(message('dblreq')).toMatchObject({ method: 'REGISTER', body: { length: 0 } })
  })
  it('semiuri: the user has a parameter with an escaped @', () => {
    expect(message('semiuri').requestUri).toMatchObject({ user: 'user;par=u@example.net', host: 'example.com' })
    expect(message('semiuri').headers('accept').length).toBe(6)
  })
  it('mpart01: a body with NUL in it, to its last byte', () => {
    const m = message('mpart01')
    expect(m.body.length).toBe(553)
    expect([...m.body.subarray(-4)]).toEqual([0x2d, 0x2d, 13, 10])
  })
  it('unreason, noreason: any phrase, or none', () => {
    expect(message('unreason').reason).toBe('= 2**3 * 5**2 но сто девяносто девять - простое')
    expect(message('noreason')).toMatchObject({ status: 100, reason: '', method: 'INVITE' })
  })
})

describe('RFC 4475 §3.1.2 and §3.3, what the others say', () => {
  it('a fault carries what it takes to answer', () => {
    expect(fault('badinv01').request).toMatchObject({
      sentBy: '192.0.2.15',
      callId: 'badinv01.0ha0isndaksdjasdf3234nas',
    })
    expect(fault('badvers').request?.via).toMatchObject({ branch: 'z9hG4bKkdjuw' })
    expect(fault('insuf').request).toMatchObject({ callId: '', branch: 'z9hG4bKkdj.insuf' })
  })
  it('scalar02: numbers that do not fit are as if they were not there', () => {
    const request = fault('scalar02').request
    if (!request) throw new Error('nothing to look at')
    expect(numberHeader(request, 'max-forwards', 255)).toBeNull()
    expect(numberHeader(request, 'expires')).toBeNull()
    expect(parseContacts(request)).toMatchObject([{ expires: null }])
  })
  it('regbadct, regescrt: headers in a URI belong to the URI, with and without brackets', () => {
    for (const name of ['regbadct', 'regescrt']) {
      const contacts = parseContacts(message(name))
      const uri = parseUri(contacts === null || contacts === '*' ? '' : (contacts[0]?.address.uri ?? ''))
      expect(uri && uriHeaders(uri)).toEqual(new Map([['route', '<sip:sip.example.com>']]))
    }
  })
  it('escruri: the headers of the request URI are seen, to be left out', () => {
    expect(message('escruri').requestUri).toMatchObject({ host: 'example.com', headers: 'Route=%3Csip:example.com%3E' })
  })
  it('badaspec: the spaces are no part of the URI', () => {
    expect(message('badaspec').to.uri).toBe('sip:t.watson@example.org')
  })
  it('baddn: with its empty line, the name is what stands before the bracket', () => {
    const whole = Buffer.concat([readFileSync(new URL('baddn.dat', folder)), Buffer.from('\r\n')])
    expect(parseMessage(whole)).toMatchObject({ from: { displayName: 'Bell, Alexander' }, fromTag: '43' })
  })
  it('unkscm, novelsc: schemes that are none of ours', () => {
    expect(message('unkscm').requestUri?.scheme).toBe('nobodyknowsthisscheme')
    expect(message('novelsc').requestUri?.scheme).toBe('soap.beep')
  })
  it('unksm2: the To of a registration is no SIP URI', () => {
    expect(parseUri(message('unksm2').to.uri)?.scheme).toBe('isbn')
    expect(parseNameAddr(message('unksm2').header('contact') ?? '')?.uri).toBe('name:John_Smith')
  })
  it('bext01: what is required and not supported', () => {
    expect(unknownExtensions(message('bext01'), new Set(['100rel']))).toEqual([
      'nothingSupportsThis',
      'nothingSupportsThisEither',
    ])
  })
  it('regaut01: a scheme that nobody knows', () => {
    expect(parseCredentials(message('regaut01').header('authorization') ?? '')?.scheme).toBe('nooneknowsthisscheme')
  })
  it('bcast: the second Via is there to be seen', () => {
    expect(message('bcast').headers('via')[1]).toContain('255.255.255.255')
  })
  it('cparam01, cparam02: a parameter is the contact’s or the URI’s', () => {
    expect(parseContacts(message('cparam01'))).toMatchObject([
      { address: { uri: 'sip:+19725552222@gw1.example.net', params: ';unknownparam' } },
    ])
    expect(parseContacts(message('cparam02'))).toMatchObject([
      { address: { uri: 'sip:+19725552222@gw1.example.net;unknownparam', params: '' } },
    ])
  })
  it('sdp01: what may be answered', () => {
    expect(hasToken(message('sdp01'), 'accept', 'application/sdp')).toBe(false)
  })
  it('inv2543: no branch, no tag, no length', () => {
    const m = message('inv2543')
    expect(m).toMatchObject({ branch: '', fromTag: '' })
    expect(m.text).toMatch(/^v=0\r\n[\s\S]*m=audio 49217 RTP\/AVP 0\r\n$/)
  })
})
