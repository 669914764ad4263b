/** What `/readyz` and `/metrics` tell (Prometheus text). Figures of workers are asked for when somebody looks. */
import { readFileSync } from 'node:fs'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { SfuCounters } from '../engine/sfu/messages.ts'
import type { App } from './app.ts'
import type { Answered, Operations, Readiness } from './http/operations-routes.ts'
import type { MediaClient } from './media/client.ts'
import { readDrops } from './socket-drops.ts'
import type { VoiceClient } from './voice/client.ts'
import type { VoiceFigures } from './voice/control-protocol.ts'
import type { Dispatcher } from './webhooks/dispatcher.ts'

interface Parts {
  readonly app: App
  readonly voice: VoiceClient
  readonly workers: readonly MediaClient[]
  readonly pool: Pool
  readonly loopDelay: ReturnType<typeof monitorEventLoopDelay>
  readonly dispatcher: Dispatcher
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

/** Of the voice process: name, words, and what one of ours is in the unit that the name says. */
const voiceFigures: Readonly<Record<keyof VoiceFigures, readonly [name: string, help: string, unit: number]>> = {
  calls: ['calls', 'Calls that are not over.', 1],
  legs: ['legs', 'Sides of calls.', 1],
  transactions: ['transactions', 'SIP transactions that wait for something.', 1],
  timers: ['timers', 'Timers that are set.', 1],
  nonces: ['nonces', 'Answered SIP challenges that are remembered, so that no answer works twice.', 1],
  ladders: ['ladders', 'SIP dialogs whose messages are kept until their call is written.', 1],
  rtpPorts: ['rtp_ports', 'RTP ports in use, two for each side of a call counted as one.', 1],
  registrations: ['registrations', 'Bindings of devices.', 1],
  subscriptions: ['subscriptions', 'Phones that watch numbers, by number.', 1],
  connections: ['connections', 'SIP connections: TCP, TLS and WebSocket.', 1],
  waiting: ['writes_waiting', 'Steps of calls that wait for the database.', 1],
  spoolBytes: ['spool_bytes', 'Records that wait on disk, because the database is away.', 1],
  loopLagMs: ['loop_delay_seconds', 'Worst delay of its event loop since the last look.', 1e-3],
  rssBytes: ['resident_bytes', 'Its memory.', 1],
  heapBytes: ['heap_bytes', 'Of that, JavaScript objects in use or not collected yet.', 1],
  cpuMicros: ['cpu_seconds', 'Processor time it used.', 1e-6],
  messagesIn: ['sip_messages_in', 'SIP messages received.', 1],
  messagesOut: ['sip_messages_out', 'SIP messages sent.', 1],
  malformed: ['sip_malformed', 'SIP messages that could not be read.', 1],
}

export function createMetrics(parts: Parts): Operations {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'carillon_' })
  addProcessFigures(registry, parts)
  addEventFigures(registry, parts.app)
  addStreamFigures(registry, parts.app)
  addWebhookFigures(registry, parts.dispatcher)
  const askWorkers = addWorkerFigures(registry, parts.workers)
  const askVoice = addVoiceFigures(registry, parts.voice)
  const countDrops = addDrops(registry, parts.app.config)
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
      await Promise.all([askWorkers(), askVoice(), countDrops()])
      return registry.metrics()
    },
    answered: ({ method, route, status, seconds }: Answered) =>
      answers.observe({ method, route, status: String(status) }, seconds),
  }
}

async function readiness({ pool, voice, workers }: Parts): Promise<Readiness> {
  const database = await pool.query('select 1').then(
    () => true,
    () => false,
  )
  const media = workers.every((worker) => worker.isUp)
  return { isReady: database && media && voice.isUp, database, media, voice: voice.isUp }
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

function addStreamFigures(registry: Registry, { streams, feed }: App): void {
  gauge(registry, 'carillon_streams', 'Readers of live events: WebSockets and Server-Sent Events.', () => streams.size)
  gauge(
    registry,
    'carillon_event_followers',
    'What follows the log: each live stream, and each subscription of a WebSocket.',
    () => feed.followers,
  )
  new Counter({
    name: 'carillon_event_pages_total',
    help: 'Pages that followers read from the database, because they were far behind.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(feed.pages)
    },
  })
}

function addWebhookFigures(registry: Registry, dispatcher: Dispatcher): void {
  const figure = (name: string, help: string, read: () => number) =>
    gauge(registry, `carillon_webhook_${name}`, help, read)
  figure('sending', 'Whether this process is the one that sends to webhooks.', () =>
    Number(dispatcher.figures.isSending),
  )
  figure('endpoints', 'Webhooks that it knows.', () => dispatcher.figures.endpoints)
  figure(
    'endpoints_open',
    'Of these, those that failed again and again and are tried now and then.',
    () => dispatcher.figures.open,
  )
  figure('waiting', 'Deliveries that wait for an attempt.', () => dispatcher.figures.waiting)
  figure('in_flight', 'Requests under way.', () => dispatcher.figures.inFlight)
  new Counter({
    name: 'carillon_webhook_attempts_total',
    help: 'Attempts by what became of them: delivered, retried (a failure that is tried again), failed (given up).',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [outcome, count] of Object.entries(dispatcher.counts)) this.inc({ outcome }, count)
    },
  })
  const lag = new Histogram({
    name: 'carillon_webhook_first_attempt_seconds',
    help: 'From the record of an event to its first attempt.',
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    registers: [registry],
  })
  dispatcher.onFirstAttempt = (seconds) => lag.observe(seconds)
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

function addVoiceFigures(registry: Registry, voice: VoiceClient): () => Promise<void> {
  const figure = (name: string, help: string) =>
    new Gauge({ name: `carillon_voice_${name}`, help, registers: [registry] })
  const up = figure('up', 'Whether the voice process answers.')
  const figures = Object.entries(voiceFigures).map(
    ([key, [name, help, unit]]) => [key as keyof VoiceFigures, unit, figure(name, help)] as const,
  )
  return async () => {
    const told = await voice.figures()
    up.set(told ? 1 : 0)
    if (told) for (const [key, unit, one] of figures) one.set(told[key] * unit)
  }
}

function addDrops(registry: Registry, config: App['config']): () => Promise<void> {
  const help = 'Datagrams lost because a socket was not read in time, by what it is for.'
  const dropped = new Gauge({ name: 'carillon_udp_dropped', help, labelNames: ['use'], registers: [registry] })
  const { sipPort, sipExtraPorts, rtpPorts } = config
  const sip = new Set([sipPort, ...sipExtraPorts.map(({ port }) => port)])
  const useOf = (port: number) => {
    if (sip.has(port)) return 'sip'
    return port >= rtpPorts.first && port <= rtpPorts.last ? 'rtp' : null
  }
  return async () => {
    for (const [use, count] of await readDrops(useOf)) dropped.set({ use }, count)
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
