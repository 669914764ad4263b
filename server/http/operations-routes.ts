/** For whoever runs it: is it alive, can it serve, how is it doing. */
import type { FastifyInstance } from 'fastify'
import type { App } from '../app.ts'
import { authenticate, isLoopback } from '../auth/authenticate.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly database: boolean
  readonly media: boolean
  readonly voice: boolean
}

export interface Answered {
  readonly method: string
  /** As it was declared, so that ids make no figures of their own. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

export interface Operations {
  readonly readiness: () => Promise<Readiness>
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
  readonly answered?: (answer: Answered) => void
}

export function addOperations(http: FastifyInstance, app: App, operations: Operations): void {
  const { answered } = operations
  if (answered) {
    http.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'none'
      answered({ method: request.method, route, status: reply.statusCode, seconds: reply.elapsedTime / 1000 })
    })
  }
  http.get('/healthz', async () => ({ isAlive: true }))
  http.get('/readyz', async (_request, reply) => {
    const readiness = await operations.readiness()
    return reply.status(readiness.isReady ? 200 : 503).send(readiness)
  })
  http.get('/metrics', async (request, reply) => {
    // S11: figures tell who calls when; a proxy's visitors come from loopback too, so it must not be one.
    const isLocal =
      isLoopback(request.socket.remoteAddress ?? '') && isLoopback(request.ip) && !request.headers.forwarded
    if (!isLocal) await authenticate(app, request, { kind: 'credential', scope: 'instance', minRole: 'instance' })
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await operations.metrics())
  })
}
