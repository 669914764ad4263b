/** More than it can do: what is refused, and what never is (T8, T9). */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { Line } from './organisation.ts'
import { header } from './phone-message.ts'

const did = '+3225550100'

const { carillon, organisation, alice } = await openPhones(['alice'])
let carrier: Line

beforeAll(async () => {
  await organisation.direct(did, alice)
  carrier = await organisation.line('127.0.0.90', { trunk_order: 1 })
})

describe('overload (T8)', () => {
  it('T8: a new call is told when to come again; calls that are going on and calls for help are not', async () => {
    const exchange = await organisation.line('127.0.0.91', { category: 'pbx_connector', trunk_order: 9 })
    const [call, taken] = await Promise.all([carrier.phone.invite(did), alice.phone.ringing()])
    await Promise.all([call.final(), taken.answer()])
    // It does nothing for a while, as under a load that it cannot carry; meanwhile they wait in its sockets.
    const { voice } = carillon.pids
    process.kill(voice, 'SIGSTOP')
    onTestFinished(() => void process.kill(voice, 'SIGCONT'))
    const began = performance.now()
    const refusing = carrier.phone.invite(did)
    const holding = taken.reinvite(alice.phone.sdp('sendonly', 2))
    const helping = exchange.phone.invite('112')
    await until(() => performance.now() - began > 900, 'a stall')
    process.kill(voice, 'SIGCONT')
    const rescue = await carrier.phone.ringing()
    expect(rescue.invitation?.uri).toMatch(/^sip:112@/)
    const emergency = await helping
    await Promise.all([emergency.final(), rescue.answer()])
    await Promise.all([emergency.bye(), rescue.ended()])
    expect((await holding).status).toBe(200)
    const refused = await refusing
    const answer = await refused.final()
    expect(answer.status).toBe(503)
    expect(Number(header(answer, 'Retry-After'))).toBeGreaterThanOrEqual(1)
    expect(Number(header(answer, 'Retry-After'))).toBeLessThanOrEqual(5)
    await Promise.all([call.bye(), taken.ended()])
    // And a second later all is as it was.
    await until(async () => {
      const again = await carrier.phone.invite('+3225559999')
      return (await again.final()).status === 404
    }, 'calls are taken again')
    await organisation.call('DELETE', `trunks/${exchange.trunkId}`)
  })

  it('T8: an account’s own limit is no 503, which a carrier would take for a trunk that is down', async () => {
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, {
      billing: { max_number_incoming_calls: 1 },
    })
    const [call, taken] = await Promise.all([carrier.phone.invite(did), alice.phone.ringing()])
    await Promise.all([call.final(), taken.answer()])
    expect((await (await carrier.phone.invite(did)).final()).status).toBe(486)
    await Promise.all([call.bye(), taken.ended()])
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { max_calls: 1 })
    const out = await alice.phone.invite('0470123456')
    const there = await carrier.phone.ringing()
    await Promise.all([out.final(), there.answer()])
    expect((await (await alice.phone.invite('0470123456')).final()).status).toBe(480)
    await Promise.all([out.bye(), there.ended()])
  })
})

it('T9: drops and lag are metrics', async () => {
  const text = await (await fetch(`${carillon.url}/metrics`)).text()
  expect(text).toMatch(/^carillon_voice_loop_delay_seconds \d/m)
  expect(text).toMatch(/^carillon_udp_dropped\{use="sip"\} \d/m)
})
