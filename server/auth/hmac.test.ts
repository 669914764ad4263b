import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hmacSha256 } from './hmac.ts'

describe('HMAC-SHA-256', () => {
  it('is that of RFC 4231 §4.2 and §4.3', () => {
    const of = (key: Buffer, text: string) => Buffer.from(hmacSha256(key)(text), 'base64url').toString('hex')
    expect(of(Buffer.alloc(20, 0x0b), 'Hi There')).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    )
    expect(of(Buffer.from('Jefe'), 'what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
  })

  it('is that of OpenSSL for keys and texts of any length', () => {
    for (let length = 0; length <= 64; length++) {
      const key = randomBytes(length)
      const mac = hmacSha256(key)
      for (const text of ['', 'é'.repeat(length), 'x'.repeat(100 * length)]) {
        expect(mac(text)).toBe(createHmac('sha256', key).update(text).digest('base64url'))
      }
    }
    expect(() => hmacSha256(Buffer.alloc(65))).toThrow('a block long')
  })
})
