/**
 * A look into a running process by Node's inspector, which SIGUSR1 opens: its heap after a full collection, counted by
 * what it holds. The process must have been started with `--inspect-port=0`, and nobody is attached between looks.
 */
import { once } from 'node:events'
import { until } from '../carillon.ts'

/** Of a process after a full collection. */
export interface Census {
  /** Resident, before anybody looked at what it holds. */
  readonly rssBytes: number
  /** And after it: the text of the heap took memory, which the allocator keeps. */
  readonly lookedRssBytes: number
  readonly heapBytes: number
  /** ArrayBuffers and what else hangs on objects outside of the heap. */
  readonly externalBytes: number
  /** Objects that the program made, by what they are. */
  readonly counts: ReadonlyMap<string, number>
  /** What the event loop waits for. */
  readonly resources: ReadonlyMap<string, number>
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: string[]; readonly node_types: [string[], ...unknown[]] }
  }
  readonly nodes: readonly number[]
  readonly strings: readonly string[]
}

/** What V8 has for itself: code, maps, feedback. It grows while functions are compiled again. */
const ofProgram: ReadonlySet<string> = new Set(['object', 'closure', 'string', 'array', 'native', 'bigint', 'regexp'])
const figures = `JSON.stringify([process.memoryUsage(), process.getActiveResourcesInfo()])`

/** `readOutput`: what the process wrote so far, where it names the address of its inspector. */
export async function openInspector(pid: number, readOutput: () => string): Promise<string> {
  const before = readOutput().length
  process.kill(pid, 'SIGUSR1')
  const address = () => /Debugger listening on (ws:\S+)/.exec(readOutput().slice(before))?.[1]
  return until(address, `the inspector of ${pid}`)
}

export async function takeCensus(address: string): Promise<Census> {
  const socket = new WebSocket(address)
  await once(socket, 'open')
  const chunks: string[] = []
  const waiting = new Map<number, (result: { readonly result?: { readonly value?: string } }) => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result } = JSON.parse(String(data))
    if (method === 'HeapProfiler.addHeapSnapshotChunk') chunks.push(params.chunk)
    else waiting.get(id)?.(result)
  })
  const ask = (method: string, params: object = {}) => {
    const id = waiting.size + 1
    socket.send(JSON.stringify({ id, method, params }))
    return new Promise<{ readonly result?: { readonly value?: string } }>((resolve) => waiting.set(id, resolve))
  }
  const measure = async (): Promise<[NodeJS.MemoryUsage, string[]]> => {
    // Finalizers of what one collection found are run before the next.
    for (let turn = 0; turn < 3; turn++) await ask('HeapProfiler.collectGarbage')
    const { result } = await ask('Runtime.evaluate', { expression: figures })
    return JSON.parse(result?.value ?? '')
  }
  const [memory, resources] = await measure()
  await ask('HeapProfiler.takeHeapSnapshot', { reportProgress: false })
  const [looked] = await measure()
  socket.close()
  return {
    rssBytes: memory.rss,
    lookedRssBytes: looked.rss,
    heapBytes: memory.heapUsed,
    externalBytes: memory.external,
    counts: countNodes(JSON.parse(chunks.join(''))),
    resources: countOf(resources),
  }
}

function countNodes({ snapshot, nodes, strings }: Snapshot): Map<string, number> {
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [type, name] = [fields.indexOf('type'), fields.indexOf('name')]
  const counts = new Map<string, number>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type] ?? 0] ?? ''
    // A piece of a text is one text more.
    const plain = kind.endsWith('string') ? 'string' : kind
    if (!ofProgram.has(plain)) continue
    const key = plain === 'object' || plain === 'closure' ? `${plain} ${strings[nodes[at + name] ?? 0]}` : plain
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
