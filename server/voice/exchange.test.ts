import { expect, it } from 'vitest'
import { parseMessage } from '../../engine/sip/message.ts'
import { Exchange } from './exchange.ts'

const source = { transport: 'udp', address: '192.0.2.7', port: 5_060, flow: null } as const

/** The statuses that are sent to an INVITE with that header, and the legs whose names are kept. */
function invite(header: string) {
  const statuses: string[] = []
  const named: string[] = []
  const exchange: Exchange = new Exchange({
    send: (_hop, bytes) => void statuses.push(Buffer.from(bytes).toString().slice(8, 11)),
    local: () => ({ host: '192.0.2.1', port: 5_060 }),
    legs: {
      agent: 'test',
      locate: () => {},
      flow: () => null,
      authorize: () => null,
      onRequest: (now, transaction) =>
        exchange.legs.accept(now, transaction, 'leg_1', { kind: 'device', accountId: 'a', deviceId: 'd' }, true),
    },
    host: { directories: { account: () => undefined } } as never,
    order: () => {},
    book: { named: (leg: string) => void named.push(leg) } as never,
    writer: {} as never,
    lineChanged: () => {},
    closed: () => {},
    openFailed: () => {},
    phonesChanged: () => {},
  })
  const lines = [
    'INVITE sip:102@192.0.2.1 SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1',
    'From: <sip:101@pbx.example>;tag=1',
    'To: <sip:102@pbx.example>',
    'Call-ID: 1',
    'CSeq: 1 INVITE',
    'Contact: <sip:101@192.0.2.7>',
    header,
  ]
  exchange.receive(parseMessage(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), source)
  exchange.stop()
  return { statuses, named }
}

it('nothing is kept of an INVITE that never becomes a call', () => {
  const replacing = invite('Replaces: nobody;to-tag=1;from-tag=2')
  expect(replacing.statuses).toContain('481')
  expect(replacing.named).toEqual([])
  const homeless = invite('Max-Forwards: 70')
  expect(homeless.statuses).toContain('403')
  expect(homeless.named).toEqual([])
})
