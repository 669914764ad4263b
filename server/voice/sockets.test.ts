import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { Sockets } from './sockets.ts'

const folder = mkdtempSync(join(tmpdir(), 'carillon-sockets-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A TCP port whose UDP twin is free; the server holds it. */
async function takenPort(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { server, port: address.port }
}

it('a port that is taken at first is opened later: what was open already stands in nobody’s way', async () => {
  const { server, port } = await takenPort()
  const nothing = () => {}
  const sockets = new Sockets({
    listenIp: '127.0.0.1',
    port,
    extraPorts: [],
    tls: { cert: '', key: '' },
    mostPerAddress: 10,
    bridgePath: join(folder, 'bridge.sock'),
    addresses: {} as never,
    log: { info: nothing, debug: nothing, warn: nothing } as never,
    epoch: 'e',
    received: nothing,
    failed: nothing,
    closed: nothing,
  })
  await expect(sockets.open()).rejects.toThrow('EADDRINUSE')
  const udp = createSocket('udp4').bind(port, '127.0.0.1')
  await once(udp, 'listening')
  await new Promise<void>((resolve) => udp.close(() => resolve()))
  await new Promise((resolve) => server.close(resolve))
  await sockets.open()
  const phone = connect(port, '127.0.0.1')
  await once(phone, 'connect')
  phone.destroy()
  sockets.close()
})
