import { describe, expect, it } from 'vitest'
import { MessageStream, type StreamItem } from './stream.ts'
import { encodeText } from './text.ts'

const options = (callId: string, body = '', length: string | null = `${body.length}`) =>
  [
    'OPTIONS sip:pbx.example SIP/2.0',
    'Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa',
    'From: <sip:a@example.com>;tag=1',
    'To: <sip:b@example.com>',
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    ...(length === null ? [] : [`Content-Length: ${length}`]),
    '',
    body,
  ].join('\r\n')

const told = (items: readonly StreamItem[]) =>
  items.map((item) => (typeof item === 'string' ? item : item.isFault ? item.reason : `${item.callId} ${item.text}`))

/** The same bytes cut into pieces of `size`. */
function pushAll(text: string, size: number): string[] {
  const stream = new MessageStream()
  const bytes = encodeText(text)
  const items: StreamItem[] = []
  for (let at = 0; at < bytes.length; at += size) items.push(...stream.push(bytes.slice(at, at + size)))
  return told(items)
}

describe('RFC 3261 §18.3 framing', () => {
  it.each([1, 2, 3, 7, 100, 10_000])('finds messages in pieces of %i bytes', (size) => {
    const text = options('one', 'v=0') + options('two') + options('three', 'a longer body\r\n\r\nwith an empty line')
    expect(pushAll(text, size)).toEqual(['one v=0', 'two ', 'three a longer body\r\n\r\nwith an empty line'])
  })
  it('loses its way without Content-Length, and says nothing more', () => {
    const stream = new MessageStream()
    const [fault, ...more] = stream.push(encodeText(options('one', '', null) + options('two')))
    expect(fault).toMatchObject({ isFault: true, status: 400, isFramingLost: true })
    expect(fault).toMatchObject({ request: { callId: 'one' } })
    expect(more).toEqual([])
    expect(stream.push(encodeText(options('three')))).toEqual([])
  })
  it('goes on after a message that is refused but whose length is known', () => {
    expect(pushAll(options('one').replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE') + options('two'), 50)).toEqual([
      'CSeq of Another Method',
      'two ',
    ])
  })
  it('ends a head that does not end', () => {
    const stream = new MessageStream()
    stream.push(encodeText('OPTIONS sip:pbx.example SIP/2.0\r\n'))
    const items: StreamItem[] = []
    for (let round = 0; round < 17; round++) items.push(...stream.push(encodeText(`X: ${'y'.repeat(1_000)}\r\n`)))
    expect(items).toMatchObject([{ isFault: true, reason: 'Header Too Long', isFramingLost: true }])
  })
  it('does not wait for a body above the limit', () => {
    const [fault] = new MessageStream().push(encodeText(options('one', '', '70000')))
    expect(fault).toMatchObject({ isFault: true, isFramingLost: true })
  })
})

describe('RFC 5626 §3.5.1 keep-alive', () => {
  it('tells ping from pong, and both from what stands before a message', () => {
    expect(pushAll('\r\n\r\n', 4)).toEqual(['ping'])
    expect(pushAll('\r\n', 2)).toEqual(['pong'])
    expect(pushAll(`\r\n\r\n${options('one')}\r\n\r\n`, 10_000)).toEqual(['ping', 'one ', 'ping'])
  })
  it.each([1, 2, 3])('sees a ping that comes in pieces of %i bytes', (size) => {
    expect(pushAll('\r\n\r\n', size).at(-1)).toBe('ping')
  })
})
