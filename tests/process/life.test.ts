/** Start, stop and every kind of death, as an operator sees them. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { mayRaisePriority } from '../../server/priority.ts'
import { Carillon, isAlive, kill, until } from '../carillon.ts'

const carillon = await Carillon.start()
afterAll(() => carillon.destroy())

const isReady = async () => (await carillon.ready()) === 200
const replaced = (which: 'api' | 'worker' | 'postgres', before: number) =>
  until(async () => {
    const now = carillon.pids[which]
    return now > 0 && now !== before && isAlive(now) && (await isReady())
  }, `a new ${which}`)

it('prints the tutorial with its own key once, and keeps the key for itself', () => {
  expect(carillon.output).toContain(`X-API-KEY: ${carillon.instanceKey}`)
  expect(carillon.output).toContain(`${carillon.url}/api/v6/meeting`)
  expect(statSync(join(carillon.dataDir, 'credentials.json')).mode & 0o777).toBe(0o600)
  expect(statSync(join(carillon.dataDir, 'master.key')).mode & 0o777).toBe(0o600)
})

it('says how it is', async () => {
  expect(await (await fetch(`${carillon.url}/healthz`)).json()).toEqual({ isAlive: true })
  const metrics = async () => (await fetch(`${carillon.url}/metrics`)).text()
  expect(await metrics()).toContain('carillon_media_up{worker="0"} 1')
  for (const name of ['streams', 'event_followers', 'event_pages_total'])
    expect(await metrics()).toMatch(new RegExp(`^carillon_${name} \\d+$`, 'm'))
  const isCounted = async () => (await metrics()).includes('carillon_events_total{type="account.created"} 1')
  await until(isCounted, 'the first event is counted')
})

it.each(['api', 'worker', 'postgres'] as const)('starts a killed %s again', async (which) => {
  const before = carillon.pids[which]
  kill(before)
  await replaced(which, before)
  const { status } = await carillon.call('GET', '/api/v6/account')
  expect(status).toBe(200)
})

it('gives media and voice the processor before others, all their threads, as far as it may', () => {
  const { supervisor, worker, voice, api } = carillon.pids
  const usual = getPriority(supervisor)
  const expected = mayRaisePriority() ? -7 : usual
  // sched(7): the 19th field of a thread's `stat`, counted from behind its name.
  const niceOf = (pid: number, thread: string) =>
    Number(
      readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[16],
    )
  const nices = (pid: number) => new Set(readdirSync(`/proc/${pid}/task`).map((thread) => niceOf(pid, thread)))
  expect([worker, voice, api].map(nices)).toEqual([expected, expected, usual].map((nice) => new Set([nice])))
  if (!existsSync('/proc/self/autogroup') || process.getuid?.() !== 0) return
  const group = (pid: number) => readFileSync(`/proc/${pid}/autogroup`, 'utf8').match(/nice (\S+)/)?.[1]
  expect([worker, voice].map(group)).toEqual([String(expected), String(expected)])
})

it('is adopted whole when only its supervisor is killed', async () => {
  const before = carillon.pids
  kill(before.supervisor)
  await carillon.start()
  const after = carillon.pids
  expect(after.worker).toBe(before.worker)
  expect(after.postgres).toBe(before.postgres)
  await until(() => !isAlive(before.api), 'the old api leaves')
})

it('loses nothing that was answered when everything is killed', async () => {
  const { userId } = await carillon.account()
  const body = { topic: 'Kept', startTime: new Date().toISOString(), duration: 60 }
  const meeting = (await carillon.call('POST', '/api/v6/meeting', body, { 'x-user-id': userId })).data
  await carillon.killAll()
  await carillon.start()
  expect((await carillon.call('GET', `/api/v6/meeting/${meeting.id}`)).data).toEqual(meeting)
  const scheduled = await until(async () => {
    const own = (await carillon.events('meeting.scheduled')).filter(({ resource }) => resource.id === meeting.id)
    return own.length > 0 ? own : null
  }, 'its event')
  expect(scheduled).toHaveLength(1)
})

it('refuses a second one on its data folder, and goes on', async () => {
  const before = carillon.pids
  const second = await carillon.launchBeside()
  expect(second.code).toBe(1)
  expect(second.output).toContain(`Carillon runs on ${carillon.dataDir} already`)
  expect(carillon.pids).toEqual(before)
  expect(await isReady()).toBe(true)
})

it('stops cleanly and leaves nobody behind', async () => {
  const before = carillon.pids
  await carillon.stop()
  await until(() => carillon.output.includes('"msg":"stopped"'), 'it says so') // what it wrote may be read after it ended
  await until(() => Object.values(before).every((pid) => !isAlive(pid)), 'all gone')
})

it('says what to set when the HTTP port is taken', async () => {
  const port = Number(carillon.environment.CARILLON_HTTP_PORT)
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  carillon.output = ''
  const child = carillon.launch()
  const [code] = await once(child, 'exit')
  other.close()
  expect(code).toBe(1)
  const words = `TCP port ${port} is taken: set CARILLON_HTTP_PORT to a free one.`
  await until(
    () => carillon.output.includes(words),
    () => carillon.output,
  )
})
