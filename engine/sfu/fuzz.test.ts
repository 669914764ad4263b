import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { SimulatedLayer } from '../testing/camera.ts'
import { Meeting } from '../testing/meeting.ts'
import { seededRandom } from '../testing/random.ts'
import { fuzzMeeting, HostileRoom } from './meeting.fuzz.ts'
import { fuzzFeedback, fuzzPayloads, fuzzRtcp, fuzzRtp, fuzzSdp } from './parsers.fuzz.ts'

const golden = ['chromium', 'firefox', 'safari'].map((name) =>
  readFileSync(new URL(`testdata/${name}-offer.sdp`, import.meta.url), 'utf8'),
)

describe('M9: spoiled input, the same at every run', () => {
  it.each([
    ['RTP and its extensions', fuzzRtp, 10_000],
    ['RTCP', fuzzRtcp, 10_000],
    ['transport-wide feedback', fuzzFeedback, 5_000],
    ['VP8, H264 and RED payloads', fuzzPayloads, 10_000],
    ['session descriptions', (random: () => number, rounds: number) => fuzzSdp(random, rounds, golden), 1_000],
    ['a room with somebody hostile in it', fuzzMeeting, 500],
  ])('%s', (_name, fuzz, rounds) => {
    expect(() => fuzz(seededRandom(20_260), rounds)).not.toThrow()
  })
})

/** Bytes in use when everything that can go is gone. */
function heap(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

describe('M9: bounded memory', () => {
  it('however many streams somebody claims to send', () => {
    const meeting = new Meeting()
    const page = meeting.page('mal').join()
    page.publish([{ mid: '1', kind: 'video', rids: ['q', 'h', 'f'] }], { 1: 'camera' })
    const claim = (from: number, count: number) => {
      for (let ssrc = from; ssrc < from + count; ssrc++) {
        const layer = new SimulatedLayer({ rid: 'q', ssrc, height: 180, bps: 100_000 })
        for (const bytes of layer.frame('1', meeting.nowMs, () => ssrc & 0xffff)) page.send(bytes)
      }
    }
    claim(1, 2_000)
    const before = heap()
    claim(10_000, 20_000)
    expect(heap() - before).toBeLessThan(2_000_000)
  })

  it('however long somebody is hostile', () => {
    const room = new HostileRoom(seededRandom(7))
    for (let round = 0; round < 200; round++) room.round(10)
    const before = heap()
    for (let round = 0; round < 400; round++) room.round(10)
    expect(heap() - before).toBeLessThan(4_000_000)
  })
})
