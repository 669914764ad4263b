import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatOffer, offered, readAccepted } from './offer.ts'
import { type Description, parseSdp } from './sdp.ts'

const read = (sdp: string): Description => {
  const result = parseSdp(sdp)
  if ('reason' in result) throw new Error(result.reason)
  return result.description
}
const answerOf = (name: string) => readFileSync(new URL(`testdata/${name}-answer.sdp`, import.meta.url), 'utf8')
const offer = formatOffer({
  slots: [
    { mid: '0', kind: 'audio', ssrc: 1001, rtxSsrc: 1002, stream: 'ada' },
    { mid: '1', kind: 'video', ssrc: 2001, rtxSsrc: 2002, stream: 'ada' },
  ],
  local: {
    ufrag: 'ours',
    pwd: 'p'.repeat(22),
    fingerprint: `sha-256 ${new Array(32).fill('0A').join(':')}`,
    setup: 'actpass',
  },
  candidates: ['candidate:1 1 UDP 1 192.0.2.1 7000 typ host'],
  version: 7,
})
const [audio = '', video = ''] = offer.split(/\r\n(?=m=)/).slice(1)

describe('M2: the offer of the slots', () => {
  it('names SSRC and repair SSRC of each, and whose they are (RFC 8830)', () => {
    expect(video).toContain('a=ssrc-group:FID 2001 2002\r\n')
    expect(video).toContain('a=ssrc:2001 cname:slot-1\r\n')
    expect(video).toContain('a=ssrc:2002 cname:slot-1\r\n')
    expect(video).toContain('a=msid:ada slot-1\r\n')
    expect(audio).toContain('a=ssrc:1001 cname:slot-0\r\n')
    expect(audio).toContain('a=msid:ada slot-0\r\n')
  })

  it('M16: VP8 first, H264 last and only 42e01f of mode 1; RED before Opus', () => {
    const { sections } = read(offer)
    expect(sections.map(({ codecs }) => codecs.map(({ name }) => name))).toEqual([
      ['red/48000/2', 'opus/48000/2'],
      ['vp8/90000', 'rtx/90000', 'h264/90000', 'rtx/90000'],
    ])
    expect(video.match(/profile-level-id=\w+/g)).toEqual(['profile-level-id=42e01f'])
    expect(video).toContain('packetization-mode=1')
  })

  it('M13: NACK on sound too, and rrtr, by which a page that only receives learns the round trip', () => {
    for (const feedback of ['nack', 'transport-cc', 'rrtr']) {
      expect(audio).toContain(`a=rtcp-fb:${offered.opus} ${feedback}\r\n`)
    }
    for (const type of [offered.vp8, offered.h264]) {
      for (const feedback of ['nack', 'nack pli', 'ccm fir', 'transport-cc', 'rrtr']) {
        expect(video).toContain(`a=rtcp-fb:${type} ${feedback}\r\n`)
      }
    }
  })

  it('M11: no payload type that looks like RTCP', () => {
    const types = read(offer).sections.flatMap(({ codecs }) => codecs.map(({ payloadType }) => payloadType))
    expect(types.filter((type) => type >= 64 && type <= 95)).toEqual([])
    expect(new Set(types).size).toBe(types.length)
  })

  it('RFC 8842 §5.2: the page chooses who begins with DTLS', () => {
    expect([audio, video].map((text) => /a=setup:\w+/.exec(text)?.[0])).toEqual(['a=setup:actpass', 'a=setup:actpass'])
    expect(offer).toContain('o=- 1 7 IN')
  })
})

describe('M12: what a page accepted', () => {
  it('Chromium takes everything', () => {
    expect(readAccepted(read(answerOf('chromium')))).toEqual({
      ...{ mids: new Set(['0', '1']), opus: 111, red: 63, vp8: 96, vp8Rtx: 97, h264: 102, h264Rtx: 103 },
      transportSequence: 3,
    })
  })

  it('Firefox takes no RED, and H264 only where it has the plugin', () => {
    expect(readAccepted(read(answerOf('firefox')))).toEqual({
      ...{ mids: new Set(['0', '1']), opus: 111, red: 0, vp8: 96, vp8Rtx: 97, h264: 0, h264Rtx: 0 },
      transportSequence: 3,
    })
  })

  it('sections that are rejected or inactive are no slots', () => {
    const sdp = answerOf('chromium')
    expect(readAccepted(read(sdp.replace('m=video 9', 'm=video 0'))).mids).toEqual(new Set(['0']))
    expect(readAccepted(read(sdp.replace('a=recvonly', 'a=inactive'))).mids).toEqual(new Set(['1']))
  })

  it('M11: payload types that look like RTCP are not sent', () => {
    const moved = answerOf('chromium').replace('SAVPF 96 97', 'SAVPF 64 97').replace('rtpmap:96', 'rtpmap:64')
    expect(readAccepted(read(moved))).toMatchObject({ vp8: 0, vp8Rtx: 0, h264: 102 })
  })

  it('an extension id that does not fit the short form is not used', () => {
    expect(readAccepted(read(answerOf('chromium').replaceAll('extmap:3 ', 'extmap:20 '))).transportSequence).toBe(0)
  })
})
