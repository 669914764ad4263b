/** Both ends of the bridge by which WebSockets of phones reach the voice process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Hop } from '../../engine/sip/hop.ts'
import { Bridge, type PhoneConnection } from './bridge.ts'
import { AddressQuota } from './address-quota.ts'
import { WebFlows } from './web-flows.ts'

const folder = mkdtempSync(join(tmpdir(), 'carillon-bridge-'))
const path = join(folder, 'phones.sock')
const peer = { address: '192.0.2.7', port: 40_000, isSecure: true }
afterAll(() => rmSync(folder, { recursive: true }))

/** What happens, in its order; `next` waits for one that begins like this. */
class Happenings {
  readonly #all: string[] = []
  #wake = () => {}

  note = (text: string): void => {
    this.#all.push(text)
    this.#wake()
  }

  async next(like: string): Promise<string> {
    for (;;) {
      const at = this.#all.findIndex((text) => text.startsWith(like))
      if (at >= 0) return this.#all.splice(at, 1)[0] ?? ''
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function voice(epoch: string, happenings: Happenings, sources: Hop[]): WebFlows {
  return new WebFlows({
    path,
    epoch,
    quota: new AddressQuota({ most: 2, refused: (address) => happenings.note(`refused ${address}`) }),
    log: { debug: () => {} } as never,
    received: (bytes, source) => {
      sources.push(source)
      happenings.note(`received ${Buffer.from(bytes)}`)
    },
    failed: (ticket) => happenings.note(`failed ${ticket}`),
    closed: (flow) => happenings.note(`flow closed ${flow}`),
  })
}

async function opened(bridge: Bridge, happenings: Happenings): Promise<PhoneConnection> {
  for (;;) {
    const connection = bridge.open(peer, {
      send: (message) => happenings.note(`to phone ${message}`),
      close: () => happenings.note('phone closed'),
    })
    if (connection !== null) return connection
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('one address has so many WebSockets, and another one when one of them has closed', async () => {
  const happenings = new Happenings()
  const flows = voice('quota', happenings, [])
  await flows.open()
  const bridge = new Bridge(path)
  const first = await opened(bridge, happenings)
  await opened(bridge, happenings)
  await opened(bridge, happenings)
  await happenings.next('refused 192.0.2.7')
  await happenings.next('phone closed')
  expect(flows.size).toBe(2)
  first.close()
  await happenings.next('flow closed ws:quota:1')
  const next = await opened(bridge, happenings)
  next.send(Buffer.from('there'))
  await happenings.next('received there')
  bridge.stop()
  flows.close()
})

it('messages go both ways, each by its flow; what closes is closed at the other end; a new process knows no old flow', async () => {
  const [happenings, sources] = [new Happenings(), [] as Hop[]]
  const flows = voice('one', happenings, sources)
  await flows.open()
  const bridge = new Bridge(path)
  const phone = await opened(bridge, happenings)
  phone.send(Buffer.from('hello'))
  await happenings.next('received hello')
  const [source] = sources
  expect(source).toEqual({ transport: 'wss', address: '192.0.2.7', port: 40_000, flow: 'ws:one:1' })
  if (source === undefined) return
  flows.send(source, Buffer.from('answer'), '')
  await happenings.next('to phone answer')

  phone.close()
  await happenings.next('flow closed ws:one:1')
  expect([flows.has('ws:one:1'), flows.size]).toEqual([false, 0])
  flows.send(source, Buffer.from('too late'), 'ticket')
  await happenings.next('failed ticket')

  const other = await opened(bridge, happenings)
  other.send(Buffer.from('again'))
  await happenings.next('received again')
  flows.close()
  await happenings.next('phone closed')
  await happenings.next('flow closed ws:one:2')

  const successor = voice('two', happenings, sources)
  await successor.open()
  const third = await opened(bridge, happenings)
  third.send(Buffer.from('there'))
  await happenings.next('received there')
  expect(sources.at(-1)?.flow).toBe('ws:two:1')
  expect(successor.has('ws:one:1')).toBe(false)
  bridge.stop()
  await happenings.next('flow closed ws:two:1')
  successor.close()
})
