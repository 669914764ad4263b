import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { mutate } from '../testing/mutation.ts'
import { rtpPacket } from '../testing/packet.ts'
import { seededRandom } from '../testing/random.ts'
import { HmacSha1 } from './sha1.ts'
import { type Aes128, SrtpReceiver, SrtpSender } from './srtp.ts'

const aes: Aes128 = (key) => {
  const cipher = createCipheriv('aes-128-ecb', key, null)
  cipher.setAutoPadding(false)
  return (blocks) => cipher.update(blocks)
}
const suite = 'AES_CM_128_HMAC_SHA1_80'
const key = Buffer.from('e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6', 'hex').toString('base64')
const room = (bytes: Uint8Array) => Uint8Array.from([...bytes, ...new Uint8Array(20)])

function pair(as: typeof suite | 'AES_CM_128_HMAC_SHA1_32' = suite) {
  const sender = new SrtpSender(aes, as, key)
  return {
    receiver: new SrtpReceiver(aes, as, key),
    protect: (bytes: Uint8Array) => {
      const into = room(bytes)
      return into.slice(0, sender.protect(into, bytes.length))
    },
    protectControl: (bytes: Uint8Array) => {
      const into = room(bytes)
      return into.slice(0, sender.protectControl(into, bytes.length))
    },
  }
}
const packet = (sequence: number, ssrc = 7) =>
  rtpPacket({
    ssrc,
    sequence: sequence & 0xffff,
    timestamp: sequence * 160,
    payload: Array.from({ length: 160 }, (_, i) => i),
  })

it('HMAC-SHA1 of every length around the edges of its blocks', () => {
  const into = new Uint8Array(20)
  for (const length of [0, 1, 51, 52, 55, 56, 59, 60, 63, 64, 65, 119, 120, 128, 172, 1_400]) {
    const [secret, bytes] = [randomBytes(20), randomBytes(length)]
    const hmac = new HmacSha1(secret)
    hmac.sign(bytes, length, null, into)
    expect(Buffer.from(into)).toEqual(createHmac('sha1', secret).update(bytes).digest())
    hmac.sign(bytes, length, 0xdead_beef, into)
    const suffixed = Buffer.concat([bytes, Buffer.from('deadbeef', 'hex')])
    expect(Buffer.from(into)).toEqual(createHmac('sha1', secret).update(suffixed).digest())
  }
})

describe('RFC 3711', () => {
  it('the packets that other libraries make of this key', () => {
    const { protect, protectControl } = pair()
    const plain = Buffer.from(`800f1234decafbadcafebabe${'ab'.repeat(16)}`, 'hex')
    expect(Buffer.from(protect(plain)).toString('hex')).toBe(
      '800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb',
    )
    const control = Buffer.from(`81c8000bcafebabe${'ab'.repeat(16)}`, 'hex')
    protectControl(control) // index 0
    expect(Buffer.from(protectControl(control)).toString('hex')).toBe(
      '81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798',
    )
  })

  it.each([suite, 'AES_CM_128_HMAC_SHA1_32'] as const)('%s: there and back', (as) => {
    const { protect, protectControl, receiver } = pair(as)
    const secret = protect(packet(1))
    expect(secret.length).toBe(172 + (as === suite ? 10 : 4))
    expect(receiver.unprotect(secret)).toBe(172)
    expect(secret.subarray(0, 172)).toEqual(packet(1))
    const report = Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7])
    const control = protectControl(report)
    expect(control.length).toBe(8 + 14)
    expect(receiver.unprotectControl(control)).toBe(8)
    expect(control.subarray(0, 8)).toEqual(report)
  })

  it('the rollover counter follows, also where packets change places at the wrap', () => {
    const { protect, receiver } = pair()
    const order = [65_533, 65_534, 65_536, 65_535, 65_538, 65_537]
    for (const sequence of order) expect(receiver.unprotect(protect(packet(sequence)))).toBe(172)
    for (let sequence = 65_539; sequence < 280_000; sequence += 1_000) {
      const secret = protect(packet(sequence))
      expect(receiver.unprotect(secret)).toBe(172)
      expect(secret[12]).toBe(0)
    }
  })

  it('T6: a stream met in its middle is understood', () => {
    const { protect } = pair()
    for (let sequence = 0; sequence < 200_000; sequence += 1_000) protect(packet(sequence))
    const later = new SrtpReceiver(aes, suite, key)
    expect(later.unprotect(protect(packet(200_000)))).toBe(172)
    expect(later.unprotect(protect(packet(200_001)))).toBe(172)
  })

  it('a packet is taken once, and not when it is 128 behind', () => {
    const { protect, receiver } = pair()
    const secrets = Array.from({ length: 200 }, (_, i) => protect(packet(i)))
    const take = (i: number) => receiver.unprotect(Uint8Array.from(secrets[i] ?? []))
    expect([take(0), take(0)]).toEqual([172, 0])
    expect([take(150), take(100), take(100), take(23), take(22)]).toEqual([172, 172, 0, 172, 0])
    expect([take(151), take(182), take(182), take(183), take(150)]).toEqual([172, 172, 0, 172, 0])
  })

  it('a control packet is taken once', () => {
    const { protectControl, receiver } = pair()
    const control = protectControl(Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7]))
    expect(receiver.unprotectControl(Uint8Array.from(control))).toBe(8)
    expect(receiver.unprotectControl(Uint8Array.from(control))).toBe(0)
  })

  it('every bit is guarded', () => {
    const { protect, receiver } = pair()
    const secret = protect(packet(5))
    for (let bit = 0; bit < secret.length * 8; bit += 7) {
      const spoiled = Uint8Array.from(secret)
      spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(receiver.unprotect(spoiled)).toBe(0)
    }
    expect(receiver.unprotect(secret)).toBe(172)
  })

  it('what is forged changes nothing', () => {
    const { protect, receiver } = pair()
    receiver.unprotect(protect(packet(1)))
    const random = seededRandom(4)
    for (let round = 0; round < 500; round++) {
      receiver.unprotect(mutate(random, packet(40_000 + round)))
      receiver.unprotectControl(mutate(random, Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7])))
    }
    expect(receiver.unprotect(protect(packet(2)))).toBe(172)
  })
})
