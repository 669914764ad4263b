import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { agree, type Agreed, extensionIds, formatAnswer } from './answer.ts'
import type { PipeParameters } from './messages.ts'
import { type Description, parseSdp } from './sdp.ts'

const golden = (name: string) => readFileSync(new URL(`testdata/${name}-offer.sdp`, import.meta.url), 'utf8')
const read = (sdp: string): Description => {
  const result = parseSdp(sdp)
  if ('reason' in result) throw new Error(result.reason)
  return result.description
}
const agreedOf = (sdp: string): (Agreed | null)[] => read(sdp).sections.map(agree)
const local: PipeParameters = {
  ufrag: 'ours',
  pwd: 'p'.repeat(22),
  fingerprint: `sha-256 ${new Array(32).fill('0A').join(':')}`,
  setup: 'passive',
}

function answerTo(sdp: string): string {
  const offer = read(sdp)
  const agreed = new Map<string, Agreed>()
  for (const section of offer.sections) {
    const media = agree(section)
    if (media) agreed.set(section.mid, media)
  }
  return formatAnswer({ offer, agreed, local, candidates: ['candidate:1 1 UDP 1 192.0.2.1 7000 typ host'], version: 3 })
}
const sectionsOf = (sdp: string) => sdp.split(/\r\n(?=m=)/).slice(1)

describe('M12: each browser in its own numbers', () => {
  it.each([
    ['chromium', { payloadType: 111, redPayloadType: 63 }, { payloadType: 96, rtxPayloadType: 97, codec: 'vp8' }],
    ['firefox', { payloadType: 109, redPayloadType: 0 }, { payloadType: 120, rtxPayloadType: 124, codec: 'vp8' }],
    ['safari', { payloadType: 111, redPayloadType: 63 }, { payloadType: 100, rtxPayloadType: 101, codec: 'vp8' }],
  ])('%s', (name, audio, video) => {
    expect(agreedOf(golden(name))).toEqual([
      expect.objectContaining({ ...audio, kind: 'audio', codec: 'opus', isSending: true }),
      expect.objectContaining({ ...video, kind: 'video', isSending: true, rids: ['q', 'h', 'f'] }),
    ])
  })

  it.each([
    ['chromium', { mid: 4, rid: 10, repairedRid: 11, audioLevel: 1, transportSequence: 3 }],
    ['firefox', { mid: 3, rid: 9, repairedRid: 10, audioLevel: 1, transportSequence: 7 }],
    ['safari', { mid: 4, rid: 10, repairedRid: 11, audioLevel: 1, transportSequence: 3 }],
  ])('%s: extension ids', (name, ids) => {
    expect(extensionIds(read(golden(name)))).toEqual(ids)
  })
})

describe('M16: which codec is taken', () => {
  const onlyH264 = (sdp: string) => sdp.replaceAll('VP8/90000', 'VP0/90000')

  it('VP8 wherever it is offered, also behind H264 as Safari has it', () => {
    expect(agreedOf(golden('safari'))[1]?.codec).toBe('vp8')
  })

  it('without VP8: H264 constrained baseline of packetization mode 1, of all that are offered', () => {
    expect(agreedOf(onlyH264(golden('safari')))[1]).toMatchObject({
      codec: 'h264',
      payloadType: 98,
      rtxPayloadType: 99,
    })
    expect(agreedOf(onlyH264(golden('chromium')))[1]).toMatchObject({ codec: 'h264', payloadType: 108 })
  })

  it('no other profile or mode', () => {
    expect(agreedOf(onlyH264(golden('safari')).replace('42e01f', '4d001f'))[1]).toBeNull()
  })

  it('M11: no payload type that looks like RTCP', () => {
    const moved = golden('chromium')
      .replace(' 96 97 102', ' 72 97 102')
      .replaceAll(/^a=(rtpmap|rtcp-fb):96 /gm, 'a=$1:72 ')
      .replace('apt=96', 'apt=72')
    expect(agreedOf(moved)[1]).toMatchObject({ codec: 'h264', payloadType: 108 })
    const red = golden('chromium')
      .replace(' 111 63', ' 111 65')
      .replace('rtpmap:63', 'rtpmap:65')
      .replace('fmtp:63', 'fmtp:65')
    expect(agreedOf(red)[0]).toMatchObject({ payloadType: 111, redPayloadType: 0 })
  })

  it('RED that repeats something else is not taken', () => {
    expect(agreedOf(golden('chromium').replace('a=fmtp:63 111/111', 'a=fmtp:63 9/9'))[0]?.redPayloadType).toBe(0)
  })

  it('a section without a codec we know, or a rejected one, is refused', () => {
    expect(agreedOf(golden('chromium').replaceAll('opus/48000/2', 'ISAC/16000'))[0]).toBeNull()
    expect(agreedOf(golden('chromium').replace('m=video 9', 'm=video 0'))[1]).toBeNull()
  })
})

describe('RFC 8829 §5.3: the answer', () => {
  it.each(['chromium', 'firefox', 'safari'])('%s: one section for each of the offer, with its own numbers', (name) => {
    const answer = answerTo(golden(name))
    const [audio, video] = agreedOf(golden(name))
    expect(sectionsOf(answer).map((section) => /^m=\S+ \d+/.exec(section)?.[0])).toEqual(['m=audio 9', 'm=video 9'])
    const [audioText = '', videoText = ''] = sectionsOf(answer)
    expect(audioText).toContain(`a=rtpmap:${audio?.payloadType} opus/48000/2`)
    expect(videoText).toContain(`a=rtpmap:${video?.payloadType} VP8/90000`)
    expect(videoText).toContain(`a=fmtp:${video?.rtxPayloadType} apt=${video?.payloadType}`)
    expect(videoText).toContain('a=simulcast:recv q;h;f')
    for (const rid of ['q', 'h', 'f']) expect(videoText).toContain(`a=rid:${rid} recv`)
    for (const text of [audioText, videoText]) {
      expect(text).toContain('a=recvonly')
      expect(text).toContain('a=setup:passive')
      expect(text).toContain('a=candidate:1 1 UDP 1 192.0.2.1 7000 typ host')
    }
    expect(answer).toContain('a=group:BUNDLE 0 1')
  })

  it('M13: asks for NACK on sound and picture, PLI, FIR and transport-wide feedback', () => {
    const [audio = '', video = ''] = sectionsOf(answerTo(golden('chromium')))
    for (const feedback of ['nack', 'transport-cc']) expect(audio).toContain(`a=rtcp-fb:111 ${feedback}\r\n`)
    for (const feedback of ['nack', 'nack pli', 'ccm fir', 'transport-cc']) {
      expect(video).toContain(`a=rtcp-fb:96 ${feedback}\r\n`)
    }
  })

  it('M13: RTX of layers needs the repaired RID; extensions keep the ids of the offer, and ones we do not read go', () => {
    const [, video = ''] = sectionsOf(answerTo(golden('firefox')))
    expect(video).toContain('a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id')
    expect(video).not.toContain('abs-send-time')
  })

  it('RFC 9143 §7.3: a refused section has port 0 and is in no bundle', () => {
    const answer = answerTo(golden('chromium').replaceAll('VP8/90000', 'X/90000').replaceAll('42e01f', '640c1f'))
    expect(answer).toContain('a=group:BUNDLE 0\r\n')
    expect(sectionsOf(answer)[1]).toMatch(/^m=video 0 /)
    expect(sectionsOf(answer)[1]).toContain('a=mid:1')
  })

  it('an m-line that sends nothing now is answered inactive', () => {
    const [audio = ''] = sectionsOf(answerTo(golden('chromium').replace('a=sendonly', 'a=inactive')))
    expect(audio).toContain('a=inactive')
  })

  it('reads back as a description', () => {
    expect(read(answerTo(golden('safari'))).sections.map(({ mid }) => mid)).toEqual(['0', '1'])
  })
})
