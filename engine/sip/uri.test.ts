import { describe, expect, it } from 'vitest'
import { addressOfRecord, formatUri, isSameUri, parseUri, uriHeaders, uriParameter } from './uri.ts'

function uri(text: string) {
  const parsed = parseUri(text)
  if (parsed === null) throw new Error(`${text} is none`)
  return parsed
}

describe('RFC 3261 §19.1.1', () => {
  it.each([
    ['sip:alice@atlanta.com', { user: 'alice', host: 'atlanta.com', port: null }],
    ['sip:alice:secretword@atlanta.com;transport=tcp', { user: 'alice', password: 'secretword' }],
    ['sips:alice@ATLANTA.com:5061?subject=project%20x', { scheme: 'sips', host: 'atlanta.com', port: 5061 }],
    ['sip:+1-212-555-1212:1234@gateway.com;user=phone', { user: '+1-212-555-1212', password: '1234' }],
    ['sips:1212@gateway.com', { user: '1212' }],
    ['sip:alice@192.0.2.4', { host: '192.0.2.4' }],
    ['sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com', { user: '', params: ';method=REGISTER' }],
    ['sip:alice;day=tuesday@atlanta.com', { user: 'alice;day=tuesday', params: '' }],
    ['SIP:%2a21@pbx.example', { scheme: 'sip', user: '*21' }],
    ['sip:%C3%A9@pbx', { user: 'é' }],
    ['sip:%E9@pbx', { user: 'é' }],
    ['tel:+32-2-555.12(12);phone-context=x', { scheme: 'tel', user: '+32-2-555.12(12)', params: ';phone-context=x' }],
    ['tel:112;phone-context=+32', { user: '112', host: '' }],
    ['urn:service:sos', { scheme: 'urn', user: 'service:sos' }],
  ])('reads %s', (text, expected) => expect(parseUri(text)).toMatchObject(expected))

  it.each([
    '',
    'sip:',
    'alice',
    'sip:@host',
    'sip:a b@host',
    'sip:a@',
    'sip:a@host:port',
    'sip:a@host:70000',
    'sip:a@[::1',
    'sip:a@[zz]',
    'sip:a@host>',
    'tel:',
    ':x',
  ])('refuses %j', (text) => expect(parseUri(text)).toBeNull())

  it.each([
    'sip:alice@atlanta.com',
    'sip:+1-212-555-1212:1234@gateway.com:5070;user=phone',
    'sip:%2321%23@pbx.example;transport=tcp?Replaces=a%3Bto-tag%3Db',
    'sip:[2001:db8::1]:5060',
    'tel:+3225551212;ext=5',
    'urn:service:sos',
  ])('writes %s as it was read', (text) => expect(formatUri(uri(text))).toBe(text))

  it('escapes what would end the user or begin something else', () => {
    const user = 'a@b:c<d>"e f#\r\nVia: é'
    const text = formatUri({ user, host: 'pbx' })
    expect(text).toBe('sip:a%40b%3Ac%3Cd%3E%22e%20f%23%0D%0AVia%3A%20%C3%A9@pbx')
    expect(uri(text).user).toBe(user)
  })
})

describe('RFC 3261 §19.1.4', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
  ])('%s is %s', (a, b) => expect(isSameUri(uri(a), uri(b)) && isSameUri(uri(b), uri(a))).toBe(true))
  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com;transport=udp', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@b', 'sips:a@b'],
  ])('%s is not %s', (a, b) => expect(isSameUri(uri(a), uri(b)) || isSameUri(uri(b), uri(a))).toBe(false))
  it('an address of record has neither port nor parameters', () => {
    expect(addressOfRecord(uri('sips:Alice@PBX.example:5061;x'))).toBe('Alice@pbx.example')
    expect(addressOfRecord(uri('tel:112'))).toBe('112')
  })
})

it('headers and parameters of a URI are unescaped, names are of any case', () => {
  const refer = uri('sip:bob@pbx;Method=INVITE;x=%41?Replaces=12%40a%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=')
  expect(uriHeaders(refer)).toEqual(
    new Map([
      ['replaces', '12@a;to-tag=1;from-tag=2'],
      ['require', ''],
    ]),
  )
  expect(uriParameter(refer, 'method')).toBe('INVITE')
  expect(uriParameter(refer, 'x')).toBe('A')
  expect(uriParameter(refer, 'y')).toBeUndefined()
})
