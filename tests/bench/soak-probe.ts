/** What the processes of a product hold when it is quiet, and what of it is more than it was. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { VoiceFigures } from '../../server/voice/control-protocol.ts'
import { type Carillon, until } from '../carillon.ts'
import { type Census, openInspector, takeCensus } from './inspector.ts'
import { voiceFigures } from './phones.ts'
import { childrenOf, openFilesOf, titleOf } from './processes.ts'

export interface Look {
  readonly processes: Readonly<Record<Name, ProcessLook>>
  /** What PostgreSQL calls each of its processes. */
  readonly backends: readonly string[]
  /** Before anybody looked into its heap. */
  readonly voice: VoiceFigures
  readonly endpoints: number
}

interface ProcessLook extends Census {
  readonly openFiles: number
}

const names = ['voice', 'worker', 'api'] as const
type Name = (typeof names)[number]

/** Transactions absorb repetitions for 32 s, messages of what became no call are kept for 70 s and swept each 30. */
const quietMs = 150_000
/** Longer than a pool keeps a session that it opened for a moment. */
const poolsRestMs = 15_000
/** Compiled functions and what is learned of them go on growing for a while. */
const mostHeapBytes = 6 * 1_048_576
const mostExternalBytes = 4 * 1_048_576
/** tests/held-memory.test.ts. */
const bytesPerNonce = 100
/** What the allocator does not give back. */
const mostRssBytes = 64 * 1_048_576
/** One object that is kept of each hundredth call is a leak; so many come and go by themselves. */
const callsPerObject = 100
const fewObjects = 2_000
/** A connection of the pool, a timer of the clockwork. */
const fewResources = 2
const mustBeZero = ['calls', 'legs', 'transactions', 'ladders', 'rtpPorts', 'waiting', 'spoolBytes'] as const
const mustBeSame = ['timers', 'registrations', 'subscriptions', 'connections'] as const

export class SoakProbe {
  readonly #carillon: Carillon
  readonly #inspectors: Readonly<Record<Name, string>>

  private constructor(carillon: Carillon, inspectors: Readonly<Record<Name, string>>) {
    this.#carillon = carillon
    this.#inspectors = inspectors
  }

  /** The product runs with `--inspect-port=0` in its NODE_OPTIONS. */
  static async open(carillon: Carillon): Promise<SoakProbe> {
    const { voice, api, worker } = carillon.pids
    const ours = () => carillon.output
    const workers = () => readFileSync(join(carillon.dataDir, 'media-0.log'), 'utf8')
    return new SoakProbe(carillon, {
      voice: await openInspector(voice, ours),
      api: await openInspector(api, ours),
      worker: await openInspector(worker, workers),
    })
  }

  /** Waits until nothing goes on. */
  async look(): Promise<Look> {
    const isQuiet = async () => {
      const figures = await voiceFigures(this.#carillon)
      return mustBeZero.every((name) => figures[name] === 0)
    }
    // What is left then is told by whoever compares.
    await until(isQuiet, 'quiet', quietMs).catch(() => {})
    const { pids } = this.#carillon
    const voice = await voiceFigures(this.#carillon)
    return {
      processes: {
        voice: withoutNonces(await this.#process('voice'), voice.nonces),
        worker: await this.#process('worker'),
        api: await this.#process('api'),
      },
      backends: await fewestBackends(pids.postgres),
      voice,
      endpoints: await this.#endpoints(),
    }
  }

  async #process(name: Name): Promise<ProcessLook> {
    const pid = this.#carillon.pids[name]
    const openFiles = openFilesOf(pid)
    const census = await takeCensus(this.#inspectors[name])
    return { ...census, openFiles }
  }

  /** Of the media worker. */
  async #endpoints(): Promise<number> {
    const text = await (await fetch(`${this.#carillon.url}/metrics`)).text()
    return Number(/^carillon_media_call_endpoints\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
  }
}

/** One session that somebody asked for just now is none that was lost. */
async function fewestBackends(postgres: number): Promise<readonly string[]> {
  let fewest = backendsOf(postgres)
  const endsAt = performance.now() + poolsRestMs
  while (performance.now() < endsAt) {
    await wait(250)
    const now = backendsOf(postgres)
    if (now.length < fewest.length) fewest = now
  }
  return fewest
}

/** Without what it does by itself, which comes and goes. */
function backendsOf(postgres: number): readonly string[] {
  const titles = childrenOf(postgres).map((pid) => titleOf(pid).replaceAll('\0', ' ').trim())
  return titles.filter((title) => title && !/(?:autovacuum|parallel) worker/.test(title)).toSorted()
}

/** What was answered is remembered for ten minutes, which is too long to wait: one object each. */
function withoutNonces(look: ProcessLook, nonces: number): ProcessLook {
  const objects = look.counts.get('object Object') ?? 0
  return {
    ...look,
    heapBytes: look.heapBytes - nonces * bytesPerNonce,
    counts: new Map([...look.counts, ['object Object', objects - nonces]]),
  }
}

export function describeLook({ processes, voice, endpoints, backends }: Look): string {
  const lines = names.map((name) => {
    const { heapBytes, externalBytes, rssBytes, openFiles, counts } = processes[name]
    const objects = [...counts.values()].reduce((sum, count) => sum + count, 0)
    return `  ${name}, collected: ${mb(rssBytes)}, heap ${mb(heapBytes)} + ${mb(externalBytes)}, ${objects} objects, ${openFiles} open files`
  })
  lines.push(`  voice before that: ${mb(voice.rssBytes)}, heap ${mb(voice.heapBytes)}`)
  const figures = [...mustBeZero, ...mustBeSame, 'nonces' as const].map((name) => `${voice[name]} ${name}`)
  figures.push(`${endpoints} endpoints`, `${backends.length} processes of PostgreSQL`)
  return [...lines, `  ${figures.join(', ')}`].join('\n')
}

/** What is more after so many calls than it was, in words. */
export function differences(before: Look, after: Look, calls: number): string[] {
  const mostObjects = Math.max(fewObjects, calls / callsPerObject)
  const faults = names.flatMap((name) =>
    differencesOf(before.processes[name], after.processes[name], mostObjects).map((text) => `${name}: ${text}`),
  )
  for (const name of mustBeZero) if (after.voice[name] !== 0) faults.push(`${after.voice[name]} ${name}`)
  for (const name of mustBeSame) {
    if (after.voice[name] !== before.voice[name]) faults.push(`${after.voice[name]} ${name}, not ${before.voice[name]}`)
  }
  if (after.endpoints !== 0) faults.push(`${after.endpoints} endpoints of the media worker`)
  if (after.backends.length > before.backends.length) {
    const [is, was] = [after.backends, before.backends].map((titles) => titles.join(', '))
    faults.push(`${after.backends.length} processes of PostgreSQL, not ${before.backends.length}: ${is}, not ${was}`)
  }
  return faults
}

function differencesOf(before: ProcessLook, after: ProcessLook, mostObjects: number): string[] {
  const faults: string[] = []
  const grown = (what: string, was: number, is: number, most: number) => {
    if (is - was > most) faults.push(`${what} ${mb(is)}, not ${mb(was)}`)
  }
  grown('memory', before.lookedRssBytes, after.rssBytes, mostRssBytes)
  grown('heap', before.heapBytes, after.heapBytes, mostHeapBytes)
  grown('outside of the heap', before.externalBytes, after.externalBytes, mostExternalBytes)
  if (after.openFiles > before.openFiles) faults.push(`${after.openFiles} open files, not ${before.openFiles}`)
  for (const [what, count] of after.counts) {
    const was = before.counts.get(what) ?? 0
    if (count - was > mostObjects) faults.push(`${count} of "${what}", not ${was}`)
  }
  for (const [what, count] of after.resources) {
    const was = before.resources.get(what) ?? 0
    if (count > was + fewResources) faults.push(`the loop waits for ${count} ${what}, not ${was}`)
  }
  return faults
}

const mb = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`
