import { expect, it } from 'vitest'
import { loudness } from '../testing/goertzel.ts'
import { mutate } from '../testing/mutation.ts'
import { drawInteger, seededRandom } from '../testing/random.ts'
import { RtpPhone } from '../testing/rtp-phone.ts'
import { fuzzCall, HostileCall } from './hostile.fuzz.ts'
import { JitterBuffer } from './jitter-buffer.ts'
import { Reception } from './reception.ts'

it('M9: spoiled RTP and RTCP from the peer itself, the same at every run', () => {
  expect(() => fuzzCall(seededRandom(11), 6_000)).not.toThrow()
})

it('after whatever came, an honest packet is relayed again', () => {
  const random = seededRandom(3)
  const call = new HostileCall(random)
  const phone = new RtpPhone()
  for (let round = 0; round < 2_000; round++) call.rtp(mutate(random, phone.speech()))
  call.sent.splice(0)
  for (let i = 0; i < 50; i++) {
    call.rtp(phone.speech())
    call.pass(20)
  }
  const listener = new RtpPhone({ law: 'PCMU' })
  for (const bytes of call.sent) listener.hear(bytes)
  expect(listener.packets.length).toBe(50)
  expect(loudness(listener.heard())).toBeGreaterThan(4_000)
})

it('any numbers leave a jitter buffer and the figures in their bounds', () => {
  const random = seededRandom(9)
  const [buffer, reception] = [new JitterBuffer(), new Reception()]
  const samples = new Int16Array(960)
  const into = new Int16Array(160)
  for (let round = 0; round < 20_000; round++) {
    const timestamp = Math.floor(random() * 2 ** 32)
    buffer.write(random() < 0.5 ? timestamp : (round * 160) >>> 0, samples, drawInteger(random, 960))
    buffer.read(into)
    expect(buffer.level).toBeLessThanOrEqual(8_192)
    reception.onPacket(drawInteger(random, 3), drawInteger(random, 65_536), timestamp, 8_000, round)
    const block = reception.report(round)
    expect(block && block.fraction >= 0 && block.fraction <= 255).toBe(true)
    expect(reception.lost).toBeGreaterThanOrEqual(0)
  }
})
