import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { FromWorker } from './protocol.ts'
import { Telephony, type Voice } from './telephony.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port < 65_535 ? port : port - 1))
    })
  })
}

/** A voice process that keeps what it hears and waits for it. */
function aVoice(): {
  readonly voice: Voice
  readonly heard: (type: string) => Promise<void>
  readonly types: string[]
} {
  const types: string[] = []
  let wake = () => {}
  const voice = (message: FromWorker) => {
    if (message.type === 'rtp') types.push(...message.reports.map(({ type }) => type))
    wake()
  }
  const heard = async (type: string) => {
    while (!types.includes(type)) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { voice, heard, types }
}

const noMeetings = { joinLine: () => {}, partLine: () => {} }

it('T6: endpoints live on for 60 s without voice, and end then', async () => {
  const telephony = new Telephony({ rtpTimeoutMs: 60_000 }, noMeetings)
  const first = aVoice()
  telephony.connected(first.voice)
  telephony.handle([{ type: 'open', endpoint: 'a', port: await freePort(), address: '127.0.0.1' }])
  await first.heard('opened')
  telephony.disconnected(first.voice)
  vi.advanceTimersByTime(59_000)
  const second = aVoice()
  telephony.connected(second.voice)
  vi.advanceTimersByTime(120_000)
  expect(telephony.endpoints()).toHaveLength(1)
  telephony.disconnected(second.voice)
  vi.advanceTimersByTime(59_999)
  expect(telephony.endpoints()).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(telephony.endpoints()).toEqual([])
  const third = aVoice()
  telephony.connected(third.voice)
  await third.heard('closed')
  expect(first.types).toEqual(['opened'])
  await telephony.close()
})

it('somebody else who leaves is no voice', async () => {
  const telephony = new Telephony({ rtpTimeoutMs: 60_000 }, noMeetings)
  const { voice, heard } = aVoice()
  telephony.connected(voice)
  telephony.handle([{ type: 'open', endpoint: 'a', port: await freePort(), address: '127.0.0.1' }])
  await heard('opened')
  telephony.disconnected(() => {})
  vi.advanceTimersByTime(120_000)
  expect(telephony.endpoints()).toHaveLength(1)
  await telephony.close()
})

it('a recording that cannot be written ends while the call goes on', async () => {
  const telephony = new Telephony({ rtpTimeoutMs: 60_000 }, noMeetings)
  const { voice, heard, types } = aVoice()
  telephony.connected(voice)
  const path = join(import.meta.dirname, 'no-such-folder', 'r.wav')
  telephony.handle([
    { type: 'open', endpoint: 'a', port: await freePort(), address: '127.0.0.1' },
    { type: 'record', endpoint: 'a', path, sides: 'both' },
  ])
  const ticks = setInterval(() => telephony.tick(), 10)
  await heard('recorded')
  clearInterval(ticks)
  expect(types).not.toContain('closed')
  await telephony.close()
})
