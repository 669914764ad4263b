/** T9: what the kernel gives is said, and reports are no business of the process that answers phones. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { openPhones } from './opened.ts'

const { carillon, organisation, alice } = await openPhones(['alice'])

it('T9: a SIP socket that got less buffer than it asked for says which sysctl gives it', () => {
  const most = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'))
  const isTold = carillon.output.includes('net.core.rmem_max')
  expect(isTold).toBe(most < 4 * 1024 * 1024)
})

it('T9: phones are answered while a long history is read out', async () => {
  await fillHistory(20_000)
  const answers: number[] = []
  const exports = [1, 2, 3].map(() => organisation.raw('GET', 'calls_history/internal?limit=10000'))
  const done = Promise.all(exports)
  let isOver = false
  void done.then(() => {
    isOver = true
  })
  for (let cseq = 1; !isOver; cseq++) {
    const lines = ['From: <sip:a@b>;tag=1', 'To: <sip:c@d>', `Call-ID: busy-${cseq}`]
    answers.push((await alice.phone.ask('OPTIONS', `sip:${organisation.realm}`, lines, cseq)).status)
  }
  for (const { status, data } of await done) expect([status, data.length]).toEqual([200, 10_000])
  expect(new Set(answers)).toEqual(new Set([200]))
})

/** As if so many calls had been made. */
async function fillHistory(count: number): Promise<void> {
  const db = await carillon.openDatabase()
  await db.query(
    `insert into calls (id, account_id, direction, caller_number, called_number, callee_number, owner_id, started_at,
       answered_at, ended_at, heartbeat_at, hangup_cause, ended_by, sip_code, q850_cause, duration_seconds, billing_seconds, node)
     select 'call_' || lpad(to_hex(n), 24, '0'), $1, 'internal', '1001', '1002', '1002', $2, now() - n * interval '1 second',
       now() - n * interval '1 second', now() - n * interval '1 second', now(), 'ANSWERED', 'caller', 200, 16, 1, 1, 'voice-0'
     from generate_series(1, $3::int) n`,
    [organisation.accountId, alice.userId, count],
  )
  await db.end()
}
