/** T4: the database hangs, and calls neither wait for it nor lose what they record. */
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { until } from '../carillon.ts'
import { openPhones } from './opened.ts'

const { carillon, organisation, alice, bob } = await openPhones(['alice', 'bob'])

afterAll(async () => {
  signal('SIGCONT')
})

/** To PostgreSQL and all its processes. */
function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
  const { postgres } = carillon.pids
  const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === postgres)
  for (const pid of [postgres, ...children.map(Number)]) process.kill(pid, name)
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return 0 // it ended
  }
}

async function talkAndEnd(): Promise<void> {
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  const [answer] = await Promise.all([call.final(), taken.answer()])
  expect(answer.status).toBe(200)
  const [bye] = await Promise.all([call.bye(), taken.ended()])
  expect(bye.status).toBe(200)
}

it('T4: calls begin, are answered and end while the database hangs; their events come in order afterwards, once', async () => {
  await talkAndEnd()
  await organisation.records(1)
  signal('SIGSTOP')
  for (let i = 0; i < 3; i++) await talkAndEnd()
  signal('SIGCONT')
  const records = await organisation.records(4)
  expect(records).toHaveLength(4)
  const events = await until(async () => {
    const all = await organisation.callEvents()
    return all.length >= 20 ? all : null
  }, 'all events')
  const steps = ['call.started', 'call.ringing', 'call.answered', 'call.ended', 'cdr.final']
  expect(events.map(({ type }) => type)).toEqual([...steps, ...steps, ...steps, ...steps])
  expect(records.map(({ started_at }) => started_at)).toEqual(records.map(({ started_at }) => started_at).toSorted())
})
