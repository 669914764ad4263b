import { describe, expect, it } from 'vitest'
import { formatRequest, formatResponse } from './format.ts'
import { isKeepAlive, parseMessage, type SipMessage } from './message.ts'
import { limits } from './message-head.ts'
import { encodeText } from './text.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

const lines = (...more: string[]) => [
  'INVITE sip:1002@pbx.example SIP/2.0',
  'v: SIP/2.0/UDP 10.0.0.5:5080;rport;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.6',
  'Via: SIP/2.0/TCP 10.0.0.7',
  'f: "Alice \\"A\\"" <sip:1001@pbx.example>;tag=a1',
  't: <sip:1002@pbx.example>',
  'i: call-1',
  'CSeq: 7 INVITE',
  'Record-Route: <sip:p2;lr>, <sip:p1;lr>',
  ...more,
]
function parse(...more: string[]): SipMessage {
  const message = parseMessage(encodeText(`${lines(...more).join('\r\n')}\r\n\r\n`))
  if (message.isFault) throw new Error(message.reason)
  return message
}
const faultOf = (bytes: Uint8Array) => {
  const message = parseMessage(bytes)
  return message.isFault ? `${message.status} ${message.reason}` : 'none'
}

describe('RFC 3261 §7.3 header fields', () => {
  it('are found by any spelling, compact or not', () => {
    const m = parse('k: 100rel,  timer', 'SUPPORTED: path', 'x: 1800;refresher=uac', 'X-Own: a, b')
    expect(m.headers('Supported')).toEqual(['100rel', 'timer', 'path'])
    expect(m.headers('k')).toEqual(['100rel', 'timer', 'path'])
    expect(m.header('session-EXPIRES')).toBe('1800;refresher=uac')
    expect(m.headers('x-own')).toEqual(['a, b'])
    expect(m.header('subject')).toBeUndefined()
    expect(m.headers('subject')).toEqual([])
  })
  it('split at commas outside of quotes and brackets only', () => {
    const m = parse('Contact: "A, \\"B" <sip:a,b@c;x=",">;q=0.5 , sip:d@e;p="f,g"')
    expect(m.headers('contact')).toEqual(['"A, \\"B" <sip:a,b@c;x=",">;q=0.5', 'sip:d@e;p="f,g"'])
  })
  it('may be folded, with space or tab, again and again', () => {
    expect(parse('Subject: I know\r\n you are  \r\n\t  there').header('subject')).toBe('I know you are there')
  })
  it('of names in Latin-1 are read as such', () => {
    const head = lines().join('\r\n').replace('Alice', 'Ren\u00e9')
    const m = parseMessage(Uint8Array.from(Buffer.from(`${head}\r\n\r\n`, 'latin1')))
    expect(m.isFault ? '' : m.from.displayName).toBe('Ren\u00e9 "A"')
  })
  it('and of names in UTF-8', () => {
    expect(parse('Subject: 大停電').header('s')).toBe('大停電')
  })
})

describe('faults', () => {
  const bytes = (...more: string[]) => encodeText(`${lines(...more).join('\r\n')}\r\n\r\n`)
  it.each([
    ['no empty line', encodeText(lines().join('\r\n')), '400 No End of Header'],
    ['a head that is too long', bytes(`X: ${'y'.repeat(limits.head)}`), '400 Header Too Long'],
    ['too many fields', bytes(...Array.from({ length: 260 }, () => 'X: y')), '400 Too Many Header Fields'],
    ['a line that is no field', bytes('no field'), '400 Bad Header Field'],
    ['a line feed in a field', bytes('X: a\nVia: b'), '400 Bare Line End'],
    ['a carriage return in a field', bytes('X: a\rVia: b'), '400 Bare Line End'],
    ['a second From', bytes('From: <sip:b@c>;tag=9'), '400 Second from'],
    ['a body that is too short', bytes('l: 1'), '400 Body Shorter Than Content-Length'],
    [
      'a request URI that is none',
      encodeText(text(bytes()).replace('1002@pbx.example', '1002@')),
      '400 Bad Request URI',
    ],
    ['nothing', new Uint8Array(0), '400 Bad Request Line'],
    ['NULs', new Uint8Array(300), '400 Bad Request Line'],
  ])('%s', (_name, input, expected) => expect(faultOf(input)).toBe(expected))

  it('an ACK is never answered', () => {
    const ack = text(bytes('l: 1')).replace(/INVITE/g, 'ACK')
    expect(parseMessage(encodeText(ack))).toMatchObject({ isFault: true, request: null })
  })
  it('line ends before a message are nothing, and alone keep a way open', () => {
    expect(parseMessage(encodeText(`\r\n\r\n${text(bytes())}`))).toMatchObject({ isFault: false, cseq: 7 })
    expect([encodeText('\r\n\r\n'), Uint8Array.of(0), new Uint8Array(0), encodeText('\r\n')].every(isKeepAlive)).toBe(
      true,
    )
    expect(isKeepAlive(encodeText('SIP'))).toBe(false)
  })
})

describe('RFC 3261 §18.2.1 and RFC 3581 §4', () => {
  it('note the source in the top Via of a request that asks for rport', () => {
    const m = parse()
    m.stampSource('192.0.2.9', 40_123)
    expect(m.headers('via')).toEqual([
      'SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK1;received=192.0.2.9;rport=40123',
      'SIP/2.0/UDP 10.0.0.6',
      'SIP/2.0/TCP 10.0.0.7',
    ])
    expect(m.via).toMatchObject({ received: '192.0.2.9', rport: 40_123, branch: 'z9hG4bK1' })
  })
  it('note only the address when it does not, and nothing when it is right', () => {
    const plain = text(encodeText(lines().join('\r\n'))).replace(';rport', '')
    for (const [address, expected] of [
      ['192.0.2.9', 'SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK1;received=192.0.2.9'],
      ['10.0.0.5', 'SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK1'],
    ] as const) {
      const m = parseMessage(encodeText(`${plain}\r\n\r\n`))
      if (m.isFault) throw new Error(m.reason)
      m.stampSource(address, 40_123)
      expect(m.headers('via')[0]).toBe(expected)
    }
  })
  it('what the peer wrote there itself does not count', () => {
    const forged = lines().join('\r\n').replace(';rport', ';received=1.2.3.4;rport=99')
    const m = parseMessage(encodeText(`${forged}\r\n\r\n`))
    if (m.isFault) throw new Error(m.reason)
    m.stampSource('192.0.2.9', 40_123)
    expect(m.headers('via')[0]).toBe('SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK1;received=192.0.2.9;rport=40123')
  })
})

describe('formatResponse', () => {
  it('RFC 3261 §8.2.6: copies what identifies the request, and tags To', () => {
    const answer = formatResponse(parse('Timestamp: 54'), {
      status: 180,
      toTag: 'b2',
      headers: [['Contact', '<sip:us>']],
    })
    expect(text(answer)).toBe(
      [
        'SIP/2.0 180 Ringing',
        'Via: SIP/2.0/UDP 10.0.0.5:5080;rport;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.6',
        'Via: SIP/2.0/TCP 10.0.0.7',
        'From: "Alice \\"A\\"" <sip:1001@pbx.example>;tag=a1',
        'To: <sip:1002@pbx.example>;tag=b2',
        'Call-ID: call-1',
        'CSeq: 7 INVITE',
        'Record-Route: <sip:p2;lr>, <sip:p1;lr>',
        'Contact: <sip:us>',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    )
  })
  it('a 100 carries Timestamp and no Record-Route; a failure none of both', () => {
    expect(text(formatResponse(parse('Timestamp: 54'), { status: 100 }))).toMatch(
      /^(?![\s\S]*Record-Route)[\s\S]*Timestamp: 54/,
    )
    expect(text(formatResponse(parse('Timestamp: 54'), { status: 486 }))).not.toMatch(/Record-Route|Timestamp/)
  })
  it('a To that has its tag keeps it', () => {
    const tagged = lines().join('\r\n').replace('1002@pbx.example>', '1002@pbx.example>;tag=z')
    const m = parseMessage(encodeText(`${tagged}\r\n\r\n`))
    if (m.isFault) throw new Error(m.reason)
    expect(text(formatResponse(m, { status: 200, toTag: 'b2' }))).toContain('To: <sip:1002@pbx.example>;tag=z\r\n')
  })
  it('answers a fault as far as it was read', () => {
    const fault = parseMessage(encodeText(`${lines('From: <sip:b@c>').join('\r\n')}\r\n\r\n`))
    if (!fault.isFault || fault.request === null) throw new Error('no fault')
    expect(text(formatResponse(fault.request, { status: fault.status, reason: fault.reason }))).toMatch(
      /^SIP\/2\.0 400 Second from\r\nVia: /,
    )
  })
})

describe('formatRequest', () => {
  it('writes what is read back the same, with the length of the body in bytes', () => {
    const headers = lines()
      .slice(1)
      .map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string])
    const bytes = formatRequest({ method: 'INVITE', uri: 'sip:1002@pbx.example', headers, body: 'é' })
    expect(text(bytes)).toMatch(/Content-Length: 2\r\n\r\né$/)
    expect(parseMessage(bytes)).toMatchObject({ isFault: false, callId: 'call-1', text: 'é' })
    const binary = formatRequest({
      method: 'INVITE',
      uri: 'sip:1002@pbx.example',
      headers,
      body: Uint8Array.of(0, 255),
    })
    expect(parseMessage(binary)).toMatchObject({ body: Uint8Array.of(0, 255) })
  })
  it('no value begins a line of its own', () => {
    const bytes = formatRequest({
      method: 'OPTIONS',
      uri: 'sip:a@b\r\nEvil: 1',
      headers: [['Subject', 'a\r\nEvil: 2\nEvil: 3\rEvil: 4']],
    })
    expect(text(bytes)).toBe(
      'OPTIONS sip:a@b Evil: 1 SIP/2.0\r\nSubject: a Evil: 2 Evil: 3 Evil: 4\r\nContent-Length: 0\r\n\r\n',
    )
  })
})
