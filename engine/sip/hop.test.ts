import { expect, it } from 'vitest'
import { type Hop, replyHop } from './hop.ts'
import { parseMessage } from './message.ts'

const source: Hop = { transport: 'udp', address: '192.0.2.7', port: 5_070, flow: 'udp4:5060' }

function replyTo(via: string): Hop {
  const request = parseMessage(
    Buffer.from(
      `OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP ${via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`,
    ),
  )
  if (request.isFault) throw new Error(request.reason)
  request.stampSource(source.address, source.port)
  return replyHop(request, source)
}

it('T10, T12: a reply never leaves for a place that the Via alone names', () => {
  for (const via of [
    '192.0.2.7;branch=z9hG4bK1;maddr=victim.example',
    '192.0.2.7:5070;branch=z9hG4bK1;maddr=198.51.100.1',
  ]) {
    expect(replyTo(via).address).toBe(source.address)
  }
})

it('RFC 3261 §18.2.2, RFC 3581 §4: to the port that a peer without rport names, else to where it came from', () => {
  expect(replyTo('192.0.2.7:5062;branch=z9hG4bK1').port).toBe(5_062)
  expect(replyTo('192.0.2.7:5062;branch=z9hG4bK1;rport').port).toBe(5_070)
  expect(replyTo('10.0.0.1:5062;branch=z9hG4bK1').port).toBe(5_070)
})
