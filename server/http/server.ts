/** The HTTP face: one route for each operation of the table, the pages, the documents, and nothing else. */
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { randomUUID } from 'node:crypto'
import { operationIds, operationTable } from '../../contract/operations.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import type { Bridge } from '../voice/bridge.ts'
import { addMeetingSocket } from '../meeting/socket.ts'
import { addEventSocket } from '../realtime/socket.ts'
import { sendError } from './answer.ts'
import { readBodies, readUploads } from './body.ts'
import { addDocuments } from './documents.ts'
import { limitRates } from './limits.ts'
import type { Tls } from '../tls.ts'
import { addOperations, type Operations } from './operations-routes.ts'
import { addPages } from './pages.ts'
import { addRoute } from './route.ts'
import { addSipSocket, sipSubprotocol } from './sip-socket.ts'

const largestBody = 1_048_576

export interface ServerOptions extends Operations {
  /** Null or absent: plain HTTP. */
  readonly tls?: Tls | null
  /** To the voice process, for phones that speak SIP over WebSocket; absent: there are none. */
  readonly bridge?: Bridge
}

export async function createServer(app: App, options: ServerOptions): Promise<FastifyInstance> {
  const http = Fastify({
    loggerInstance: app.log,
    bodyLimit: largestBody,
    requestTimeout: 90_000, // longer than the longest `wait` of the event log
    // A proxy on this machine may say who its client is; nobody else is believed.
    trustProxy: 'loopback',
    genReqId: () => randomUUID(),
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendError(request, reply, error),
    routerOptions: { maxParamLength: 300 },
    ...(options.tls && { https: options.tls }),
  } as const)
  http.setErrorHandler((error, request, reply) => sendError(request, reply, error))
  http.setNotFoundHandler((request, reply) => sendError(request, reply, noRoute(request, reply)))
  http.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  await http.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        connectSrc: ["'self'", 'ws:', 'wss:'],
        imgSrc: ["'self'", 'data:', 'blob:'],
        mediaSrc: ["'self'", 'blob:'],
        styleSrc: ["'self'", "'unsafe-inline'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
      },
    },
    // S4: addresses of meetings and one-time links are not for other sites.
    referrerPolicy: { policy: 'no-referrer' },
    // Meetings are made to be embedded; what frames them sees nothing of them.
    frameguard: false,
    crossOriginResourcePolicy: false,
    strictTransportSecurity: app.config.publicUrl.startsWith('https:'),
  })
  // Those who stay are told, before their sockets are closed and the rest is waited for.
  http.addHook('preClose', async () => app.streams.stop())
  const handleProtocols = (offered: Set<string>) => (offered.has(sipSubprotocol) ? sipSubprotocol : false)
  await http.register(websocket, { options: { maxPayload: 300_000, handleProtocols } })
  await http.register(cookie)
  const limit = await limitRates(http, app)
  http.decorateRequest('who', null)
  readBodies(http)
  addOperations(http, app, options) // first: a hook concerns the routes that come after it
  for (const id of operationIds) if (!operationTable[id].upload) addRoute(http, app, limit, id, operationTable[id])
  await http.register(async (uploads) => {
    readUploads(uploads)
    for (const id of operationIds) if (operationTable[id].upload) addRoute(uploads, app, limit, id, operationTable[id])
  })
  addMeetingSocket(http, app)
  addEventSocket(http, app)
  if (options.bridge) addSipSocket(http, options.bridge)
  addDocuments(http, app)
  await addPages(http)
  return http
}

const addresses = Object.values(operationTable).map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

/** An address of the table that takes other methods says which (RFC 9110 §15.5.6). */
function noRoute({ method, url }: FastifyRequest, reply: FastifyReply): ApiError {
  const path = url.split('?')[0] ?? url
  const methods = [...new Set(addresses.filter(({ pattern }) => pattern.test(path)).map((one) => one.method))]
  if (methods.length === 0) return new ApiError('not_found', `There is no ${method} ${path}.`)
  reply.header('allow', methods.join(', '))
  return new ApiError('method_not_allowed', `${path} takes ${methods.join(', ')}, not ${method}.`)
}
