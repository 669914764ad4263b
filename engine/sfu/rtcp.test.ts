import { describe, expect, it } from 'vitest'
import * as browser from '../testing/rtcp-packet.ts'
import { bytes32 } from '../testing/packet.ts'
import {
  type RtcpSink,
  readRtcp,
  writeDlrr,
  writeNack,
  writePli,
  writeReceiverReport,
  writeSenderReport,
} from './rtcp.ts'

/** What a sink heard, in order, and whether all of it was RTCP. */
function read(bytes: Uint8Array): { isWhole: boolean; heard: unknown[][] } {
  const heard: unknown[][] = []
  const sink: RtcpSink = {
    senderReport: (...rest) => heard.push(['senderReport', ...rest]),
    reportBlock: (...rest) => heard.push(['reportBlock', ...rest]),
    nack: (...rest) => heard.push(['nack', ...rest]),
    keyFrameRequest: (...rest) => heard.push(['keyFrameRequest', ...rest]),
    transportFeedback: (from, at, end) => heard.push(['transportFeedback', ...from.subarray(at, end)]),
    maximumBitrate: (...rest) => heard.push(['maximumBitrate', ...rest]),
    referenceTime: (...rest) => heard.push(['referenceTime', ...rest]),
  }
  return { isWhole: readRtcp(bytes, sink), heard }
}
const heardIn = (bytes: Uint8Array) => {
  const { isWhole, heard } = read(bytes)
  expect(isWhole).toBe(true)
  return heard
}

describe('reading', () => {
  it('RFC 3550 §6.4.1: a sender report with its blocks', () => {
    const blocks = [
      { ssrc: 7, fraction: 25, lsr: 0xaabbccdd, dlsr: 6_553 },
      { ssrc: 8, fraction: 255 },
    ]
    expect(heardIn(browser.senderReport(5, { ntpHigh: 0xe0000001, ntpLow: 9, timestamp: 77 }, ...blocks))).toEqual([
      ['senderReport', 5, 0xe0000001, 9, 77],
      ['reportBlock', 7, 25, 0xaabbccdd, 6_553],
      ['reportBlock', 8, 255, 0, 0],
    ])
  })

  it('RFC 3550 §6.4.2: a receiver report, also an empty one', () => {
    expect(heardIn(browser.receiverReport({ ssrc: 7, fraction: 3 }))).toEqual([['reportBlock', 7, 3, 0, 0]])
    expect(heardIn(browser.receiverReport())).toEqual([])
  })

  it('RFC 4585 §6.2.1: every packet that a NACK names, over the wrap', () => {
    const numbers = heardIn(browser.nack(7, [65_534, 0b1000_0000_0000_0101], [40, 0])).map(([, ssrc, one]) => [
      ssrc,
      one,
    ])
    expect(numbers).toEqual([
      [7, 65_534],
      [7, 65_535],
      [7, 1],
      [7, 14],
      [7, 40],
    ])
  })

  it('RFC 4585 §6.3.1, RFC 5104 §4.3.1: PLI and FIR, each media SSRC of it', () => {
    expect(heardIn(browser.pli(7))).toEqual([['keyFrameRequest', 7]])
    expect(heardIn(browser.fir(7, 8))).toEqual([
      ['keyFrameRequest', 7],
      ['keyFrameRequest', 8],
    ])
  })

  it.each([[300_000], [262_143], [2_500_000], [4_294_967_296]])('REMB of %d bit/s', (bps) => {
    const [[name, rate] = []] = heardIn(browser.remb(bps, 7, 8))
    expect(name).toBe('maximumBitrate')
    expect(Number(rate) / bps).toBeCloseTo(1, 4)
  })

  it('application layer feedback that is no REMB says nothing', () => {
    expect(heardIn(browser.rtcpPacket(206, 15, [...bytes32(1), ...bytes32(0), 1, 2, 3, 4, 5, 6, 7, 8]))).toEqual([])
  })

  it('RFC 3611 §4.4: a receiver reference time between other blocks', () => {
    const time = [4, 0, 0, 2, ...bytes32(0x00012345), ...bytes32(0x6789abcd)]
    const other = [5, 0, 0, 3, ...bytes32(1), ...bytes32(2), ...bytes32(3)]
    const bytes = browser.rtcpPacket(207, 0, [...bytes32(9), ...other, ...time])
    expect(heardIn(bytes)).toEqual([['referenceTime', 9, 0x23456789]])
    expect(heardIn(browser.referenceTime(9, 0x00012345, 0x6789abcd))).toEqual([['referenceTime', 9, 0x23456789]])
  })

  it('transport-wide feedback, from its base sequence number on', () => {
    const bytes = browser.transportFeedback({ base: 0x1234, arrivedUs: [64_000, null, 65_000] })
    const [[name, ...fci] = []] = heardIn(bytes)
    expect(name).toBe('transportFeedback')
    expect(fci).toEqual([...bytes.subarray(12)])
    expect(fci.slice(0, 2)).toEqual([0x12, 0x34])
  })

  it('RFC 3550 §6.1: each packet of a compound, unknown ones skipped', () => {
    const bytes = browser.compound(
      browser.receiverReport({ ssrc: 1 }),
      browser.rtcpPacket(202, 1, [0, 0, 0, 1, 1, 1, 65, 0]), // SDES
      browser.nack(1, [5, 0]),
      browser.pli(1),
    )
    expect(heardIn(bytes).map(([name]) => name)).toEqual(['reportBlock', 'nack', 'keyFrameRequest'])
  })
})

describe('M9: what makes no sense ends the reading and is told', () => {
  const whole = browser.compound(
    browser.senderReport(5, { ntpHigh: 1, timestamp: 2 }, { ssrc: 7 }),
    browser.nack(7, [1, 0]),
    browser.remb(300_000, 7),
    browser.referenceTime(9, 1, 2),
    browser.transportFeedback({ base: 1, arrivedUs: [1_000, 2_000] }),
  )
  const ends = [28 + 24, 16, 24, 20, 24].map((_, i, sizes) => sizes.slice(0, i + 1).reduce((sum, one) => sum + one, 0))

  it('cut anywhere but between two packets it is not whole', () => {
    expect(ends.at(-1)).toBe(whole.length)
    for (let length = 1; length < whole.length; length++) {
      expect(read(whole.subarray(0, length)).isWhole, `${length} bytes`).toBe(ends.includes(length))
    }
  })

  it.each([
    ['a version that is not 2', Uint8Array.of(0x40, 201, 0, 1, 0, 0, 0, 1)],
    ['more blocks than bytes', browser.rtcpPacket(201, 31, bytes32(1))],
    ['a sender report without its report', browser.rtcpPacket(200, 0, bytes32(1))],
    ['feedback without media SSRC', browser.rtcpPacket(205, 1, bytes32(1))],
    ['transport feedback without its header', browser.rtcpPacket(205, 15, [...bytes32(1), ...bytes32(0)])],
    ['an extended block longer than its packet', browser.rtcpPacket(207, 0, [...bytes32(1), 4, 0, 0, 9])],
  ])('%s', (_name, bytes) => {
    expect(read(bytes)).toEqual({ isWhole: false, heard: [] })
  })
})

describe('writing', () => {
  const bytes = new Uint8Array(200)
  const written = (length: number) => heardIn(bytes.slice(0, length))

  it('RFC 4585 §6.2.1: what is near becomes one item, and the reader names the same packets', () => {
    const sequences = [10, 11, 26, 27, 50, 65_535, 2]
    const length = writeNack(bytes, 1, 7, sequences)
    expect(length).toBe(12 + 4 * 4)
    expect(written(length)).toEqual(sequences.map((sequence) => ['nack', 7, sequence]))
  })

  it('a NACK that the room does not hold is cut, not overrun', () => {
    const small = new Uint8Array(20)
    const length = writeNack(small, 1, 7, [100, 200, 300, 400])
    expect(heardIn(small.slice(0, length))).toEqual([
      ['nack', 7, 100],
      ['nack', 7, 200],
    ])
  })

  it('RFC 4585 §6.3.1: PLI', () => {
    expect(written(writePli(bytes, 1, 7))).toEqual([['keyFrameRequest', 7]])
  })

  it('RFC 3550 §6.4.1: sender reports, one behind another', () => {
    const sent = {
      ssrc: 5,
      ntpHigh: 0xe0000001,
      ntpLow: 0x80000000,
      timestamp: 0xfffffff0,
      packets: 100,
      octets: 20_000,
    }
    const length = writeSenderReport(bytes, sent)
    const both = length + writeSenderReport(bytes, { ...sent, ssrc: 6 }, length)
    expect(written(both)).toEqual([
      ['senderReport', 5, 0xe0000001, 0x80000000, 0xfffffff0],
      ['senderReport', 6, 0xe0000001, 0x80000000, 0xfffffff0],
    ])
    expect([...bytes.subarray(20, 28)]).toEqual([...bytes32(100), ...bytes32(20_000)])
  })

  it('RFC 3550 §6.4.2: receiver report; loss is signed and does not overflow 24 bits', () => {
    const block = { ssrc: 7, fraction: 12, lost: -3, highest: 0x10005, jitter: 90, lsr: 0x11223344, dlsr: 65_536 }
    const length = writeReceiverReport(bytes, 1, [block, { ...block, ssrc: 8, lost: 2 ** 30 }])
    expect(length).toBe(56)
    expect(written(length)).toEqual([
      ['reportBlock', 7, 12, 0x11223344, 65_536],
      ['reportBlock', 8, 12, 0x11223344, 65_536],
    ])
    expect([...bytes.subarray(13, 24)]).toEqual([255, 255, 253, ...bytes32(0x10005), ...bytes32(90)])
    expect([...bytes.subarray(37, 40)]).toEqual([0x7f, 0xff, 0xff])
  })

  it('RFC 3611 §4.5: DLRR', () => {
    const length = writeDlrr(bytes, 1, 9, 0x23456789, 65)
    const expected = [5, 0, 0, 3, ...bytes32(9), ...bytes32(0x23456789), ...bytes32(65)]
    expect([...bytes.subarray(0, length)]).toEqual([0x80, 207, 0, 5, ...bytes32(1), ...expected])
  })
})
