/** Calls through a real worker: sockets on loopback, tones compared by their frequency. */
import { createCipheriv } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SrtpReceiver, SrtpSender } from '../../engine/rtp/srtp.ts'
import { formatWavHeader, parseWav } from '../../engine/rtp/wav.ts'
import { loudness, sine, toneShare } from '../../engine/testing/goertzel.ts'
import { mutate } from '../../engine/testing/mutation.ts'
import { seededRandom } from '../../engine/testing/random.ts'
import { ownRtpPorts } from '../carillon.ts'
import { CallWorker, end, freePair, Phone } from './calls.ts'
import { until } from './worker.ts'

let worker: CallWorker
const phones: Phone[] = []
async function phone(...options: Parameters<typeof Phone.open>): Promise<Phone> {
  const one = await Phone.open(...options)
  phones.push(one)
  return one
}
beforeEach(async () => {
  worker = await CallWorker.start()
})
afterEach(async () => {
  for (const one of phones.splice(0)) one.close()
  await worker.stop()
})

/** A call in which both talk and hear each other. */
async function call(): Promise<[Phone, Phone]> {
  const [a, b] = [await phone({ hz: 440 }), await phone({ hz: 700 })]
  await worker.bridged(a, b)
  a.talk()
  b.talk()
  await Promise.all([a.hears(10), b.hears(10)])
  return [a, b]
}

describe.each(['127.0.0.1', '::1'])('a call over %s', (address) => {
  it('both hear each other, A-law on one side and µ-law on the other', async () => {
    const a = await phone({ hz: 440 }, address)
    const b = await phone({ hz: 700, law: 'PCMU' }, address)
    const only = (phone: Phone, name: string) => ({
      codecs: phone.describe().codecs.filter((one) => one.name === name),
    })
    await worker.bridged(a, b, only(a, 'PCMA'), only(b, 'PCMU'))
    a.talk()
    b.talk()
    const [sinceA, sinceB] = await Promise.all([a.hears(50), b.hears(50)])
    expect(toneShare(a.rtp.heard(sinceA + 5), 700)).toBeGreaterThan(0.95)
    expect(toneShare(b.rtp.heard(sinceB + 5), 440)).toBeGreaterThan(0.95)
    worker.client.order({ type: 'close', endpoint: 'a' })
    const { quality } = await worker.report('closed', 'a')
    expect(quality).toMatchObject({ codec: 'PCMA', packetsLost: 0, packetsRefused: 0 })
    expect(quality?.mos).toBeGreaterThan(4)
  })
})

it('a port that is taken is told, and the next one works', async () => {
  const port = await freePair()
  const blocker = createSocket('udp4')
  await new Promise<void>((resolve) => blocker.bind(port + 1, '127.0.0.1', resolve))
  worker.client.order({ type: 'open', endpoint: 'x', port, address: '127.0.0.1' })
  expect((await worker.report('open_failed', 'x')).message).toBe(`UDP port ${port + 1} is taken`)
  blocker.close()
  worker.client.order({ type: 'open', endpoint: 'y', port, address: '127.0.0.1' })
  await worker.report('opened', 'y')
})

it('an address that the machine does not have is told', async () => {
  worker.client.order({ type: 'open', endpoint: 'x', port: await freePair(), address: '192.0.2.1' })
  expect((await worker.report('open_failed', 'x')).message).toContain('192.0.2.1')
})

it('T10: RTP from a wrong address is neither heard nor followed', async () => {
  const [a, b] = await call()
  const stranger = await phone({ hz: 1_000 }, '127.0.0.2')
  stranger.to = a.to
  stranger.toAddress = a.address
  stranger.talk(() => stranger.rtp.speech())
  const since = await b.hears(50)
  expect(toneShare(b.rtp.heard(since), 440)).toBeGreaterThan(0.95)
  expect(stranger.rtp.packets).toEqual([])
  worker.client.order({ type: 'close', endpoint: 'a' })
  expect((await worker.report('closed', 'a')).quality?.packetsRefused).toBeGreaterThan(10)
})

it('M9: a flood of spoiled packets from a peer harms no other call', async () => {
  await call()
  const [c, d, mal] = [await phone({ hz: 500 }), await phone({ hz: 900 }), await phone()]
  await worker.leg('mal', mal)
  await worker.leg('c', c)
  await worker.leg('d', d)
  worker.client.order({ type: 'bridge', a: 'c', b: 'd' })
  c.talk()
  d.talk()
  const random = seededRandom(6)
  mal.talk(() => {
    for (let i = 0; i < 20; i++) mal.send(mutate(random, mal.rtp.speech()))
    mal.sendControl(mutate(random, Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7])))
    return new Uint8Array(0)
  })
  const since = await d.hears(100)
  expect(toneShare(d.rtp.heard(since), 500)).toBeGreaterThan(0.95)
  expect(worker.process.exitCode).toBeNull()
  worker.client.order({ type: 'close', endpoint: 'mal' })
  await worker.report('closed', 'mal')
})

it('T23: a key is one digit, and heard by the other side too', async () => {
  const [a, b] = await call()
  a.hush()
  for (const packet of a.rtp.key(9, 101)) a.send(packet)
  expect(await worker.report('dtmf', 'a')).toMatchObject({ digit: '9', durationMs: 80 })
  await until('events at b', () => b.rtp.packets.filter(({ payload }) => payload === 101).length === 6)
  expect(worker.of('dtmf')).toHaveLength(1)
})

it('plays a file on the clock, to its end', async () => {
  const a = await phone()
  await worker.leg('a', a)
  a.send(a.rtp.speech())
  const path = join(worker.folder, 'prompt.wav')
  const samples = sine(600, 8_000)
  writeFileSync(path, Buffer.concat([formatWavHeader(1, 8_000, 16_000), new Uint8Array(samples.buffer)]))
  worker.client.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'file', path, repeat: false } })
  expect(await worker.report('played', 'a')).toMatchObject({ play: 'p', reason: 'end' })
  await until('all of it', () => a.rtp.heard().length >= 8_000)
  expect(toneShare(a.rtp.heard().subarray(-7_500), 600)).toBeGreaterThan(0.98)
  const none = { type: 'file', path: `${path}.none`, repeat: false } as const
  worker.client.order({ type: 'play', endpoint: 'a', play: 'q', source: none })
  await until('the second one', () => worker.of('played').length === 2)
  expect(worker.of('played')[1]).toMatchObject({ play: 'q', reason: 'error' })
})

it('records both sides', async () => {
  const [a] = await call()
  const path = join(worker.folder, 'call.wav')
  worker.client.order({ type: 'record', endpoint: 'a', path, sides: 'both' })
  // Two seconds, and what may wait in the socket from before.
  await a.hears(150)
  worker.client.order({ type: 'record_stop', endpoint: 'a' })
  const { durationMs, message } = await worker.report('recorded', 'a')
  expect(message).toBeUndefined()
  expect(durationMs).toBeGreaterThan(1_800)
  const bytes = readFileSync(path)
  const sound = parseWav(bytes)
  expect('reason' in sound ? 0 : sound.length / 8).toBe(durationMs)
  const raw = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) >> 1)
  const side = (from: 0 | 1) => raw.filter((_, i) => i % 2 === from).subarray(2_000)
  expect(tonedPart(side(0), 440)).toBeGreaterThan(0.7)
  expect(tonedPart(side(1), 700)).toBeGreaterThan(0.7)
})

/** How much of it, frame by frame, is that tone and nothing else; a busy machine may stumble in some. */
function tonedPart(samples: Int16Array, hz: number): number {
  const count = Math.floor(samples.length / 160)
  const isToned = (_: unknown, i: number) => toneShare(samples.subarray(160 * i, 160 * (i + 1)), hz) > 0.8
  return Array.from({ length: count }).filter(isToned).length / count
}

it('a recording whose file cannot be made says so', async () => {
  await call()
  const path = join(worker.folder, 'no-such-folder', 'call.wav')
  worker.client.order({ type: 'record', endpoint: 'a', path, sides: 'received' })
  worker.client.order({ type: 'record_stop', endpoint: 'a' })
  expect((await worker.report('recorded', 'a')).message).toContain('ENOENT')
})

it('SRTP on one leg', async () => {
  const suite = 'AES_CM_128_HMAC_SHA1_80'
  const [theirs, ours] = ['A'.repeat(40), 'B'.repeat(40)]
  const aes = (key: Uint8Array) => {
    const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    return (blocks: Uint8Array) => cipher.update(blocks)
  }
  const [a, b] = [await phone({ hz: 440 }), await phone({ hz: 700 })]
  await worker.bridged(a, b, { srtp: { suite, receive: theirs, send: ours } })
  const [sender, receiver] = [new SrtpSender(aes, suite, theirs), new SrtpReceiver(aes, suite, ours)]
  a.onPacket = (bytes) => bytes.subarray(0, receiver.unprotect(bytes))
  a.talk(() => {
    const room = new Uint8Array(200)
    room.set(a.rtp.speech())
    return room.subarray(0, sender.protect(room, 172))
  })
  b.talk()
  const [sinceA, sinceB] = await Promise.all([a.hears(50), b.hears(50)])
  expect(toneShare(a.rtp.heard(sinceA + 5), 700)).toBeGreaterThan(0.95)
  expect(toneShare(b.rtp.heard(sinceB + 5), 440)).toBeGreaterThan(0.95)
})

it('a thousand legs later every port and every file is free again', async () => {
  const one = await phone()
  const files = () => readdirSync(`/proc/${worker.process.pid}/fd`).length
  const before = files()
  for (let round = 0; round < 20; round++) {
    const legs = Array.from({ length: 50 }, (_, i) => `${round}/${i}`)
    for (const [i, endpoint] of legs.entries()) {
      const port = ownRtpPorts + 4_000 + (round * 50 + i) * 2
      worker.client.order({ type: 'open', endpoint, port, address: '127.0.0.1' })
      worker.client.order({ type: 'remote', endpoint, remote: one.describe() })
      worker.client.order({ type: 'bridge', a: endpoint, b: legs[i ^ 1] ?? '' })
      worker.client.order({ type: 'play', endpoint, play: endpoint, source: { type: 'silence' } })
    }
    for (const endpoint of legs) await worker.report('opened', endpoint)
    for (const endpoint of legs) worker.client.order({ type: 'close', endpoint })
    for (const endpoint of legs) await worker.report('closed', endpoint)
    worker.reports.length = 0
  }
  expect(files()).toBe(before)
})

describe('T6', () => {
  it('voice dies: media goes on, and the next one takes the call over and ends it', async () => {
    const [a, b] = await call()
    const remote = [a.describe(), b.describe()] as const
    await worker.restartVoice()
    await Promise.all([a.hears(20), b.hears(20)])
    ;['a', 'b'].forEach((endpoint, i) => {
      const port = i === 0 ? a.to : b.to
      worker.client.order({ type: 'open', endpoint, port, address: '127.0.0.1' })
      worker.client.order({ type: 'remote', endpoint, remote: remote[i] ?? a.describe() })
    })
    worker.client.order({ type: 'bridge', a: 'a', b: 'b' })
    worker.client.settled()
    const since = b.rtp.packets.length
    await b.hears(20)
    const steps = b.rtp.packets
      .slice(since)
      .map(({ sequence }, i) => sequence - (b.rtp.packets[since + i - 1]?.sequence ?? 0))
    expect(steps.every((step) => (step & 0xffff) === 1)).toBe(true)
    worker.client.order({ type: 'close', endpoint: 'a' })
    expect((await worker.report('closed', 'a')).quality?.packetsLost).toBe(0)
  })

  it('what the next voice does not know is closed', async () => {
    const [a] = await call()
    await worker.restartVoice()
    worker.client.settled()
    const gone = async () => {
      const socket = createSocket('udp4')
      const isFree = await new Promise<boolean>((resolve) => {
        socket.once('error', () => resolve(false))
        socket.bind({ port: a.to, address: '127.0.0.1', exclusive: true }, () => resolve(true))
      })
      socket.close()
      return isFree
    }
    let isFree = false
    await until('the port is free', () => {
      gone().then((is) => {
        isFree ||= is
      })
      return isFree
    })
  })

  it('a digit that was pressed while no voice was there is told to the next one', async () => {
    const [a] = await call()
    worker.client.stop()
    await a.hears(5) // so that the worker knows
    for (const packet of a.rtp.key(4, 101)) a.send(packet)
    await worker.restartVoice()
    worker.client.order({ type: 'open', endpoint: 'a', port: a.to, address: '127.0.0.1' })
    expect(await worker.report('dtmf', 'a')).toMatchObject({ digit: '4' })
  })

  it('the worker dies: its successor has the same ports, and both hear each other again within 2 s', async () => {
    const [a, b] = await call()
    const took: number[] = []
    // The quickest of a few: what a busy machine adds to a start is not ours.
    for (let deaths = 0; deaths < 4 && Math.min(...took) >= 2_000; deaths++) {
      await end(worker.process, 'SIGKILL')
      worker.launch()
      const [sinceA, sinceB] = [a.rtp.packets.length, b.rtp.packets.length]
      const isBack = () => a.rtp.packets.length > sinceA + 5 && b.rtp.packets.length > sinceB + 5
      took.push(await until('media is back', isBack))
    }
    expect(Math.min(...took)).toBeLessThan(2_000)
    const since = await b.hears(30)
    expect(loudness(b.rtp.heard(since))).toBeGreaterThan(4_000)
    expect(toneShare(b.rtp.heard(since), 440)).toBeGreaterThan(0.95)
    expect(worker.of('opened', 'a')).toHaveLength(1)
    worker.client.order({ type: 'close', endpoint: 'a' })
    await worker.report('closed', 'a')
  })

  it('a successor that finds a port taken records on when it has it', async () => {
    const [a] = await call()
    const paths: string[] = []
    const record = () => {
      paths.push(join(worker.folder, `part-${paths.length + 1}.wav`))
      worker.client.order({ type: 'record', endpoint: 'a', path: paths.at(-1) ?? '', sides: 'received' })
    }
    const takeUp = () => void (worker.of('recorded').length === paths.length && record())
    record()
    await end(worker.process, 'SIGKILL')
    const blocker = createSocket('udp4')
    await new Promise<void>((resolve) => blocker.bind(a.to, '127.0.0.1', resolve))
    worker.launch()
    await until('another part is ordered', () => {
      takeUp()
      return paths.length > 1
    })
    blocker.close()
    const since = a.rtp.packets.length
    await until('media is back', () => {
      takeUp()
      return a.rtp.packets.length > since + 30
    })
    worker.client.order({ type: 'record_stop', endpoint: 'a' })
    await until('the last part is whole', () => worker.of('recorded').length === paths.length)
    expect(worker.of('recorded').at(-1)).not.toHaveProperty('message')
    expect(worker.of('recorded').at(-1)?.durationMs).toBeGreaterThan(200)
  })

  it('no worker at all: a call that waits is told', async () => {
    await end(worker.process, 'SIGKILL')
    await until('voice knows', () => !worker.client.isUp)
    worker.client.order({ type: 'open', endpoint: 'x', port: 30_000, address: '127.0.0.1' })
    expect((await worker.report('open_failed', 'x')).message).toContain('away')
    worker.launch()
    await until('the worker is up', () => worker.client.isUp)
    expect(worker.of('opened', 'x')).toEqual([])
  })
})
