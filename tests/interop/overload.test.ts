/** More than it can do: what is refused, and what never is (T8, T9). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, until } from '../carillon.ts'
import { type Line, Organisation, type Telephone } from './organisation.ts'
import { header } from './phone.ts'

const did = '+3225550100'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let carrier: Line

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  await organisation.call('PUT', 'phone_numbers', { number: did })
  await organisation.callflow([did], { module: 'user', data: { id: alice.userId } })
  carrier = await organisation.line('127.0.0.90', { trunk_order: 1 })
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

describe('overload (T8)', () => {
  it('T8: a new call is told when to come again; calls that are going on and calls for help are not', async () => {
    const exchange = await organisation.line('127.0.0.91', { category: 'pbx_connector', trunk_order: 9 })
    const [call, taken] = await Promise.all([carrier.phone.invite(did), alice.phone.ringing()])
    await Promise.all([call.final(), taken.answer()])
    // It does nothing for a while, as under a load that it cannot carry; meanwhile they wait in its sockets.
    const { voice } = carillon.pids
    process.kill(voice, 'SIGSTOP')
    const began = performance.now()
    const refusing = carrier.phone.invite(did)
    const holding = taken.reinvite(alice.phone.sdp('sendonly', 2))
    const helping = exchange.phone.invite('112')
    await until(() => performance.now() - began > 400, 'a stall')
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

describe('under load (T9)', () => {
  it('T9: says which sysctl to set where the socket’s buffer is smaller than it wants', () => {
    const most = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'))
    expect(carillon.output.includes('net.core.rmem_max')).toBe(most < 4 * 1024 * 1024)
  })

  it('T9: drops and lag are metrics', async () => {
    const text = await (await fetch(`${carillon.url}/metrics`)).text()
    expect(text).toMatch(/^carillon_voice_loop_delay_seconds \d/m)
    expect(text).toMatch(/^carillon_udp_dropped\{use="sip"\} \d/m)
  })

  it('T9: answers as fast as before while a long history is read', async () => {
    const rows = 100_000
    await insertCalls(rows)
    const quiet = await answerTimes(() => true)
    let isRead = false
    const reading = readHistory().finally(() => (isRead = true))
    const busy = await answerTimes(() => isRead)
    expect(await reading).toBeGreaterThanOrEqual(rows)
    expect(middle(busy) - middle(quiet)).toBeLessThan(50)
  })
})

/** Of an instance's whole history, page by page. */
async function readHistory(): Promise<number> {
  const { accountId } = organisation
  let count = 0
  for (let after = ''; ; ) {
    const query = `limit=10000${after === '' ? '' : `&cursor=${encodeURIComponent(after)}`}`
    const page = await carillon.call('GET', `/v3.0/calls_history/outgoing?${query}`, undefined, {
      'x-account-id': accountId,
    })
    count += page.data.length
    if (!page.next) return count
    after = page.next
  }
}

/** Milliseconds from a question to its answer, at least fifty of them, until `isOver`. */
async function answerTimes(isOver: () => boolean): Promise<number[]> {
  const times: number[] = []
  while (times.length < 50 || (!isOver() && times.length < 5_000)) {
    const began = performance.now()
    const { phone } = alice
    const id = Math.random()
    await phone.ask(
      'OPTIONS',
      `sip:${organisation.realm}`,
      ['From: <sip:a@b>;tag=1', 'To: <sip:c@d>', `Call-ID: ${id}`],
      1,
    )
    times.push(performance.now() - began)
  }
  return times
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

async function insertCalls(rows: number): Promise<void> {
  const folder = join(carillon.dataDir, 'postgres')
  const password = readFileSync(join(folder, 'password'), 'utf8').trim()
  const where = { host: join(folder, 'sockets'), port: 5432, database: 'postgres' }
  const db = new pg.Client({ ...where, user: 'postgres', password })
  await db.connect()
  try {
    await db.query(
      `insert into calls (id, account_id, direction, caller_number, called_number, started_at, ended_at, heartbeat_at,
        hangup_cause, ended_by, duration_seconds, billing_seconds, node)
      select 'call_' || lpad(to_hex(n), 24, '0'), $1, 'outgoing', '1001', '+32470123456', now() - n * interval '1 second',
        now(), now(), 'ANSWERED', 'caller', 10, 5, 'test' from generate_series(1, $2::int) n`,
      [organisation.accountId, rows],
    )
  } finally {
    await db.end()
  }
}
