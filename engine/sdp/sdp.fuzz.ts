/** Spoiled descriptions (RFC 8866): an answer or a sentence, never an exception, and no line of ours that is not one. */
import { mutateLines } from '../testing/mutation.ts'
import { drawInteger } from '../testing/random.ts'
import { g722, pcma, pcmu } from './codec.ts'
import { accept, answer, isFault, type LocalMedia, newSdpState, offer, readOffer } from './negotiate.ts'

const key = 'K'.repeat(40)
const valid = [
  [
    ...['v=0', 'o=- 1 2 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'],
    ...['m=audio 4000 RTP/AVP 8 0 96 101', 'a=rtpmap:96 opus/48000/2', 'a=fmtp:96 useinbandfec=1'],
    ...['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=ptime:20', 'a=sendonly', ''],
  ],
  [
    ...['v=0', 'o=- 1 2 IN IP6 ::1', 's=-', 't=0 0', 'a=inactive', 'm=video 4002 RTP/AVP 99', 'c=IN IP6 2001:db8::1'],
    ...['a=rtpmap:99 H264/90000', 'm=audio 4000 RTP/SAVP 9 8', 'c=IN IP6 ::', 'a=rtcp:4444 IN IP6 ::1'],
    ...[`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key}|2^31`, 'm=image 4010 udptl t38', 'c=IN IP4 192.0.2.9', ''],
  ],
].map((lines) => lines.join('\r\n'))

const state = newSdpState('1', { AES_CM_128_HMAC_SHA1_80: key, AES_CM_128_HMAC_SHA1_32: key })
const local: LocalMedia = {
  address: '198.51.100.1',
  port: 30_000,
  direction: 'sendrecv',
  codecs: [pcma, pcmu, g722],
  ptimeMs: 20,
  security: 'optional',
  others: [],
}

export function fuzzSdp(random: () => number, rounds: number): void {
  const ours = offer(state, local)
  for (let round = 0; round < rounds; round++) {
    const text = mutateLines(random, valid[drawInteger(random, valid.length)] ?? '')
    const view = readOffer(text)
    const others = isFault(view) ? [] : view.others
    const passed = others.map((media) => ({ media, port: 30_002, index: media.index }))
    const agreed = answer(state, text, { ...local, others: passed }, '192.0.2.7')
    if (!isFault(agreed))
      demandSdp(agreed.sdp, text, text.split(/\r\n|\n|\r/).filter((line) => line.startsWith('m=')).length)
    if (!isFault(view)) demandSdp(offer(state, { ...local, codecs: view.codecs, others: passed }).sdp, text, null)
    accept(ours.state, text, '192.0.2.7')
  }
}

function demandSdp(sdp: string, from: string, mediaLines: number | null): void {
  const lines = sdp.split('\r\n')
  const isWhole = lines.every((line) => line === '' || /^[vosctmab]=[\x20-\x7e\xa0-\uffff]*$/.test(line))
  if (!isWhole || lines.at(-1) !== '') throw new Error(`a line that is none: ${JSON.stringify(from)}`)
  const count = lines.filter((line) => line.startsWith('m=')).length
  if (mediaLines !== null && count !== mediaLines) throw new Error(`an m-line more or less: ${JSON.stringify(from)}`)
}
