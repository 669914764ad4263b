import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isUsable, parseSdp, rtxOf } from './sdp.ts'

const golden = (name: string) => readFileSync(new URL(`testdata/${name}.sdp`, import.meta.url), 'utf8')
const read = (sdp: string) => {
  const result = parseSdp(sdp)
  if ('reason' in result) throw new Error(result.reason)
  return result.description
}
const chromium = golden('chromium-offer')

describe('RFC 8829: what browsers offer', () => {
  it.each(['chromium', 'firefox', 'safari'])(
    '%s: one microphone and a camera of three layers, both ways to read',
    (name) => {
      const sdp = golden(`${name}-offer`)
      const { sections, pipe } = read(sdp)
      expect(sections.map(({ kind, mid, direction, isRejected }) => ({ kind, mid, direction, isRejected }))).toEqual([
        { kind: 'audio', mid: '0', direction: 'sendonly', isRejected: false },
        { kind: 'video', mid: '1', direction: 'sendonly', isRejected: false },
      ])
      expect(sections[1]?.rids).toEqual(['q', 'h', 'f'])
      expect(pipe.setup).toBe('actpass')
      expect(sdp).toContain(`a=ice-ufrag:${pipe.ufrag}\r\n`)
      expect(sdp).toContain(`a=ice-pwd:${pipe.pwd}\r\n`)
      expect(sdp).toContain(`a=fingerprint:${pipe.fingerprint}\r\n`)
      expect(read(sdp.replaceAll('\r\n', '\n'))).toEqual({ sections, pipe })
    },
  )

  it.each([
    ['chromium', 'opus/48000/2', 111, 'vp8/90000', 96, 97],
    ['firefox', 'opus/48000/2', 109, 'vp8/90000', 120, 124],
    ['safari', 'opus/48000/2', 111, 'vp8/90000', 100, 101],
  ])('M12: %s numbers its codecs itself', (name, opus, opusType, vp8, vp8Type, rtxType) => {
    const [audio, video] = read(golden(`${name}-offer`)).sections
    expect(audio?.codecs.find((codec) => codec.name === opus)?.payloadType).toBe(opusType)
    expect(video?.codecs.find((codec) => codec.name === vp8)?.payloadType).toBe(vp8Type)
    expect(rtxOf(video?.codecs ?? [], vp8Type)?.payloadType).toBe(rtxType)
  })

  it('M12: extension ids, also those that Firefox gives a direction', () => {
    const mid = 'urn:ietf:params:rtp-hdrext:sdes:mid'
    const rid = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'
    const ids = (name: string) => {
      const { extensions } = read(golden(`${name}-offer`)).sections[1] ?? { extensions: new Map<string, number>() }
      return [extensions.get(mid), extensions.get(rid)]
    }
    expect([ids('chromium'), ids('firefox'), ids('safari')]).toEqual([
      [4, 10],
      [3, 9],
      [4, 10],
    ])
  })

  it('RFC 5576 §4.2: Firefox names its streams and what repairs them', () => {
    const { ssrcs, rtxOf: repairs } = read(golden('firefox-offer')).sections[1] ?? { ssrcs: [], rtxOf: new Map() }
    expect(ssrcs).toEqual([2948043602, 1489871466, 1832194467])
    expect([...repairs]).toEqual([
      [2066112240, 2948043602],
      [23798803, 1489871466],
      [967136797, 1832194467],
    ])
  })

  it('RFC 9143 §7.2: port 0 with bundle-only is no rejection, without it is', () => {
    const isRejected = (sdp: string) => read(sdp).sections.map((section) => section.isRejected)
    const firefox = golden('firefox-offer')
    expect(isRejected(firefox)).toEqual([false, false])
    expect(isRejected(firefox.replace('a=bundle-only\r\n', ''))).toEqual([false, true])
  })

  it('the transport is taken from a section that is not rejected', () => {
    const sdp = chromium
      .replace('m=audio 9 ', 'm=audio 0 ')
      .replace(/a=ice-(ufrag|pwd):.*\r\n/, '')
      .replace(/a=ice-pwd.*\r\n/, '')
    expect(read(sdp).pipe.ufrag).toBe('m7dg')
  })
})

it('RFC 5761 §4, M11: payload types 64 to 95 are not used', () => {
  const usable = (payloadType: number) => isUsable({ payloadType, name: '', parameters: '' })
  expect([0, 63, 64, 72, 95, 96, 127].map(usable)).toEqual([true, true, false, false, false, true, true])
})

describe('what is no description is a sentence', () => {
  it.each([
    ['nothing', '', 'no session description'],
    ['garbage', '\u0000\uffff{}', 'no session description'],
    ['another protocol', chromium.slice(chromium.indexOf('m=')), 'no session description'],
    ['no media', 'v=0\r\ns=-\r\n', 'no media'],
    ['an endless one', `${chromium}${'a=x\r\n'.repeat(50_000)}`, 'too long'],
    [
      'hundreds of sections',
      `v=0\r\n${chromium.slice(chromium.indexOf('m=')).repeat(1) + 'm=audio 9 X 0\r\n'.repeat(70)}`,
      'too many',
    ],
    ['data channels', chromium.replace('m=video', 'm=application'), 'neither audio nor video'],
    ['no mid', chromium.replace('a=mid:1\r\n', ''), 'no mid'],
    ['a mid that is a sentence', chromium.replace('a=mid:1\r\n', 'a=mid:one two\r\n'), 'no mid'],
    ['one mid twice', chromium.replace('a=mid:1\r\n', 'a=mid:0\r\n'), 'occurs twice'],
    ['no fingerprint', chromium.replaceAll(/a=fingerprint.*\r\n/g, ''), 'fingerprint'],
    ['a fingerprint of another hash', chromium.replaceAll('sha-256', 'md5'), 'fingerprint'],
    [
      'credentials with a line end in them',
      chromium.replaceAll('a=ice-ufrag:m7dg', 'a=ice-ufrag:m7 dg'),
      'ICE credentials',
    ],
    ['a setup that is not one', chromium.replaceAll('a=setup:actpass', 'a=setup:holdconn'), 'setup'],
  ])('%s', (_name, sdp, reason) => {
    expect(parseSdp(sdp)).toEqual({ reason: expect.stringContaining(reason) })
  })

  it('what one line has too much of is left out', () => {
    const rids = Array.from({ length: 50 }, (_, i) => `a=rid:r${i} send`).join('\r\n')
    const ssrcs = Array.from({ length: 50 }, (_, i) => `a=ssrc:${i + 1} cname:x`).join('\r\n')
    const video = read(`${chromium}${rids}\r\n${ssrcs}\r\n`).sections[1]
    expect(video?.rids.length).toBe(8)
    expect(video?.ssrcs.length).toBe(32)
  })

  it('parameters that are no line of text are none', () => {
    const spoiled = chromium.replace('a=fmtp:111 minptime=10', 'a=fmtp:111 minptime=\r10')
    expect(read(spoiled).sections[0]?.codecs[0]).toEqual({ payloadType: 111, name: 'opus/48000/2', parameters: '' })
  })

  it('extension ids and payload types out of range are left out', () => {
    const sdp = chromium
      .replace('a=extmap:4 ', 'a=extmap:0 ')
      .replaceAll('a=rtpmap:111', 'a=rtpmap:211')
      .replace(' 111 63', ' 211 63')
    const audio = read(sdp).sections[0]
    expect(audio?.extensions.has('urn:ietf:params:rtp-hdrext:sdes:mid')).toBe(false)
    expect(audio?.codecs.some(({ name }) => name.startsWith('opus'))).toBe(false)
  })
})
