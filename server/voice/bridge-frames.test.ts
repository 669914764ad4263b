import { expect, it } from 'vitest'
import { formatFrame, type Frame, FrameReader } from './bridge-frames.ts'

it('frames come out as they went in, however the socket cuts them', () => {
  const bytes = Buffer.concat([
    formatFrame('opened', 1, Buffer.from('{}')),
    formatFrame('message', 0xffff_ffff, Buffer.from('\r\n\r\n')),
    formatFrame('closed', 2),
  ])
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new FrameReader()
    const frames: Frame[] = []
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)))
    expect(frames.map(({ kind, id, payload }) => [kind, id, payload.toString()])).toEqual([
      ['opened', 1, '{}'],
      ['message', 0xffff_ffff, '\r\n\r\n'],
      ['closed', 2, ''],
    ])
  }
})

it('a frame of no kind is our own fault', () => {
  const frame = formatFrame('closed', 1)
  frame.writeUInt8(9, 4)
  expect(() => new FrameReader().push(frame)).toThrow('of no kind')
})
