/**
 * The WebSocket `/v3.0/websockets/events`: subscriptions to the log, and commands, for whoever authenticated in it (S4).
 * Here frames come in, one after another; what they ask for is done by `SocketSession`.
 */
import type { WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { socketLimits } from '../../contract/realtime.ts'
import type { App } from '../app.ts'
import { presentedSecret } from '../auth/authenticate.ts'
import { TokenBucket } from '../token-bucket.ts'
import { SocketSession } from './socket-session.ts'

export function addEventSocket(http: FastifyInstance, app: App): void {
  http.get('/v3.0/websockets/events', { websocket: true }, (socket, request) => serve(app, socket, request))
}

/** Not even an answer to a ping: nobody is there. */
const silentMs = 45_000
const { frameBytes, framesPerSecond, frameBurst, framesWaiting, authenticateSeconds } = socketLimits

function serve(app: App, socket: WebSocket, request: FastifyRequest): void {
  const session = new SocketSession(app, socket, request)
  const flood = new TokenBucket(app.clock, framesPerSecond, frameBurst)
  const strangers = setTimeout(
    () => session.refuseStranger('Nothing authenticated it in time.'),
    authenticateSeconds * 1000,
  )
  // A cookie, or the headers of a program, are there before any frame.
  let turn = presentedSecret(request, app.config.publicUrl) === null ? Promise.resolve() : session.open()
  let waiting = 0
  let heardAt = performance.now()
  const heartbeats = setInterval(() => {
    if (performance.now() - heardAt > silentMs) return socket.terminate()
    socket.ping()
    session.beat()
  }, app.streams.heartbeatMs)
  socket.on('pong', () => {
    heardAt = performance.now()
  })
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    heardAt = performance.now()
    if (isBinary) return socket.close(1003, 'frames are JSON texts')
    if (data.length > frameBytes) return socket.close(1009, `a frame has at most ${frameBytes} bytes`)
    if (!flood.admits() || waiting >= framesWaiting) return session.close('rate_limited')
    waiting += 1
    // One after another, as they were sent: who subscribes after authenticating may rely on it.
    turn = turn
      .then(() => session.take(data.toString()))
      .finally(() => {
        waiting -= 1
      })
  })
  socket.on('close', () => {
    clearTimeout(strangers)
    clearInterval(heartbeats)
    session.closed()
  })
  socket.on('error', (error) => request.log.debug({ err: error }, 'events socket'))
}
