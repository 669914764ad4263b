import { describe, expect, it } from 'vitest'
import { Ladders } from './ladders.ts'

const hop = { transport: 'udp', address: '192.0.2.1', port: 5060, flow: null } as const
const bytes = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'))
const invite = bytes(
  'INVITE sip:1002@a SIP/2.0\nVia: x\nCall-ID: one\nAuthorization: Digest response="abc"\n\nv=0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\n',
)

describe('T33: the ladder of a call', () => {
  it('has the messages of all its dialogs in their order, without credentials and keys', () => {
    let now = Date.UTC(2026, 0, 1)
    const ladders = new Ladders(() => now++)
    ladders.noteIn('one', true, hop, invite)
    ladders.noteOut(hop, bytes('INVITE sip:1002@b SIP/2.0\nCall-ID: two\n\n'))
    ladders.noteIn('two', false, hop, bytes('SIP/2.0 200 OK\nCall-ID: two\n\n'))
    ladders.noteOut(hop, bytes('SIP/2.0 200 OK\nCall-ID: one\n\n'))
    const messages = JSON.parse(ladders.take(['one', 'two']).messages ?? '')
    expect(messages.map((one: { direction: string; sip_call_id: string }) => [one.direction, one.sip_call_id])).toEqual(
      [
        ['in', 'one'],
        ['out', 'two'],
        ['in', 'two'],
        ['out', 'one'],
      ],
    )
    expect(messages[0].message).toContain('Authorization: (left out)\r\n')
    expect(messages[0].message).toContain('a=crypto:1 AES_CM_128_HMAC_SHA1_80 (left out)\r\n')
    expect(JSON.stringify(messages)).not.toMatch(/abc|c2VjcmV0/)
    expect(messages[0].at).toBe('2026-01-01T00:00:00.000Z')
  })

  it('has what comes after the call was over, apart and once', () => {
    const ladders = new Ladders(() => 0)
    ladders.noteIn('one', true, hop, invite)
    ladders.noteOut(hop, bytes('INVITE sip:1002@b SIP/2.0\nCall-ID: two\n\n'))
    expect(JSON.parse(ladders.take(['one', 'two']).messages ?? '')).toHaveLength(2)
    ladders.noteIn('two', false, hop, bytes('SIP/2.0 200 OK\nCall-ID: two\n\n'))
    expect(JSON.parse(ladders.rest(['one', 'two'], 100) ?? '')).toMatchObject([{ direction: 'in', sip_call_id: 'two' }])
    expect(ladders.rest(['one', 'two'], 100)).toBeNull()
    expect(ladders.size).toBe(0)
  })

  it('keeps the last 200 messages of a long call, with those that come last', () => {
    const ladders = new Ladders(() => 0)
    ladders.noteIn('one', true, hop, invite)
    for (let i = 0; i < 999; i++) ladders.noteIn('one', false, hop, bytes(`INFO ${i} SIP/2.0\n\n`))
    const { messages: none, room } = ladders.take(['one'])
    expect(none).toBeNull()
    ladders.noteIn('one', false, hop, bytes(`INFO 999 SIP/2.0\n\n`))
    const messages = JSON.parse(ladders.rest(['one'], room) ?? '')
    expect(messages).toHaveLength(200)
    expect(messages.at(-1).message).toContain('INFO 999 ')
  })

  it('has no more than 200 messages with those that come after the call was over', () => {
    const ladders = new Ladders(() => 0)
    ladders.noteIn('one', true, hop, invite)
    for (let i = 0; i < 149; i++) ladders.noteIn('one', false, hop, bytes(`INFO ${i} SIP/2.0\n\n`))
    const { messages, room } = ladders.take(['one'])
    expect(JSON.parse(messages ?? '')).toHaveLength(150)
    for (let i = 0; i < 99; i++) ladders.noteIn('one', false, hop, bytes(`BYE ${i} SIP/2.0\n\n`))
    const rest = JSON.parse(ladders.rest(['one'], room) ?? '')
    expect(rest).toHaveLength(50)
    expect(rest.at(-1).message).toContain('BYE 98 ')
  })

  it('has no credentials and keys however they are written', () => {
    const ladders = new Ladders(() => 0)
    const folded =
      'INVITE sip:b SIP/2.0\nAuthorization: Digest username="u",\n response="abc",\n\tcnonce="def"\nTo: <sip:b>\n\n'
    ladders.noteIn('one', true, hop, bytes(`${folded}a=crypto:1  AES_CM_128_HMAC_SHA1_80  inline:c2VjcmV0\n`))
    const [{ message }] = JSON.parse(ladders.take(['one']).messages ?? '')
    expect(message).not.toMatch(/abc|def|c2VjcmV0/)
    expect(message).toContain('To: <sip:b>')
  })

  it('keeps so many bytes of INVITEs that may become calls and no more, and takes new ones when those are gone', () => {
    let now = 0
    const ladders = new Ladders(() => now)
    const large = Buffer.alloc(65_536)
    for (let i = 0; i < 5_000; i++) ladders.noteIn(`call-${i}`, true, hop, large)
    expect(ladders.size).toBe(4_096)
    now = 100_000
    ladders.sweep(new Set())
    ladders.noteIn('one', true, hop, large)
    expect(ladders.size).toBe(1)
  })

  it('keeps no message that belongs to no call', () => {
    let now = 0
    const ladders = new Ladders(() => now)
    ladders.noteIn('register', false, hop, bytes('REGISTER sip:a SIP/2.0\n\n'))
    expect(ladders.size).toBe(0)
    ladders.noteIn('one', true, hop, invite)
    now = 100_000
    ladders.sweep(new Set(['one']))
    expect(ladders.size).toBe(1)
    ladders.sweep(new Set())
    expect(ladders.size).toBe(0)
  })
})
