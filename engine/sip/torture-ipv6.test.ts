/** RFC 5118: the messages of its §4, with the outcomes that its prose asks for. */
import { describe, expect, it } from 'vitest'
import { parseContacts } from './headers.ts'
import { type ParseFault, parseMessage, type SipMessage } from './message.ts'
import { encodeText } from './text.ts'
import { formatUri, parseUri } from './uri.ts'

function read(lines: string): SipMessage | ParseFault {
  const [head = '', body = ''] = lines.trim().split('\n\n')
  const fields = `${head}\nContent-Length: ${body === '' ? 0 : body.split('\n').join('\r\n').length + 2}`
  const text = `${fields}\n\n${body}${body === '' ? '' : '\n'}`
  return parseMessage(encodeText(text.split('\n').join('\r\n')))
}
function message(lines: string): SipMessage {
  const result = read(lines)
  if (result.isFault) throw new Error(result.reason)
  return result
}

const register = (uri: string) => `
REGISTER ${uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER`

const bye = (received: string) => `
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=${received};branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE`

describe('RFC 5118', () => {
  it('§4.1 a message with an IPv6 reference is accepted', () => {
    const m = message(register('sip:[2001:db8::10]'))
    expect(m.requestUri).toMatchObject({ user: '', host: '2001:db8::10', port: null })
    expect(m.via).toMatchObject({ host: '2001:db8::9:1', port: null, sentBy: '[2001:db8::9:1]' })
    const contacts = parseContacts(m)
    expect(contacts).toMatchObject([{ address: { displayName: 'Caller', uri: 'sip:caller@[2001:db8::1]' } }])
  })
  it('§4.2 a message with an IPv6 address without its brackets is answered with 400', () => {
    expect(read(register('sip:2001:db8::10'))).toMatchObject({ isFault: true, status: 400, request: { cseq: 98_176 } })
  })
  it('§4.3 inside the brackets nothing is a port', () => {
    const m = message(register('sip:[2001:db8::10:5070]'))
    expect(m.requestUri).toMatchObject({ host: '2001:db8::10:5070', port: null })
  })
  it('§4.4 behind the brackets stands the port', () => {
    const uri = message(register('sip:[2001:db8::10]:5070')).requestUri
    expect(uri).toMatchObject({ host: '2001:db8::10', port: 5070 })
    expect(uri && formatUri(uri)).toBe('sip:[2001:db8::10]:5070')
  })
  it('§4.5 received in Via with brackets, and as the grammar of RFC 3261 has it without', () => {
    expect(message(bye('[2001:db8::9:255]')).via.received).toBe('2001:db8::9:255')
    expect(message(bye('2001:db8::9:255')).via).toMatchObject({
      received: '2001:db8::9:255',
      branch: 'z9hG4bKas3-111',
    })
  })
  it('§4.6 a session description with IPv6 is the body as it is', () => {
    const m = message(`
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::20]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp

v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000`)
    expect(m.text).toContain('c=IN IP6 2001:db8::20\r\n')
    expect(m.requestUri).toMatchObject({ user: 'user', host: '2001:db8::10' })
  })
  it('§4.7 both versions beside each other in the fields', () => {
    const m = message(`
BYE sip:user@host.example.net SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2`)
    expect(m.via).toMatchObject({ host: '2001:db8::9:1', port: 6050 })
    expect(m.headers('via')[2]).toBe('SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200')
  })
  it('§4.8 both versions beside each other in the description', () => {
    const m = message(`
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
Max-Forwards: 70
CSeq: 8912 INVITE
Content-Type: application/sdp

v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1`)
    expect(m.text).toMatch(/c=IN IP4 192\.0\.2\.1\r\n[\s\S]*c=IN IP6 2001:db8::1\r\n$/)
  })
  it('§4.9 an IPv4 address mapped into IPv6', () => {
    const m = message(`
INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@east.example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "T. desk phone" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 612 INVITE
Max-Forwards: 70`)
    expect(m.via).toMatchObject({ host: '::ffff:192.0.2.10', port: 19_823 })
    expect(parseUri('sip:ted@[::ffff:192.0.2.2]')).toMatchObject({ host: '::ffff:192.0.2.2' })
  })
  it('§4.10 three colons, which the grammar of RFC 3261 wrote by mistake, break nothing', () => {
    const m = message(register('sip:user@[2001:db8:::192.0.2.1]').replace(/REGISTER/g, 'OPTIONS'))
    expect(m.requestUri).toMatchObject({ user: 'user', host: '2001:db8:::192.0.2.1' })
  })
})
