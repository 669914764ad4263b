import { describe, expect, it } from 'vitest'
import { g722, g729, pcma, pcmu, reachable } from './codec.ts'
import {
  accept,
  type Agreed,
  answer,
  isFault,
  type LocalMedia,
  newSdpState,
  offer,
  opaqueRemote,
  readOffer,
  refused,
  type SdpState,
} from './negotiate.ts'
import type { SdpFault } from './sdp.ts'

const keys = {
  AES_CM_128_HMAC_SHA1_80: 'A'.repeat(40),
  AES_CM_128_HMAC_SHA1_32: 'B'.repeat(40),
}
const fresh = newSdpState('77', keys)
const local: LocalMedia = {
  address: '198.51.100.1',
  port: 30_000,
  direction: 'sendrecv',
  codecs: [pcma, pcmu],
  ptimeMs: 20,
  security: 'none',
  others: [],
}
const from = '192.0.2.99'

const sdp = (...lines: readonly string[]) =>
  ['v=0', 'o=phone 5 9 IN IP4 192.0.2.10', 's=-', 'c=IN IP4 192.0.2.10', 't=0 0', ...lines, ''].join('\r\n')
const lines = (text: string, letter: string) => text.split('\r\n').filter((line) => line.startsWith(`${letter}=`))

function right<T extends object>(result: T | SdpFault): T {
  if (isFault(result)) throw new Error(result.reason)
  return result
}
const answered = (text: string, want: Partial<LocalMedia> = {}, state: SdpState = fresh): Agreed =>
  right(answer(state, text, { ...local, ...want }, from))

describe('RFC 3264 §6: an answer', () => {
  const plain = sdp('m=audio 4000 RTP/AVP 0 8 9 96', 'a=rtpmap:96 telephone-event/8000', 'a=fmtp:96 0-15')

  it('takes what both have, ours first, with the numbers of the offer', () => {
    const agreed = answered(plain)
    expect(agreed.sdp).toBe(
      [
        'v=0',
        'o=- 77 1 IN IP4 198.51.100.1',
        's=-',
        'c=IN IP4 198.51.100.1',
        't=0 0',
        'm=audio 30000 RTP/AVP 8 0 96',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:96 telephone-event/8000',
        'a=fmtp:96 0-15',
        'a=ptime:20',
        'a=sendrecv',
        '',
      ].join('\r\n'),
    )
    expect(agreed.remote).toEqual({
      address: '192.0.2.10',
      port: 4000,
      rtcpPort: 4001,
      signalling: from,
      direction: 'sendrecv',
      codecs: [
        { name: 'PCMA', clockRate: 8000, payload: 8, sendPayload: 8 },
        { name: 'PCMU', clockRate: 8000, payload: 0, sendPayload: 0 },
      ],
      dtmf: { name: 'TELEPHONE-EVENT', clockRate: 8000, payload: 96, sendPayload: 96 },
      comfortNoise: null,
      ptimeMs: 20,
      srtp: null,
    })
  })

  it('T21: every m-line in order, an unknown one with port 0', () => {
    const text = sdp(
      'm=x-wonder 9 X/Y z',
      'm=audio 4000 RTP/AVP 8',
      'm=video 4002 RTP/AVP 31',
      'm=audio 4010 RTP/AVP 8',
    )
    expect(lines(answered(text).sdp, 'm')).toEqual([
      'm=x-wonder 0 X/Y z',
      'm=audio 30000 RTP/AVP 8',
      'm=video 0 RTP/AVP 31',
      'm=audio 0 RTP/AVP 8',
    ])
  })

  it.each([
    ['sendrecv', 'sendrecv', false],
    ['sendonly', 'recvonly', true],
    ['recvonly', 'sendonly', false],
    ['inactive', 'inactive', true],
  ])('T21: %s is answered with %s', (said, direction, isHeld) => {
    const agreed = answered(sdp('m=audio 4000 RTP/AVP 8', `a=${said}`))
    expect(lines(agreed.sdp, 'a').at(-1)).toBe(`a=${direction}`)
    expect(agreed).toMatchObject({ isHeld, remote: { direction } })
  })

  it('T21: 0.0.0.0 is hold of the old kind, and the direction of the session counts', () => {
    const old = plain.replace('c=IN IP4 192.0.2.10', 'c=IN IP4 0.0.0.0')
    expect(answered(old)).toMatchObject({ isHeld: true, remote: { direction: 'recvonly' } })
    const whole = plain.replace('t=0 0', 't=0 0\r\na=sendonly')
    expect(answered(whole)).toMatchObject({ isHeld: true, remote: { direction: 'recvonly' } })
  })

  it('what we want narrows what it says', () => {
    const agreed = answered(plain, { direction: 'sendonly' })
    expect(agreed.remote?.direction).toBe('sendonly')
    expect(lines(agreed.sdp, 'a').at(-1)).toBe('a=sendonly')
  })

  it('RFC 3605: RTCP where the peer says', () => {
    expect(answered(sdp('m=audio 4000 RTP/AVP 8', 'a=rtcp:5555 IN IP4 192.0.2.10')).remote?.rtcpPort).toBe(5555)
  })

  it.each([
    ['a=ptime:30', 30],
    ['a=ptime:5', 10],
    ['a=ptime:200', 60],
    ['a=maxptime:10', 10],
    ['a=ptime:nonsense', 20],
  ])('T22: %s gives packets of %d ms', (line, ptimeMs) => {
    expect(answered(sdp('m=audio 4000 RTP/AVP 8', line)).remote?.ptimeMs).toBe(ptimeMs)
  })

  it('a name in c= is replaced by where the signalling comes from', () => {
    expect(answered(plain.replace('c=IN IP4 192.0.2.10', 'c=IN IP4 phone.example')).remote?.address).toBe(from)
  })

  it('IPv6', () => {
    const agreed = answered(plain.replace('c=IN IP4 192.0.2.10', 'c=IN IP6 2001:db8::9'), { address: '2001:db8::1' })
    expect(agreed.remote?.address).toBe('2001:db8::9')
    expect(lines(agreed.sdp, 'c')).toEqual(['c=IN IP6 2001:db8::1'])
  })

  it.each([
    [sdp('m=audio 4000 RTP/AVP 3'), 'no codec in common'],
    [sdp('m=audio 4000 RTP/AVP 101', 'a=rtpmap:101 telephone-event/8000'), 'no codec in common'],
    [sdp('m=audio 4000 UDP/TLS/RTP/SAVP 8'), 'understood'],
    [sdp('m=audio 0 RTP/AVP 8'), 'understood'],
    [sdp('m=audio 4000 RTP/SAVP 8'), 'understood'],
    ['nonsense', 'no session'],
  ])('a fault with a sentence: %#', (text, part) => {
    const result = answer(fresh, text, local, from)
    expect(isFault(result) ? result.reason : null).toContain(part)
  })
})

describe('T22: payload types of a leg', () => {
  it('telephone-event on the clock of the speech', () => {
    const text = sdp(
      'm=audio 4000 RTP/AVP 96 8 101 102',
      'a=rtpmap:96 opus/48000/2',
      'a=rtpmap:101 telephone-event/48000',
      'a=rtpmap:102 telephone-event/8000',
    )
    const opus = { name: 'opus', clockRate: 48_000, channels: 2, parameters: 'useinbandfec=1' }
    expect(answered(text).remote?.dtmf).toMatchObject({ payload: 102, clockRate: 8000 })
    const wide = answered(text, { codecs: [opus, pcma] })
    expect(wide.remote?.dtmf).toMatchObject({ payload: 101, clockRate: 48_000 })
    expect(lines(wide.sdp, 'a').slice(0, 2)).toEqual(['a=rtpmap:96 opus/48000/2', 'a=fmtp:96 useinbandfec=1'])
  })

  it('an offer has an event type for each clock of its codecs', () => {
    const opus = { name: 'opus', clockRate: 48_000, channels: 2, parameters: '', payload: 107 }
    const { sdp: text } = offer(fresh, { ...local, codecs: [opus, pcma] })
    expect(lines(text, 'm')).toEqual(['m=audio 30000 RTP/AVP 107 8 96 101'])
    expect(lines(text, 'a')).toContain('a=rtpmap:96 telephone-event/48000')
    expect(lines(text, 'a')).toContain('a=rtpmap:101 telephone-event/8000')
  })

  it('an answer with other numbers: we receive with ours and send with its', () => {
    const { state } = offer(fresh, local)
    const agreed = right(accept(state, sdp('m=audio 4000 RTP/AVP 8 96', 'a=rtpmap:96 telephone-event/8000'), from))
    expect(agreed.remote?.dtmf).toEqual({ name: 'TELEPHONE-EVENT', clockRate: 8000, payload: 101, sendPayload: 96 })
    expect(agreed.remote?.codecs.map(({ name }) => name)).toEqual(['PCMA'])
  })

  it('numbers stay over re-offers, whoever offers', () => {
    const first = answered(sdp('m=audio 4000 RTP/AVP 8 0 126', 'a=rtpmap:126 telephone-event/8000'))
    const again = offer(first.state, { ...local, codecs: [g722, pcma, pcmu] })
    expect(lines(again.sdp, 'm')).toEqual(['m=audio 30000 RTP/AVP 9 8 0 126'])
  })

  describe('RFC 4867 §8.1: a codec that is named twice, told apart by its parameters', () => {
    const both = sdp(
      'm=audio 4000 RTP/AVP 104 110 8',
      'a=rtpmap:104 AMR-WB/16000',
      'a=fmtp:104 mode-change-capability=2',
      'a=rtpmap:110 AMR-WB/16000',
      'a=fmtp:110 octet-align=1; mode-change-capability=2',
    )
    const offered = right(readOffer(both)).codecs
    const formats = (text: string) => lines(text, 'm')[0]?.split(' RTP/AVP ')[1]

    it('is offered on twice, over re-offers too', () => {
      const first = offer(fresh, { ...local, codecs: offered })
      expect(formats(first.sdp)).toBe('104 110 8 101')
      expect(formats(offer(first.state, { ...local, codecs: offered, direction: 'sendonly' }).sdp)).toBe(
        '104 110 8 101',
      )
    })
    it('the one that was answered is received with its own number', () => {
      const { state } = offer(fresh, { ...local, codecs: offered })
      const answerOf = (payload: number) =>
        sdp(`m=audio 4000 RTP/AVP ${payload}`, `a=rtpmap:${payload} AMR-WB/16000`, `a=fmtp:${payload} octet-align=1`)
      const agreed = (payload: number) => right(accept(state, answerOf(payload), from)).remote?.codecs
      expect(agreed(110)).toEqual([{ name: 'AMR-WB', clockRate: 16_000, payload: 110, sendPayload: 110 }])
      expect(agreed(97)).toEqual([{ name: 'AMR-WB', clockRate: 16_000, payload: 110, sendPayload: 97 }])
    })
    it('is answered by the one that the other side took, once', () => {
      const taken = { name: 'AMR-WB', clockRate: 16_000, channels: 1, parameters: 'octet-align=1' }
      expect(formats(answered(both, { codecs: [taken] }).sdp)).toBe('110')
      expect(formats(answered(both, { codecs: [{ ...taken, parameters: '' }] }).sdp)).toBe('104')
      expect(formats(answered(both, { codecs: offered }).sdp)).toBe('104 8')
    })
  })
  it('comfort noise is named when both have it', () => {
    const cn = { name: 'CN', clockRate: 8000, channels: 1, parameters: '' }
    const agreed = answered(sdp('m=audio 4000 RTP/AVP 8 13'), { codecs: [pcma, cn] })
    expect(agreed.remote).toMatchObject({ comfortNoise: 13, codecs: [{ name: 'PCMA' }] })
    expect(answered(sdp('m=audio 4000 RTP/AVP 8 13')).remote?.comfortNoise).toBeNull()
  })

  it('both kinds of G.711 reach each other, and nothing else changes', () => {
    expect(reachable([g722, pcmu]).map(({ name }) => name)).toEqual(['G722', 'PCMU', 'PCMA'])
    expect(reachable([g729])).toEqual([g729])
  })
})

describe('RFC 3264 §8: the version', () => {
  it('stays when nothing changed and grows by one when something did', () => {
    const first = offer(fresh, local)
    const same = offer(first.state, local)
    expect(same.sdp).toBe(first.sdp)
    expect(same.state).toEqual(first.state)
    const held = offer(same.state, { ...local, direction: 'sendonly' })
    expect(lines(held.sdp, 'o')).toEqual(['o=- 77 2 IN IP4 198.51.100.1'])
  })

  it('an answer that repeats the last description keeps it', () => {
    const text = sdp('m=audio 4000 RTP/AVP 8')
    const first = answered(text)
    expect(answered(text, {}, first.state).sdp).toBe(first.sdp)
  })

  it('grows over an offer that was refused, also when what held before comes again', () => {
    const first = offer(fresh, local)
    const second = offer(first.state, { ...local, direction: 'sendonly' })
    const third = offer(refused(first.state, second.state), local)
    expect(lines(third.sdp, 'o')).toEqual(['o=- 77 3 IN IP4 198.51.100.1'])
  })
})

describe('T21: video and T.38 pass through', () => {
  const door = sdp(
    'm=video 5000 RTP/AVP 99',
    'b=AS:512',
    'a=rtpmap:99 H264/90000',
    'a=rtcp:5009',
    'a=candidate:1 1 UDP 1 192.0.2.10 5000 typ host',
    'a=sendonly',
    'm=audio 4000 RTP/AVP 8',
  )

  it('the video of a door phone is offered on, and what the other says comes back in its place', () => {
    const view = right(readOffer(door))
    const [video] = view.others
    if (!video) throw new Error('no video')
    expect(video).toMatchObject({ index: 0, kind: 'video', port: 5000, rtcpPort: 5009, direction: 'recvonly' })
    const onward = offer(fresh, { ...local, codecs: view.codecs, others: [{ media: video, port: 30_002 }] })
    expect(onward.indexes).toEqual([1])
    expect(onward.sdp.slice(onward.sdp.indexOf('m=video'))).toBe(
      ['m=video 30002 RTP/AVP 99', 'b=AS:512', 'a=rtpmap:99 H264/90000', 'a=sendonly', ''].join('\r\n'),
    )
    const reply = sdp('m=audio 6000 RTP/AVP 8', 'm=video 6002 RTP/AVP 99', 'a=rtpmap:99 H264/90000', 'a=recvonly')
    const far = right(accept(onward.state, reply, from))
    expect(far.others).toMatchObject([{ index: 1, port: 6002 }])
    const others = far.others.map((media) => ({ media, port: 30_004, index: 0 }))
    const back = answered(door, { others })
    expect(lines(back.sdp, 'm')).toEqual(['m=video 30004 RTP/AVP 99', 'm=audio 30000 RTP/AVP 8'])
    expect(back.others).toMatchObject([{ index: 0, port: 5000 }])
    expect(opaqueRemote(video, from)).toMatchObject({ isOpaque: true, port: 5000, rtcpPort: 5009, codecs: [] })
  })

  it('refused by the other side: port 0 and the call stays up', () => {
    const view = right(readOffer(door))
    const onward = offer(fresh, { ...local, others: view.others.map((media) => ({ media, port: 30_002 })) })
    const far = right(accept(onward.state, sdp('m=audio 6000 RTP/AVP 8', 'm=video 0 RTP/AVP 99'), from))
    expect(far.others).toEqual([])
    expect(far.remote?.port).toBe(6000)
    expect(lines(answered(door).sdp, 'm')).toEqual(['m=video 0 RTP/AVP 99', 'm=audio 30000 RTP/AVP 8'])
  })

  it('a fax takes the place of audio, and audio its old line again', () => {
    const spoken = answered(sdp('m=audio 4000 RTP/AVP 8'))
    const fax = sdp('m=audio 0 RTP/AVP 8', 'm=image 4010 udptl t38', 'a=T38FaxVersion:0')
    const view = right(readOffer(fax))
    const faxed = answered(
      fax,
      { others: view.others.map((media) => ({ media, port: 30_002, index: 1 })) },
      spoken.state,
    )
    expect(faxed.remote).toBeNull()
    expect(lines(faxed.sdp, 'm')).toEqual(['m=audio 0 RTP/AVP 8', 'm=image 30002 udptl t38'])
    const again = offer(faxed.state, local)
    expect(lines(again.sdp, 'm')).toEqual(['m=audio 30000 RTP/AVP 8 0 101', 'm=image 0 udptl t38'])
  })

  it('a line is used again for its kind, never taken away', () => {
    const video = { ...right(readOffer(door)).others[0], kind: 'video' } as never
    const first = offer(fresh, { ...local, others: [{ media: video, port: 30_002 }] })
    const without = offer(first.state, local)
    expect(lines(without.sdp, 'm')).toEqual(['m=audio 30000 RTP/AVP 8 0 101', 'm=video 0 RTP/AVP 99'])
    const again = offer(without.state, { ...local, others: [{ media: video, port: 30_006 }] })
    expect(again.indexes).toEqual([1])
    expect(lines(again.sdp, 'm')[1]).toBe('m=video 30006 RTP/AVP 99')
  })
})

describe('RFC 4568', () => {
  const key = 'C'.repeat(40)
  const secure = (protocol: string, ...crypto: readonly string[]) =>
    sdp(`m=audio 4000 ${protocol} 8`, ...crypto.map((value) => `a=crypto:${value}`))

  it.each(['RTP/SAVP', 'RTP/AVP', 'RTP/SAVPF'])('%s with keys is answered with ours, under its tag', (protocol) => {
    const agreed = answered(
      secure(protocol, '3 AES_256_CM_HMAC_SHA1_80 inline:x', `7 AES_CM_128_HMAC_SHA1_32 inline:${key}|2^31`),
    )
    expect(agreed.sdp).toContain(`m=audio 30000 ${protocol} 8\r\n`)
    expect(lines(agreed.sdp, 'a')).toContain(`a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:${'B'.repeat(40)}`)
    expect(agreed.remote?.srtp).toEqual({ suite: 'AES_CM_128_HMAC_SHA1_32', receive: key, send: 'B'.repeat(40) })
  })

  it.each([
    ['an MKI', `1 AES_CM_128_HMAC_SHA1_80 inline:${key}|2^20|1:4`],
    ['an unknown session parameter', `1 AES_CM_128_HMAC_SHA1_80 inline:${key} UNENCRYPTED_SRTP`],
    ['a short key', '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA'],
  ])('%s is not taken', (_name, crypto) => {
    expect(isFault(answer(fresh, secure('RTP/SAVP', crypto), local, from))).toBe(true)
  })

  it('the secure one of two audio lines, when it comes first', () => {
    const text = sdp(
      'm=audio 4000 RTP/SAVP 8',
      `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key}`,
      'm=audio 4002 RTP/AVP 8',
    )
    expect(lines(answered(text).sdp, 'm')).toEqual(['m=audio 30000 RTP/SAVP 8', 'm=audio 0 RTP/AVP 8'])
  })

  it('where SRTP is required, a plain offer is refused', () => {
    const result = answer(fresh, sdp('m=audio 4000 RTP/AVP 8'), { ...local, security: 'required' }, from)
    expect(isFault(result) ? result.reason : null).toContain('SRTP')
  })

  it('an offer with keys may be answered without only where they were optional', () => {
    const plain = sdp('m=audio 4000 RTP/AVP 8')
    const optional = offer(fresh, { ...local, security: 'optional' })
    expect(lines(optional.sdp, 'm')[0]).toContain('RTP/AVP')
    expect(right(accept(optional.state, plain, from)).remote?.srtp).toBeNull()
    const required = offer(fresh, { ...local, security: 'required' })
    expect(lines(required.sdp, 'm')[0]).toContain('RTP/SAVP')
    expect(isFault(accept(required.state, plain, from))).toBe(true)
    const taken = secure('RTP/SAVP', `1 AES_CM_128_HMAC_SHA1_80 inline:${key}`)
    expect(right(accept(required.state, taken, from)).remote?.srtp).toEqual({
      suite: 'AES_CM_128_HMAC_SHA1_80',
      receive: key,
      send: 'A'.repeat(40),
    })
    const other = secure('RTP/SAVP', `9 AES_CM_128_HMAC_SHA1_80 inline:${key}`)
    expect(isFault(accept(required.state, other, from))).toBe(true)
  })
})

it('the state is JSON', () => {
  const { state } = answered(sdp('m=audio 4000 RTP/AVP 8'))
  expect(JSON.parse(JSON.stringify(state))).toEqual(state)
})
