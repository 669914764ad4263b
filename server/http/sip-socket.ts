/**
 * SIP over WebSocket (RFC 7118), `/v3.0/websockets/sip`: the phone in a browser, and whoever else speaks the subprotocol
 * `sip`. Here are the sockets alone; who a phone is, its password tells the voice process as everywhere.
 */
import { isUtf8 } from 'node:buffer'
import type { WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from '../api-error.ts'
import type { Bridge } from '../voice/bridge.ts'

export const sipSubprotocol = 'sip'

/** T7: a phone that is gone is noticed in two of these. */
const pingMs = 30_000
const largestMessage = 65_535
/** A peer that does not read. */
const mostBuffered = 1_048_576
/** RFC 6455 §7.4.1, and 1012 and 1013 of its registry. */
const codes = { unreadable: 1009, restart: 1012, tryAgain: 1013 }

export function addSipSocket(http: FastifyInstance, bridge: Bridge): void {
  const preValidation = async (request: FastifyRequest) => {
    // §4: the header with the value `sip` is a MUST, and no page of another site opens such a socket by accident.
    if (offers(request).includes(sipSubprotocol)) return
    throw new ApiError('invalid_request', 'Sec-WebSocket-Protocol: must name `sip` (RFC 7118).')
  }
  http.get('/v3.0/websockets/sip', { websocket: true, preValidation }, (socket, request) =>
    serve(socket, request, bridge),
  )
}

const offers = ({ headers }: FastifyRequest): string[] =>
  String(headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())

function serve(socket: WebSocket, request: FastifyRequest, bridge: Bridge): void {
  const peer = {
    address: request.ip.replace(/^::ffff:(?=\d+\.)/, ''),
    port: request.socket.remotePort ?? 0,
    isSecure: request.protocol === 'https',
  }
  const connection = bridge.open(peer, {
    send: (message) => {
      if (socket.bufferedAmount > mostBuffered) socket.terminate()
      else socket.send(message, { binary: !isUtf8(message) })
    },
    close: () => socket.close(codes.restart, 'the voice process starts again'),
  })
  if (connection === null) return socket.close(codes.tryAgain, 'the voice process is away')
  let hasAnswered = true
  const pings = setInterval(() => {
    if (!hasAnswered) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }, pingMs)
  socket.on('pong', () => {
    hasAnswered = true
  })
  socket.on('message', (data: Buffer) => {
    hasAnswered = true
    if (data.length > largestMessage) return socket.close(codes.unreadable, 'too large')
    connection.send(data)
  })
  socket.on('close', () => {
    clearInterval(pings)
    connection.close()
  })
  socket.on('error', (error) => request.log.debug({ err: error }, 'SIP WebSocket'))
}
