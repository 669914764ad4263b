import { expect, it } from 'vitest'
import { UdpListener } from './udp-listener.ts'

it('what should go to port 0 has failed: a datagram may name it as its source, and so may a Via or a Contact', async () => {
  const failed = Promise.withResolvers<string>()
  const listener = new UdpListener({
    port: 0,
    listenIp: '127.0.0.1',
    log: { info: () => {}, debug: () => {} } as never,
    received: () => {},
    failed: failed.resolve,
  })
  await listener.open()
  listener.send({ transport: 'udp', address: '127.0.0.1', port: 0, flow: null }, Buffer.from('x'), 'ticket')
  expect(await failed.promise).toBe('ticket')
  listener.close()
})
