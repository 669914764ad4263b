/** What becomes of RTP on its way: payload types, one stream through everything that happens, codecs, and keys pressed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, until } from '../carillon.ts'
import { breaksOf, describeSound, hangUp, hearEachOther, packetsLike, type Talk, talk } from './conversation.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { header, type Message } from './phone-message.ts'
import { mediaOf, type Packet, type Sound } from './sound.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
let carol: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  ;[alice, bob, carol] = [
    await organisation.telephone('1001'),
    await organisation.telephone('1002'),
    await organisation.telephone('1003'),
  ]
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

const [pcma, pcmu, g722, g729] = ['8 PCMA/8000', '0 PCMU/8000', '9 G722/8000', '18 G729/8000'] as const
const withOpus = ['96 opus/48000/2', pcma, '97 telephone-event/48000', '98 telephone-event/8000']
const events = (payloadType: number) => `${payloadType} telephone-event/8000`
const sdpOf = ({ sound }: Telephone, codecs: readonly string[], attributes: readonly string[] = []) =>
  describeSound({ port: sound.port, codecs, attributes })

/** A call of its own, from silence to silence. */
async function during(
  codecs: { alice: readonly string[]; bob: readonly string[] },
  act: (talking: Talk) => Promise<void>,
): Promise<void> {
  for (const { sound } of [alice, bob, carol]) sound.packets.length = 0
  const talking = await talk(alice, bob, { offer: sdpOf(alice, codecs.alice), answer: sdpOf(bob, codecs.bob) })
  await act(talking)
  for (const { sound } of [alice, bob]) sound.silence()
  await hangUp(talking)
}

/** Sends frames that nobody decodes, until they arrive. */
async function arrives(from: Sound, to: string, payloadType: number, payload: Buffer, at: Sound): Promise<Packet> {
  const target = mediaOf(to)
  const timer = setInterval(() => from.send(payloadType, payload, target), 20)
  try {
    const [first] = await packetsLike(at.packets, (packet) => packet.payload.equals(payload))
    return first as Packet
  } finally {
    clearInterval(timer)
  }
}

describe('T22: payload types', () => {
  it('T22: telephone events are 101 for one phone and 96 for the other', async () => {
    await during({ alice: [pcma, events(101)], bob: [pcma, events(96)] }, async ({ toCaller, toCallee }) => {
      await hearEachOther([alice, 440], [bob, 700], { toCaller, toCallee })
      alice.sound.press('5', mediaOf(toCaller), 101)
      bob.sound.press('7', mediaOf(toCallee), 96)
      const isEnd = (digit: number, type: number) => (packet: Packet) =>
        packet.payloadType === type && packet.payload[0] === digit && ((packet.payload[1] ?? 0) & 0x80) !== 0
      await packetsLike(bob.sound.packets, isEnd(5, 96))
      await packetsLike(alice.sound.packets, isEnd(7, 101))
      expect(bob.sound.packets.some(({ payloadType }) => payloadType === 101)).toBe(false)
      expect(alice.sound.packets.some(({ payloadType }) => payloadType === 96)).toBe(false)
    })
  })

  it('T22: events at 48 kHz, which phones with Opus offer too, are not mistaken for those of 8 kHz', async () => {
    await during({ alice: withOpus, bob: [pcma, events(101)] }, async ({ toCaller }) => {
      expect(toCaller).toContain('a=rtpmap:98 telephone-event/8000')
      alice.sound.play(440, mediaOf(toCaller))
      await bob.sound.hears(440)
      alice.sound.press('3', mediaOf(toCaller), 98)
      await packetsLike(bob.sound.packets, ({ payloadType, payload }) => payloadType === 101 && payload[0] === 3)
    })
  })

  it('T22: Opus and its events pass through, under the numbers of each phone', async () => {
    const bobs = ['111 opus/48000/2', '112 telephone-event/48000']
    await during({ alice: withOpus, bob: bobs }, async ({ toCaller, toCallee }) => {
      expect(toCaller).toContain('a=rtpmap:96 opus/48000/2')
      expect(toCaller).toContain('a=rtpmap:97 telephone-event/48000')
      const [forth, back] = [Buffer.alloc(80, 0x5a), Buffer.alloc(80, 0xa5)]
      expect((await arrives(alice.sound, toCaller, 96, forth, bob.sound)).payloadType).toBe(111)
      expect((await arrives(bob.sound, toCallee, 111, back, alice.sound)).payloadType).toBe(96)
      alice.sound.press('8', mediaOf(toCaller), 97)
      await packetsLike(bob.sound.packets, ({ payloadType, payload }) => payloadType === 112 && payload[0] === 8)
    })
  })
})

describe('T22: codecs', () => {
  it('T22: PCMA on one side and PCMU on the other', async () => {
    await during({ alice: [pcma], bob: [pcmu] }, async (talking) => {
      await hearEachOther([alice, 440], [bob, 700], talking, [8, 0])
      expect(alice.sound.packets.every(({ payloadType }) => payloadType === 8)).toBe(true)
      expect(bob.sound.packets.every(({ payloadType }) => payloadType === 0)).toBe(true)
    })
  })

  it.each([
    ['G.722', g722, 9, 160],
    ['G.729', g729, 18, 20],
  ])('T22: %s passes through as it is', async (_name, codec, payloadType, length) => {
    const both = [codec, pcma]
    await during({ alice: both, bob: both }, async ({ toCaller, toCallee }) => {
      expect(toCaller).toMatch(new RegExp(`m=audio \\d+ RTP/AVP ${payloadType}`))
      const [forth, back] = [Buffer.alloc(length, 0x5a), Buffer.alloc(length, 0xa5)]
      await arrives(alice.sound, toCaller, payloadType, forth, bob.sound)
      await arrives(bob.sound, toCallee, payloadType, back, alice.sound)
    })
  })

  it('T22: a codec that only one side has gives way to the one that both have', async () => {
    await during({ alice: [g722, g729, pcma], bob: [pcmu, pcma] }, async (talking) => {
      expect(talking.toCallee).toContain('a=rtpmap:8 PCMA/8000')
      await hearEachOther([alice, 440], [bob, 700], talking)
    })
  })

  it.each([10, 60])('T22: packets of %i ms', async (ms) => {
    const [offer, answer] = [alice, bob].map((one) => sdpOf(one, [pcma], [`ptime:${ms}`]))
    for (const { sound } of [alice, bob]) sound.packets.length = 0
    const talking = await talk(alice, bob, { offer: offer ?? '', answer: answer ?? '' })
    await arrives(alice.sound, talking.toCaller, 8, Buffer.alloc(8 * ms, 0xd5), bob.sound)
    await arrives(bob.sound, talking.toCallee, 8, Buffer.alloc(8 * ms, 0x55), alice.sound)
    await hangUp(talking)
  })
})

describe('T22: one stream', () => {
  it('T22: one SSRC without a break through hold, transcoding and a transfer, marked where it begins anew', async () => {
    for (const { sound } of [alice, bob, carol]) sound.packets.length = 0
    const talking = await talk(alice, bob)
    await hearEachOther([alice, 440], [bob, 700], talking)
    await talking.taken.reinvite(describeSound({ port: bob.sound.port, version: 2, direction: 'sendonly' }))
    bob.sound.silence()
    const during = alice.sound.packets.length
    await until(() => alice.sound.packets.length > during + 30, 'music')
    await talking.taken.reinvite(describeSound({ port: bob.sound.port, version: 3 }))
    bob.sound.play(700, mediaOf(talking.toCallee))
    await alice.sound.hears(700)
    const refer = await talking.taken.request('REFER', [
      `Refer-To: <sip:1003@${organisation.realm}>`,
      `Contact: ${bob.phone.contact}`,
    ])
    expect(refer.status).toBe(202)
    const taken = await carol.phone.ringing()
    bob.sound.silence()
    const toCarol = taken.invitation?.body ?? ''
    await Promise.all([taken.answer(sdpOf(carol, [pcmu])), talking.taken.ended()])
    carol.sound.play(1_000, mediaOf(toCarol), 0)
    await alice.sound.hears(1_000)
    const marks = alice.sound.packets.filter(({ isMarked }) => isMarked).length
    expect(breaksOf(alice.sound.packets)).toEqual([])
    expect(marks).toBeGreaterThanOrEqual(3)
    for (const { sound } of [alice, carol]) sound.silence()
    await hangUp({ call: talking.call, taken })
  })
})

describe('T23: keys', () => {
  const infosOf = (telephone: Telephone) => telephone.phone.inbox.filter(({ method }) => method === 'INFO')

  it('T23: a key is relayed once, with its three ends', async () => {
    await during({ alice: [pcma, events(101)], bob: [pcma, events(101)] }, async ({ toCaller }) => {
      alice.sound.play(440, mediaOf(toCaller))
      await bob.sound.hears(440)
      alice.sound.press('9', mediaOf(toCaller))
      const isEvent = ({ payloadType }: Packet) => payloadType === 101
      await packetsLike(bob.sound.packets, isEvent, 6)
      await bob.sound.hears(440)
      const pressed = bob.sound.packets.filter(isEvent)
      expect(new Set(pressed.map(({ timestamp }) => timestamp)).size).toBe(1)
      expect(pressed.filter(({ payload }) => ((payload[1] ?? 0) & 0x80) !== 0)).toHaveLength(3)
      expect(pressed.map(({ isMarked }) => isMarked)).toEqual([true, false, false, false, false, false])
      expect(infosOf(bob)).toEqual([])
    })
  })

  it('T23: a phone that takes no events gets INFO, one for each key', async () => {
    await during({ alice: [pcma, events(101)], bob: [pcma] }, async ({ toCaller, taken }) => {
      alice.sound.play(440, mediaOf(toCaller))
      await bob.sound.hears(440)
      alice.sound.press('4', mediaOf(toCaller))
      const first = await taken.received('INFO')
      taken.respond(first, 200, 'OK')
      alice.sound.press('2', mediaOf(toCaller))
      const second = await taken.received('INFO')
      taken.respond(second, 200, 'OK')
      expect([first, second].map(signalOf)).toEqual(['4', '2'])
      expect(header(first, 'Content-Type')).toBe('application/dtmf-relay')
      await bob.sound.hears(440)
      expect(infosOf(bob)).toHaveLength(2)
    })
  })

  it.each([
    ['application/dtmf-relay', 'Signal=6\r\nDuration=160\r\n'],
    ['application/dtmf', '6'],
  ])('T23: a key in INFO (%s) becomes an event', async (type, body) => {
    await during({ alice: [pcma, events(101)], bob: [pcma, events(96)] }, async ({ call, toCaller }) => {
      alice.sound.play(440, mediaOf(toCaller))
      await bob.sound.hears(440)
      const answer = await call.request('INFO', [`Content-Type: ${type}`], body)
      expect(answer.status).toBe(200)
      const isEnd = ({ payloadType, payload }: Packet) =>
        payloadType === 96 && payload[0] === 6 && ((payload[1] ?? 0) & 0x80) !== 0
      await packetsLike(bob.sound.packets, isEnd, 3)
      await bob.sound.hears(440)
      const pressed = bob.sound.packets.filter(({ payloadType }) => payloadType === 96)
      expect(new Set(pressed.map(({ timestamp }) => timestamp)).size).toBe(1)
    })
  })
})

const signalOf = ({ body }: Message) => /^Signal=(.)/m.exec(body)?.[1]
