import { expect, it } from 'vitest'
import { parseMessage } from '../../engine/sip/message.ts'
import { Reception } from './reception.ts'

/** The status of the answer to a request whose User-Agent is that. */
function answerTo(method: string, userAgent: string): number | undefined {
  const reception = new Reception({
    doorkeeper: { admit: () => ({ kind: 'refused', status: 401 }) },
  } as never)
  const head = [`${method} sip:pbx.example SIP/2.0`, 'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1']
  const from = ['From: <sip:101@pbx.example>;tag=1', 'To: <sip:101@pbx.example>', 'Call-ID: 1', `CSeq: 1 ${method}`]
  const request = parseMessage(Buffer.from([...head, ...from, `User-Agent: ${userAgent}`, '', ''].join('\r\n')))
  if (request.isFault) throw new Error(request.reason)
  let answered: number | undefined
  const respond = (_now: number, { status }: { status: number }) => {
    answered = status
  }
  reception.receive(0, { method, request, source: {}, respond } as never, {} as never)
  return answered
}

it('T7: what the database could not keep is no registration and no subscription, and holds up nobody else’s', () => {
  for (const method of ['REGISTER', 'SUBSCRIBE']) {
    expect(answerTo(method, 'phone')).toBe(401)
    expect(answerTo(method, 'ph\0ne')).toBe(400)
  }
})

it('RFC 3261 §15.1.2: a BYE or a PRACK outside of every dialog is a 481, and no method that we do not know', () => {
  for (const method of ['BYE', 'PRACK']) expect(answerTo(method, 'phone')).toBe(481)
  expect(answerTo('JUMP', 'phone')).toBe(501)
})
