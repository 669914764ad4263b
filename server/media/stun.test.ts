import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { mendTieBreaker, readBindingRequest, receiverOf } from './stun.ts'

const password = 'a password of twenty-two or more'

/** As Chromium writes it: user name, role, priority, integrity, fingerprint (RFC 8445 §7.1). */
function bindingRequest(tieBreaker: bigint, role = 0x802a): Buffer {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(tieBreaker)
  const priority = Buffer.from([0x6e, 0x7d, 0x1f, 0xff])
  let message = Buffer.concat([
    Buffer.from('000100002112a442', 'hex'),
    Buffer.from('transaction.'),
    field(0x0006, Buffer.from('here:there')),
    field(role, value),
    field(0x0024, priority),
  ])
  message.writeUInt16BE(message.length - 20 + 24, 2)
  message = Buffer.concat([message, field(0x0008, createHmac('sha1', password).update(message).digest())])
  message.writeUInt16BE(message.length - 20 + 8, 2)
  const mark = Buffer.alloc(4)
  mark.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0)
  return Buffer.concat([message, field(0x8028, mark)])
}

function field(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

function mend(message: Buffer, secret = password): boolean {
  const attributes = readBindingRequest(message)
  return attributes ? mendTieBreaker(message, attributes, secret) : false
}

describe('a tie-breaker of zero', () => {
  it.each([0x802a, 0x8029])('becomes one, with integrity and fingerprint of that message (role %i)', (role) => {
    const message = bindingRequest(0n, role)
    expect(mend(message)).toBe(true)
    expect(message).toEqual(bindingRequest(1n, role))
  })

  it('stays for whoever does not know the password', () => {
    const message = bindingRequest(0n)
    expect(mend(message, 'another password')).toBe(false)
    expect(message).toEqual(bindingRequest(0n))
  })
})

it('leaves every other tie-breaker as it is', () => {
  const message = bindingRequest(7n)
  expect(mend(message)).toBe(false)
  expect(message).toEqual(bindingRequest(7n))
})

it('names the receiver of `receiver:sender`', () => {
  expect(receiverOf(readBindingRequest(bindingRequest(0n)) ?? new Map())).toBe('here')
})

it('takes no part of a message, no response and no other protocol for a binding request', () => {
  const whole = bindingRequest(0n)
  for (let length = 0; length < whole.length; length++) expect(readBindingRequest(whole.subarray(0, length))).toBeNull()
  const response = Buffer.from(whole)
  response.writeUInt16BE(0x0101)
  expect(readBindingRequest(response)).toBeNull()
  const overlong = Buffer.from(whole)
  overlong.writeUInt16BE(0xffff, 22)
  expect(readBindingRequest(overlong)).toBeNull()
  expect(readBindingRequest(Buffer.alloc(1_200, 0x80))).toBeNull()
})
