/** What `/readyz` and `/metrics` tell (Prometheus text). Figures of workers are asked for when somebody looks. */
import { readFileSync } from 'node:fs'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { SfuCounters } from '../engine/sfu/messages.ts'
import type { App } from './app.ts'
import type { Answered, Operations, Readiness } from './http/operations-routes.ts'
import type { MediaClient } from './media/client.ts'

interface Parts {
  readonly app: App
  readonly workers: readonly MediaClient[]
  readonly pool: Pool
  readonly loopDelay: ReturnType<typeof monitorEventLoopDelay>
}

const workerFigures: Readonly<Record<keyof SfuCounters, string>> = {
  peers: 'Browsers and other peers.',
  rooms: 'Meetings with somebody in them.',
  pipes: 'Transports.',
  packetsIn: 'RTP packets received.',
  packetsOut: 'RTP packets forwarded.',
  bytesIn: 'Bytes received.',
  bytesOut: 'Bytes sent.',
  malformed: 'Packets that were not what their protocol allows.',
  nacksReceived: 'Packets that receivers asked for again.',
  retransmitted: 'Packets sent again.',
  nacksSent: 'Packets that we asked publishers for again.',
  keyFrameRequests: 'Key frames asked for.',
  stalls: 'Times that its loop stood still for more than a tenth of a second.',
}

export function createMetrics(parts: Parts): Operations {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'carillon_' })
  addProcessFigures(registry, parts)
  addEventFigures(registry, parts.app)
  const askWorkers = addWorkerFigures(registry, parts.workers)
  const answers = new Histogram({
    name: 'carillon_http_answer_seconds',
    help: 'Time to answer, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  return {
    readiness: () => readiness(parts),
    metrics: async () => {
      await askWorkers()
      return registry.metrics()
    },
    answered: ({ method, route, status, seconds }: Answered) =>
      answers.observe({ method, route, status: String(status) }, seconds),
  }
}

async function readiness({ pool, workers }: Parts): Promise<Readiness> {
  const database = await pool.query('select 1').then(
    () => true,
    () => false,
  )
  const media = workers.every((worker) => worker.isUp)
  return { isReady: database && media, database, media }
}

function addProcessFigures(registry: Registry, { pool, loopDelay }: Parts): void {
  gauge(registry, 'carillon_loop_delay_seconds', 'Worst delay of the event loop since the last look.', () => {
    const worst = loopDelay.max / 1e9
    loopDelay.reset()
    return worst
  })
  gauge(registry, 'carillon_database_connections', 'Open connections to the database.', () => pool.totalCount)
  gauge(registry, 'carillon_database_waiting', 'Calls that wait for a connection.', () => pool.waitingCount)
  gauge(
    registry,
    'carillon_udp_receive_buffer_errors',
    'Datagrams this machine dropped: raise net.core.rmem_max.',
    readRcvbufErrors,
  )
}

function addEventFigures(registry: Registry, app: App): void {
  gauge(registry, 'carillon_event_inbox', 'Events that wait for the sequencer.', () => app.sequencer.backlog)
  new Counter({
    name: 'carillon_events_total',
    help: 'Events of the log, by type, that this process sequenced.',
    labelNames: ['type'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [type, count] of app.sequencer.counts) this.inc({ type }, count)
    },
  })
}

function addWorkerFigures(registry: Registry, workers: readonly MediaClient[]): () => Promise<void> {
  const figure = (name: string, help: string) =>
    new Gauge({ name: `carillon_media_${name}`, help, labelNames: ['worker'], registers: [registry] })
  const counters = Object.entries(workerFigures).map(
    ([name, help]) => [name as keyof SfuCounters, figure(snake(name), help)] as const,
  )
  const up = figure('up', 'Whether the worker answers.')
  const lag = figure('loop_delay_seconds', 'Worst delay of its event loop since the last look.')
  const rss = figure('resident_bytes', 'Its memory.')
  const cpu = figure('cpu_seconds', 'Processor time it used.')
  const faults = figure('transport_faults', 'Transports closed by our own fault.')
  const refused = figure('refused_packets', 'Packets that its transports would not send.')
  const endpoints = figure('call_endpoints', 'Legs of calls that have RTP ports.')
  const socketFaults = figure('call_socket_faults', 'Errors of their sockets; media went on.')
  return async () => {
    for (const [index, worker] of workers.entries()) {
      const labels = { worker: String(index) }
      const stats = await worker.stats().catch(() => null)
      up.set(labels, stats ? 1 : 0)
      if (!stats) continue
      for (const [name, one] of counters) one.set(labels, stats.counters[name])
      lag.set(labels, stats.loopLagMs / 1000)
      rss.set(labels, stats.rssBytes)
      cpu.set(labels, stats.cpuMicros / 1e6)
      faults.set(labels, stats.transportFaults)
      refused.set(labels, stats.refusedPackets)
      endpoints.set(labels, stats.endpoints)
      socketFaults.set(labels, stats.socketFaults)
    }
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Linux counts for the whole machine what a full socket buffer dropped (M11). */
function readRcvbufErrors(): number {
  try {
    const [names = '', values = ''] = readFileSync('/proc/net/snmp', 'utf8')
      .split('\n')
      .filter((row) => row.startsWith('Udp: '))
    return Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')] ?? 0)
  } catch {
    return 0 // not Linux
  }
}
