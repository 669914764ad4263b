/** Offers and answers as phones make them, well and badly: what of it reaches the other phone, and what is said back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, until } from '../carillon.ts'
import { describeSound, hangUp, hearEachOther, linesOf, originOf, portOf, talk } from './conversation.ts'
import { Organisation, type Telephone } from './organisation.ts'
import { mediaOf, partAt, Sound } from './sound.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
const others: Sound[] = []

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
})

afterEach(() => {
  for (const { sound } of [alice, bob]) sound.forget()
})

afterAll(async () => {
  for (const one of others) one.close()
  organisation?.close()
  await carillon?.destroy()
})

async function socket(): Promise<Sound> {
  const one = await Sound.open()
  others.push(one)
  return one
}

const contact = () => [`Contact: ${alice.phone.contact}`]

describe('T21: without SDP', () => {
  it('T21: an INVITE without SDP gets an offer, and the ACK has the answer', async () => {
    const call = await alice.phone.invite('1002', { sdp: null })
    const taken = await bob.phone.ringing()
    const [answer] = await Promise.all([call.final(undefined, alice.phone.sdp()), taken.answer()])
    expect(linesOf(answer.body)).toEqual([['audio', expect.any(Number)]])
    expect(answer.body).toContain('a=rtpmap:8 PCMA/8000')
    await hearEachOther([alice, 440], [bob, 700], { toCaller: answer.body, toCallee: taken.invitation?.body ?? '' })
    await hangUp({ call, taken })
  })

  it('T21: a re-INVITE without SDP is answered by what holds already', async () => {
    const { call, taken, toCaller, toCallee } = await talk(alice, bob)
    const answer = await call.request('INVITE', contact())
    call.ack(answer, alice.phone.sdp('sendrecv', 2))
    expect(answer.status).toBe(200)
    expect(mediaOf(answer.body)).toEqual(mediaOf(toCaller))
    await hearEachOther([alice, 440], [bob, 700], { toCaller: answer.body, toCallee })
    await hangUp({ call, taken })
  })
})

describe('T21: hold', () => {
  it.each([
    ['sendonly', { direction: 'sendonly' }, 'recvonly'],
    ['inactive', { direction: 'inactive' }, 'inactive'],
    ['0.0.0.0', { address: '0.0.0.0' }, 'recvonly'],
  ])('T21: as %s; the other hears music and not the room, and both come back', async (_name, how, answered) => {
    const talking = await talk(alice, bob)
    await hearEachOther([alice, 440], [bob, 700], talking)
    const held = (await organisation.callEvents()).filter(({ type }) => type === 'call.held').length
    const answer = await talking.call.reinvite(describeSound({ port: alice.sound.port, version: 2, ...how }))
    expect(answer.status).toBe(200)
    expect(answer.body).toContain(`a=${answered}`)
    expect(Number(originOf(answer.body).split(' ')[2])).toBe(Number(originOf(talking.toCaller).split(' ')[2]) + 1)
    await organisation.eventOf('call.held', held)
    await until(() => isMusic(bob.sound.recent()), 'music for Bob')
    alice.sound.packets.length = 0
    const back = await talking.call.reinvite(describeSound({ port: alice.sound.port, version: 3 }))
    expect(back.body).toContain('a=sendrecv')
    await organisation.eventOf('call.resumed', held)
    await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
    await hangUp(talking)
  })

  it('T21: by UPDATE, and by the one who was called', async () => {
    const talking = await talk(alice, bob)
    await hearEachOther([alice, 440], [bob, 700], talking)
    const lines = [`Contact: ${bob.phone.contact}`]
    const held = describeSound({ port: bob.sound.port, version: 2, direction: 'sendonly' })
    const answer = await talking.taken.request('UPDATE', lines, held)
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('a=recvonly')
    await until(() => isMusic(alice.sound.recent()), 'music for Alice')
    const back = await talking.taken.request('UPDATE', lines, describeSound({ port: bob.sound.port, version: 3 }))
    expect(back.body).toContain('a=sendrecv')
    await alice.sound.hears(700)
    await hangUp(talking)
  })

  it('T21: the o= line stays as it was when nothing changed', async () => {
    const talking = await talk(alice, bob)
    const again = await talking.call.reinvite(alice.phone.sdp())
    expect(originOf(again.body)).toBe(originOf(talking.toCaller))
    const held = await talking.call.reinvite(alice.phone.sdp('sendonly', 2))
    const heldAgain = await talking.call.reinvite(alice.phone.sdp('sendonly', 2))
    expect(originOf(held.body)).not.toBe(originOf(again.body))
    expect(originOf(heldAgain.body)).toBe(originOf(held.body))
    await hangUp(talking)
  })
})

describe('T21: other m-lines', () => {
  it('T21: every m-line is answered in order, an unknown one with port 0', async () => {
    const offer = describeSound({
      port: alice.sound.port,
      before: ['m=application 5000 TCP/BFCP *', 'm=text 5002 RTP/AVP 98'],
      after: ['m=audio 5004 RTP/AVP 0', 'm=message 5006 TCP/MSRP *'],
    })
    const talking = await talk(alice, bob, { offer })
    const lines = linesOf(talking.toCaller)
    expect(lines.map(([kind]) => kind)).toEqual(['application', 'text', 'audio', 'audio', 'message'])
    expect(lines.map(([, port]) => port !== 0)).toEqual([false, false, true, false, false])
    await hearEachOther([alice, 440], [bob, 700], talking)
    await hangUp(talking)
  })

  it('T21: the video of a door phone reaches whoever shows it', async () => {
    const [camera, screen] = [await socket(), await socket()]
    const video = (port: number) => [`m=video ${port} RTP/AVP 96`, 'a=rtpmap:96 H264/90000', 'a=sendrecv']
    const talking = await talk(alice, bob, {
      offer: describeSound({ port: alice.sound.port, after: video(camera.port) }),
      answer: describeSound({ port: bob.sound.port, after: video(screen.port) }),
    })
    expect(talking.toCallee).toContain('H264/90000')
    const toCamera = { address: '127.0.0.1', port: portOf(talking.toCaller, 'video') }
    const toScreen = { address: '127.0.0.1', port: portOf(talking.toCallee, 'video') }
    await exchange(camera, toCamera, screen, toScreen)
    await hangUp(talking)
  })

  it('T21: video is refused where the other has none, and the call is a call', async () => {
    const offer = describeSound({ port: alice.sound.port, after: ['m=video 5000 RTP/AVP 96', 'a=rtpmap:96 VP8/90000'] })
    const answer = `${describeSound({ port: bob.sound.port })}m=video 0 RTP/AVP 96\r\n`
    const talking = await talk(alice, bob, { offer, answer })
    expect(linesOf(talking.toCaller).at(-1)).toEqual(['video', 0])
    await hearEachOther([alice, 440], [bob, 700], talking)
    await hangUp(talking)
  })

  const fax = (port: number) => [`m=image ${port} udptl t38`, 'a=T38FaxVersion:0', 'a=T38MaxBitRate:14400']

  it('T21: T.38 is relayed when both sides have it', async () => {
    const talking = await talk(alice, bob)
    const [sender, receiver] = [await socket(), await socket()]
    const offering = talking.call.reinvite(describeSound({ port: 0, version: 2, after: fax(sender.port) }))
    const invite = await talking.taken.received('INVITE')
    expect(invite.body).toContain('udptl t38')
    const answer = describeSound({ port: 0, version: 2, after: fax(receiver.port) })
    talking.taken.respond(invite, 200, 'OK', { body: answer })
    const [answered] = await Promise.all([offering, talking.taken.received('ACK')])
    expect(answered.status).toBe(200)
    const toSender = { address: '127.0.0.1', port: portOf(answered.body, 'image') }
    const toReceiver = { address: '127.0.0.1', port: portOf(invite.body, 'image') }
    await exchange(sender, toSender, receiver, toReceiver)
    await hangUp(talking)
  })

  it('T21: T.38 is refused where the other does not want it, and the call stays up', async () => {
    const talking = await talk(alice, bob)
    const offering = talking.call.reinvite(describeSound({ port: 0, version: 2, after: fax(5_000) }))
    const invite = await talking.taken.received('INVITE')
    talking.taken.respond(invite, 488, 'Not Acceptable Here')
    expect((await offering).status).toBe(488)
    await talking.taken.received('ACK')
    await hearEachOther([alice, 440], [bob, 700], talking)
    await hangUp(talking)
  })
})

/** Datagrams that no call logic reads come through both ways, as they are. */
async function exchange(
  a: Sound,
  toA: { address: string; port: number },
  b: Sound,
  toB: { address: string; port: number },
): Promise<void> {
  const payload = (text: string) => Buffer.from(`${text} of a stream that nobody looks into`)
  const timer = setInterval(() => {
    a.send(96, payload('forth'), toA)
    b.send(96, payload('back'), toB)
  }, 20)
  const has = (one: Sound, text: string) => one.packets.some((packet) => packet.payload.includes(`${text} of a stream`))
  try {
    await until(() => has(a, 'back') && has(b, 'forth'), 'both ways')
  } finally {
    clearInterval(timer)
  }
}

/** Loud, and neither of the tones. */
function isMusic(samples: Int16Array): boolean {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length)
  return power > 40_000 && partAt(samples, 440) < 0.2 && partAt(samples, 700) < 0.2
}
