/** What the api is told of what was written: at once, and under load not for each batch. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { LineReader } from '../media/lines.ts'
import { Control } from './control.ts'

async function opened() {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-control-'))
  const control = new Control(join(folder, 'voice.sock'), {
    changed: async () => {},
    command: () => null,
    phones: () => [],
    dropPhone: () => {},
    sandboxCall: () => false,
    figures: () => {
      throw new Error('nobody asks')
    },
  })
  await control.open()
  const socket = connect(join(folder, 'voice.sock'))
  const told: string[] = []
  const lines = new LineReader((line) => told.push(JSON.parse(line).type))
  socket.on('data', (bytes) => lines.push(bytes))
  const countOf = (type: string) => told.filter((one) => one === type).length
  const untilPhones = async (count: number) => {
    while (countOf('phones') < count) await once(socket, 'data')
  }
  await untilPhones(1) // it knows the socket
  /** How many times it said so up to now: what is said is in order. */
  const words = async () => {
    const phones = countOf('phones')
    control.phonesChanged()
    await untilPhones(phones + 1)
    return countOf('wrote')
  }
  const close = async () => {
    const closed = once(socket, 'close')
    control.close()
    await closed
    rmSync(folder, { recursive: true })
  }
  return { control, words, close }
}

it('says that something was written at once, and once more for all that comes in the next moment', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { control, words, close } = await opened()
  control.wrote()
  expect(await words()).toBe(1)
  for (let batch = 0; batch < 5; batch++) control.wrote()
  vi.advanceTimersByTime(19)
  expect(await words()).toBe(1)
  vi.advanceTimersByTime(1)
  expect(await words()).toBe(2)
  vi.advanceTimersByTime(1_000)
  expect(await words()).toBe(2)
  control.wrote() // a lone batch waits for nobody
  expect(await words()).toBe(3)
  vi.useRealTimers()
  await close()
})
