import { createSocket, type Socket } from 'node:dgram'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { perfect, UdpRelay } from './udp-relay.ts'

let server: Socket
let client: Socket
let relay: UdpRelay
const arrived: { bytes: string; from: number; atMs: number }[] = []

beforeEach(async () => {
  arrived.length = 0
  server = await bound()
  client = await bound()
  server.on('message', (bytes, from) =>
    arrived.push({ bytes: bytes.toString(), from: from.port, atMs: performance.now() }),
  )
  relay = await UdpRelay.open({ host: '127.0.0.1', upstreamPort: server.address().port, seed: 7 })
})
afterEach(() => {
  relay.close()
  server.close()
  client.close()
})

it('carries both ways, each client by an address of its own', async () => {
  const other = await bound()
  const [first] = await send(client, 'one')
  const [, second] = await send(other, 'two')
  expect(first?.bytes).toBe('one')
  expect(second?.from).not.toBe(first?.from)
  const back = new Promise<string>((resolve) => client.once('message', (bytes) => resolve(bytes.toString())))
  server.send('back', first?.from ?? 0, '127.0.0.1')
  expect(await back).toBe('back')
  other.close()
})

it('loses the same packets for the same seed', async () => {
  const lose = async () => {
    const own = await UdpRelay.open({ host: '127.0.0.1', upstreamPort: server.address().port, seed: 42 })
    own.set({ loss: 0.5 })
    arrived.length = 0
    for (let i = 0; i < 40; i++) client.send(String(i), own.port, '127.0.0.1')
    await until(() => own.passed + own.dropped === 40 && arrived.length === own.passed)
    own.close()
    return arrived.map(({ bytes }) => bytes).join()
  }
  const first = await lose()
  expect(await lose()).toBe(first)
  expect(first.split(',').length).toBeGreaterThan(8)
  expect(first.split(',').length).toBeLessThan(32)
})

it('delays, keeps order under jitter, and lets nothing through a cut', async () => {
  relay.set({ delayMs: 30, jitterMs: 20 })
  const sentAt = performance.now()
  for (let i = 0; i < 10; i++) client.send(String(i), relay.port, '127.0.0.1')
  await until(() => arrived.length === 10)
  expect(arrived.map(({ bytes }) => bytes)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  expect((arrived[0]?.atMs ?? 0) - sentAt).toBeGreaterThanOrEqual(29)
  relay.set({ ...perfect, isCut: true })
  client.send('cut', relay.port, '127.0.0.1')
  await until(() => relay.dropped === 1)
  expect(arrived.length).toBe(10)
})

it('drops what a capped link cannot queue', async () => {
  relay.set({ capBps: 80_000 }) // 10 bytes a millisecond: 250 ms of queue are 2,500 bytes
  const sentAt = performance.now()
  for (let i = 0; i < 50; i++) client.send(Buffer.alloc(100), relay.port, '127.0.0.1')
  await until(() => relay.passed + relay.dropped === 50)
  // One leaves the queue every 10 ms, and makes room for another.
  const left = (performance.now() - sentAt) / 10
  expect(relay.passed).toBeGreaterThanOrEqual(25)
  expect(relay.passed).toBeLessThanOrEqual(Math.ceil(27 + left))
})

async function send(socket: Socket, text: string): Promise<typeof arrived> {
  const before = arrived.length
  socket.send(text, relay.port, '127.0.0.1')
  await until(() => arrived.length > before)
  return arrived
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)))
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 10_000
  while (!isSo() && performance.now() < giveUpAt) await new Promise((resolve) => setImmediate(resolve))
  expect(isSo()).toBe(true)
}
