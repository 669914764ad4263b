/**
 * T5 at the worst instants: the voice process is killed in the moment in which a phone hears that its call is answered,
 * acknowledged or ended. Whoever heard so can go on, and end the call; whoever did not is not left with half of one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, isAlive, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import type { Message } from './phone-message.ts'
import { mediaOf } from './sound.ts'

const repeats = [1, 2, 3]
const longMs = 30_000

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

/** Kills voice in the moment in which that phone gets such a message, and resolves then. */
function killWhen({ phone }: Telephone, pattern: RegExp): Promise<void> {
  const { voice } = carillon.pids
  return new Promise((resolve) => {
    const look = (bytes: Buffer) => {
      if (!pattern.test(bytes.toString())) return
      kill(voice)
      phone.socket.off('message', look)
      resolve()
    }
    phone.socket.prependListener('message', look)
  })
}

/** The ACK may be the next voice's, which has to start first. */
const answered = (taken: PhoneCall) => taken.answer(undefined, longMs)

const nextVoice = (before: number) =>
  until(() => {
    const { voice } = carillon.pids
    return voice > 0 && voice !== before ? voice : null
  }, 'voice runs again')

async function serves(): Promise<void> {
  await until(async () => (await carillon.ready()) === 200, 'it serves again', longMs)
}

/** They hear each other, one of them ends it, and there is one record. */
async function endsWell(call: PhoneCall, taken: PhoneCall, answer: Message, by: 'caller' | 'callee'): Promise<void> {
  alice.sound.play(440, mediaOf(answer.body))
  bob.sound.play(700, mediaOf(taken.invitation?.body ?? ''))
  await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
  const [ends, hears] = by === 'caller' ? [call, taken] : [taken, call]
  const [bye] = await Promise.all([ends.bye(), hears.ended()])
  expect(bye.status).toBe(200)
  alice.sound.forget()
  bob.sound.forget()
}

async function onceEach(): Promise<void> {
  const counts = async () => {
    const events = await organisation.callEvents()
    const of = (type: string) => events.filter((event) => event.type === type).map(({ resource }) => resource.id)
    const [started, ended] = [of('call.started'), of('call.ended')]
    expect(new Set(ended).size).toBe(ended.length)
    return new Set(started).size === ended.length && ended.length === of('cdr.final').length
  }
  await until(counts, 'one end of each call', longMs)
}

async function ring() {
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  await call.provisional(180)
  return { call, taken }
}

describe('the voice process is killed', () => {
  it.each(repeats)('as the caller gets its 200 (%i)', async () => {
    const { call, taken } = await ring()
    const killed = killWhen(alice, /^SIP\/2\.0 200[\s\S]*^CSeq: \d+ INVITE/m)
    const [answer] = await Promise.all([call.final(longMs), answered(taken), killed])
    await serves()
    await endsWell(call, taken, answer, 'caller')
    await onceEach()
  })

  it.each(repeats)('as the callee gets its ACK (%i)', async () => {
    const { call, taken } = await ring()
    const killed = killWhen(bob, /^ACK /)
    const [answer] = await Promise.all([call.final(longMs), answered(taken), killed])
    await serves()
    await endsWell(call, taken, answer, 'callee')
    await onceEach()
  })

  it.each(repeats)(
    'as the callee answers (%i): the call comes about, or the callee is told that it does not',
    async () => {
      const { call, taken } = await ring()
      const { voice } = carillon.pids
      const answering = answered(taken)
      kill(voice)
      await answering
      await serves()
      const lost = taken.received('BYE', longMs).then((bye) => void taken.respond(bye, 200, 'OK'))
      // Only one of the two comes.
      const outcome = await Promise.race([call.final(longMs).catch(() => null), lost.catch(() => null)])
      if (!outcome) call.cancel()
      else await endsWell(call, taken, outcome, 'callee')
      await onceEach()
    },
  )

  it.each(repeats)('as a BYE comes (%i): it has its 200, and the other hears of it', async () => {
    const { call, taken } = await ring()
    await Promise.all([call.final(), taken.answer()])
    const { voice } = carillon.pids
    const bye = call.bye()
    await new Promise((resolve) => setImmediate(resolve))
    kill(voice)
    const [answer] = await Promise.all([bye, taken.ended(longMs)])
    expect(answer.status).toBe(200)
    await nextVoice(voice)
    await serves()
  })

  it('when a BYE has its 200, which never comes: the next one says so again, to both', async () => {
    const { call, taken } = await ring()
    await Promise.all([call.final(), taken.answer()])
    await Promise.all([call.bye(), taken.ended()])
    await onceEach()
    const { voice } = carillon.pids
    kill(voice)
    await nextVoice(voice)
    await serves()
    const answers = await Promise.all([call.bye(), taken.bye()])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  })

  it('again and again, also while it starts', async () => {
    const { call, taken } = await ring()
    let { voice } = carillon.pids
    const killed = killWhen(alice, /^SIP\/2\.0 200[\s\S]*^CSeq: \d+ INVITE/m)
    const [answer] = await Promise.all([call.final(longMs), answered(taken), killed])
    for (let i = 0; i < 3; i++) {
      voice = await nextVoice(voice)
      kill(voice)
    }
    await nextVoice(voice)
    await serves()
    await endsWell(call, taken, answer, 'callee')
    await onceEach()
  })

  it('after its supervisor, which was killed as the caller got its 200', async () => {
    const { call, taken } = await ring()
    const { supervisor, api, voice } = carillon.pids
    const killed = new Promise<void>((resolve) => {
      const look = (bytes: Buffer) => {
        if (!/^SIP\/2\.0 200[\s\S]*^CSeq: \d+ INVITE/m.test(bytes.toString())) return
        kill(supervisor)
        alice.phone.socket.off('message', look)
        resolve()
      }
      alice.phone.socket.prependListener('message', look)
    })
    const [answer] = await Promise.all([call.final(longMs), answered(taken), killed])
    await until(() => ![supervisor, api, voice].some(isAlive), 'api and voice follow their supervisor')
    await carillon.start()
    const next = await nextVoice(voice)
    kill(next)
    await nextVoice(next)
    await serves()
    await endsWell(call, taken, answer, 'caller')
    await onceEach()
  })
})
