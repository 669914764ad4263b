import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readDrops } from './socket-drops.ts'

it.skipIf(!existsSync('/proc/net/udp'))('T9: counts what a socket had no room for', async () => {
  const [full, sender] = [createSocket('udp4'), createSocket('udp4')]
  full.bind(0, '127.0.0.1')
  await once(full, 'listening')
  const { port } = full.address()
  const count = async () => (await readDrops((one) => (one === port ? 'full' : null))).get('full')
  expect(await count()).toBe(0)
  full.setRecvBufferSize(2_048)
  // All at once, before anybody can read.
  const bytes = Buffer.alloc(1_000)
  const sent = Array.from({ length: 100 }, () => new Promise((done) => sender.send(bytes, port, '127.0.0.1', done)))
  await Promise.all(sent)
  expect(await count()).toBeGreaterThan(0)
  full.close()
  sender.close()
})
