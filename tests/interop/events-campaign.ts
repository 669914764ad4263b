/**
 * Kills processes at random instants under load while the four readers follow the log, and compares what they saw: the
 * same events in the same order, byte for byte, no gap, no double but a webhook's repeats of what it had sent (same
 * `webhook-id`); every acknowledged change has its event, and every call and every leg one end (E1-E3, E6).
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Carillon, isAlive, type Json, kill, root, until } from '../carillon.ts'
import { HookReader, ListReader, type LogReader, type Seen, SocketReader, SseReader } from './log-readers.ts'
import { Organisation } from './organisation.ts'
import { countCalls, generator, settled, type Tally, Traffic, wrongLegs } from './traffic.ts'

export interface EventsCampaignResult extends Tally {
  readonly kills: Readonly<Record<string, number>>
  readonly events: number
  /** Changes that were acknowledged. */
  readonly changes: number
  readonly breaks: Readonly<Record<string, number>>
  /** Deliveries of one event more than once. */
  readonly repeats: number
  readonly started: number
  /** What no kill excuses; empty when all is well. */
  readonly violations: readonly string[]
}

/** The supervisor takes api and voice with it; a new one adopts PostgreSQL and the workers. */
const victims = ['api', 'api', 'voice', 'worker', 'postgres', 'supervisor'] as const
const hookFailures = 0.002

export async function runEventsCampaign(kills: number, calls: number, seed: number): Promise<EventsCampaignResult> {
  const random = generator(seed)
  const carillon = await Carillon.start({ CARILLON_WEBHOOK_ALLOW: '127.0.0.0/8' })
  const organisation = await Organisation.create(carillon)
  const hook = new HookReader(() => random() < hookFailures)
  const readers: LogReader[] = []
  try {
    const first = await carillon.call('GET', '/v3.0/events?account=tree&after=now')
    const options = { url: carillon.url, key: carillon.instanceKey, after: String(first.next) }
    hook.trust(await subscribe(carillon, hook, options.after))
    readers.push(new ListReader(options), new SseReader(options), new SocketReader(options))
    const running = readers.map((reader) => reader.run())
    const traffic = await Traffic.prepare(organisation, random)
    traffic.begin(calls)
    const changes = new Changes(carillon, organisation)
    const counts = await killSome(carillon, kills, random, () => traffic.struck())
    await traffic.finish()
    const acknowledged = await changes.finish()
    await settled(organisation)
    const reference = await readWhole(carillon, options.after)
    const end = reference.at(-1)?.cursor ?? ''
    const late = await arrived([...readers, hook], end)
    for (const reader of readers) reader.close()
    await Promise.all(running)
    const log = reference.map(({ text }): Json => JSON.parse(text))
    const { started, wrong } = countCalls(log)
    return {
      kills: counts,
      ...traffic.tally,
      events: reference.length,
      changes: acknowledged.length,
      breaks: Object.fromEntries(readers.map(({ name, breaks }) => [name, breaks])),
      repeats: hook.repeats,
      started,
      violations: [
        ...late,
        ...wrong,
        ...wrongLegs(log),
        ...gaps(log),
        ...unlogged(log, acknowledged),
        ...[...readers, hook].flatMap(({ name, seen, faults }) => [...faults, ...differences(name, reference, seen)]),
        ...(await brokenChain(carillon)),
      ],
    }
  } finally {
    for (const reader of readers) reader.close()
    hook.close()
    organisation.close()
    if (process.env.CAMPAIGN_LOG) console.log(carillon.output)
    await carillon.destroy()
  }
}

/** The secret that its deliveries are signed with. */
async function subscribe(carillon: Carillon, hook: HookReader, after: string): Promise<string> {
  const data = {
    url: await hook.open(),
    event_types: ['*'],
    ordering: 'strict',
    include_subaccounts: true,
    after,
  }
  const made = await carillon.call('PUT', '/v3.0/webhooks', { data })
  if (made.status !== 200) throw new Error(JSON.stringify(made))
  return made.data.secret
}

/** How often which was killed. */
async function killSome(carillon: Carillon, kills: number, random: () => number, struck: () => void) {
  const counts: Record<string, number> = {}
  for (let at = 0; at < kills; at++) {
    await pause(200 + random() * 1_200)
    const victim = victims[Math.floor(random() * victims.length)] ?? 'api'
    counts[victim] = (counts[victim] ?? 0) + 1
    struck()
    const { api, voice, [victim]: pid } = carillon.pids
    kill(pid)
    if (victim === 'supervisor') {
      await until(() => ![pid, api, voice].some(isAlive), 'api and voice follow their supervisor')
      await carillon.start()
    }
    const isBack = async () => {
      const { [victim]: next } = carillon.pids
      return next > 0 && next !== pid && (await carillon.ready()) === 200
    }
    await until(isBack, `${victim} runs again`, 60_000)
    if (process.env.CAMPAIGN_PROGRESS) console.log(`${at + 1}/${kills} ${victim}`)
  }
  return counts
}

/** Contacts that are made, one after the other, each until it is acknowledged. */
class Changes {
  readonly #carillon: Carillon
  readonly #organisation: Organisation
  readonly #done: Promise<string[]>
  #isOver = false

  constructor(carillon: Carillon, organisation: Organisation) {
    this.#carillon = carillon
    this.#organisation = organisation
    this.#done = Promise.all([this.#write(), this.#write()]).then((ids) => ids.flat())
  }

  /** The ids of what was acknowledged. */
  finish(): Promise<string[]> {
    this.#isOver = true
    return this.#done
  }

  async #write(): Promise<string[]> {
    const ids: string[] = []
    while (!this.#isOver) {
      const headers = { 'x-account-id': this.#organisation.accountId, 'idempotency-key': randomUUID() }
      const data = { name: `Flow ${ids.length}`, flow: { module: 'hangup', data: {}, children: {} } }
      for (;;) {
        const answer = await this.#carillon.call('PUT', '/v3.0/callflows', { data }, headers).catch(() => null)
        if (answer?.status === 200) {
          ids.push(answer.data.id)
          break
        }
        await pause(100)
      }
      await pause(20)
    }
    return ids
  }
}

async function readWhole(carillon: Carillon, after: string): Promise<Seen[]> {
  const seen: Seen[] = []
  for (let at = after; ; ) {
    const page = await carillon.call('GET', `/v3.0/events?account=tree&limit=1000&after=${at}`)
    if (page.status !== 200) throw new Error(JSON.stringify(page))
    for (const event of page.data) seen.push({ id: event.id, cursor: event.cursor, text: JSON.stringify(event) })
    if (page.data.length === 0) return seen
    at = page.next
  }
}

/** Waits until each has the last event, or says who has not. A webhook that failed just now tries again after 5 s. */
async function arrived(readers: readonly { name: string; seen: readonly Seen[] }[], end: string): Promise<string[]> {
  const late = () => readers.filter(({ seen }) => !seen.some(({ cursor }) => cursor === end))
  await until(() => late().length === 0, 'every reader at the end', 90_000).catch(() => {}) // those are named below
  return late().map(({ name, seen }) => `${name} did not come to ${end}: it is at ${seen.at(-1)?.cursor}`)
}

function differences(name: string, reference: readonly Seen[], seen: readonly Seen[]): string[] {
  const at = reference.findIndex(({ text }, index) => text !== seen[index]?.text)
  if (at >= 0) return [`${name} differs at ${at} of ${reference.length}: ${seen[at]?.text} for ${reference[at]?.text}`]
  return seen.length > reference.length ? [`${name} has ${seen.length - reference.length} events too many`] : []
}

/** `seq` counts the events of each account. */
function gaps(log: readonly Json[]): string[] {
  const last = new Map<string, number>()
  return log.flatMap(({ account_id, seq, cursor }) => {
    const before = last.get(account_id)
    last.set(account_id, seq)
    return before === undefined || seq === before + 1 ? [] : [`${cursor}: seq ${seq} follows ${before}`]
  })
}

function unlogged(log: readonly Json[], acknowledged: readonly string[]): string[] {
  const created = Map.groupBy(
    log.filter(({ type }) => type === 'callflow.created'),
    ({ resource }) => String(resource.id),
  )
  return acknowledged
    .filter((id) => created.get(id)?.length !== 1)
    .map((id) => `callflow ${id} has ${created.get(id)?.length ?? 0} events that say that it was created`)
}

/** E5: `npm run audit-verify`. */
async function brokenChain(carillon: Carillon): Promise<string[]> {
  const child = spawn(process.execPath, ['server/events/audit.ts', 'verify'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...carillon.environment },
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  const [code] = await once(child, 'exit')
  return code === 0 ? [] : [`the chain is broken: ${output}`]
}
