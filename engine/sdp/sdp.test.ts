import { describe, expect, it } from 'vitest'
import { formatSdp, isLiteralAddress, isUnspecified, parseSdp, type SessionDescription } from './sdp.ts'

const phone = [
  'v=0',
  'o=alice 2890844526 18446744073709551615 IN IP4 192.0.2.10',
  's=A call',
  'c=IN IP4 192.0.2.10',
  'b=AS:84',
  't=0 0',
  'a=sendrecv',
  'm=audio 11780 RTP/AVP 8 0 101',
  'a=rtpmap:8 PCMA/8000',
  'a=ptime:20',
  'm=x-wonder 4000/2 X/Y a b',
  'c=IN IP6 2001:db8::1',
  'a=whatever',
  '',
].join('\r\n')

function parsed(text: string): SessionDescription {
  const description = parseSdp(text)
  if ('reason' in description) throw new Error(description.reason)
  return description
}
const reason = (text: string) => {
  const result = parseSdp(text)
  return 'reason' in result ? result.reason : null
}

describe('RFC 8866', () => {
  it('keeps what it reads, m-lines in order, unknown ones too', () => {
    const description = parsed(phone)
    expect(description.origin).toEqual({
      username: 'alice',
      sessionId: '2890844526',
      version: '18446744073709551615',
      connection: { family: 4, address: '192.0.2.10' },
    })
    expect(description.media.map(({ kind, port, protocol, formats }) => [kind, port, protocol, formats])).toEqual([
      ['audio', 11780, 'RTP/AVP', ['8', '0', '101']],
      ['x-wonder', 4000, 'X/Y', ['a', 'b']],
    ])
    expect(description.media[1]?.connection).toEqual({ family: 6, address: '2001:db8::1' })
    expect(description.bandwidths).toEqual(['AS:84'])
  })

  it('writes what it read', () => {
    const again = formatSdp(parsed(phone))
    expect(again).toBe(phone.replace('4000/2', '4000'))
    expect(parsed(again)).toEqual(parsed(phone))
  })

  it('takes bare line feeds, spaces at the end and absent s= and t=', () => {
    const text = 'v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1 \nm=audio 4000 RTP/AVP 0 \n'
    expect(parsed(text).media[0]?.formats).toEqual(['0'])
  })

  it('an address says its family itself, and a TTL is left out', () => {
    const text = 'v=0\no=- 1 1 IN IP4 gateway.example\nc=IN IP4 fd00::1/127\nm=audio 4000 RTP/AVP 0'
    expect(parsed(text).connection).toEqual({ family: 6, address: 'fd00::1' })
  })

  it.each([
    ['', 'no session'],
    ['v=1\r\no=- 1 1 IN IP4 192.0.2.1', 'no session'],
    ['v=0\r\ns=-', 'o= line'],
    ['v=0\r\no=- one 1 IN IP4 192.0.2.1', 'o= line'],
    ['v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0', 'no c= line'],
    ['v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN ATM x', 'c= line'],
    ['v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 70000 RTP/AVP 0', 'm= line'],
    ['v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio RTP/AVP 0', 'm= line'],
    [`v=0\r\n${'a=x\r\n'.repeat(2_000)}`, 'too many lines'],
    [`v=0\r\n${'x'.repeat(65_536)}`, 'too long'],
    [`v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n${'m=audio 0 RTP/AVP 0\r\n'.repeat(33)}`, 'too many media'],
  ])('says what is wrong: %#', (text, part) => {
    expect(reason(text)).toContain(part)
  })
})

it('knows addresses from names, and those that mean nowhere', () => {
  expect(['192.0.2.1', '::1', '2001:db8::192.0.2.1', 'host.example', 'face'].map(isLiteralAddress)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  expect(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '192.0.2.1', '::1'].map(isUnspecified)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
})
