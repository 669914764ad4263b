/**
 * The WebSocket of meeting pages, `/meet/socket`: reads frames, checks them, limits them, and closes what is silent
 * (M6). It authenticates nobody: a meeting's number is the invitation; guessing numbers is limited by address (S10).
 */
import type { WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ClientFrame, type ClientOp, clientOps } from '../../contract/signalling.ts'
import type { App } from '../app.ts'
import { isDatabaseDown } from '../store/database.ts'
import { TokenBucket } from '../token-bucket.ts'
import { Conversation } from './conversation.ts'
import type { Wire } from './session.ts'
import { SignallingError } from './signalling-error.ts'

const helloMs = 5_000
const silentMs = 15_000
/** A page sends a handful a second; more than this is a fault or an attack. */
const framesPerSecond = 40
const burst = 200
const largestFrame = 262_144
const unknownPerMinute = 30

export function addMeetingSocket(http: FastifyInstance, app: App): void {
  const guesses = new Guesses(app.clock)
  http.get('/meet/socket', { websocket: true }, (socket, request) => serve(app, socket, request, guesses))
}

function serve(app: App, socket: WebSocket, request: FastifyRequest, guesses: Guesses): void {
  const wire: Wire = {
    send: (text) => socket.send(text),
    close: () => socket.close(1000),
    get bufferedBytes() {
      return socket.bufferedAmount
    },
  }
  const conversation = new Conversation(app.rooms, wire, request.ip)
  const flood = new TokenBucket(app.clock, framesPerSecond, burst)
  const hello = setTimeout(() => !conversation.session && socket.close(1008, 'say hello'), helloMs)
  let silence = setTimeout(() => socket.terminate(), silentMs)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    clearTimeout(silence)
    silence = setTimeout(() => socket.terminate(), silentMs)
    if (isBinary || data.length > largestFrame) return socket.close(1009, 'too large or not text')
    if (!flood.admits()) return socket.close(1008, 'too many frames')
    void answer(app, conversation, socket, request, guesses, data.toString())
  })
  socket.on('close', () => {
    clearTimeout(hello)
    clearTimeout(silence)
    conversation.closed()
  })
  socket.on('error', (error) => request.log.debug({ err: error }, 'meeting socket'))
}

async function answer(
  app: App,
  conversation: Conversation,
  socket: WebSocket,
  request: FastifyRequest,
  guesses: Guesses,
  text: string,
): Promise<void> {
  const frame = readFrame(text)
  if (!frame) return socket.close(1007, 'not a frame')
  const say = (value: object) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(value))
  try {
    if (frame.op === 'hello' && guesses.isOver(request.ip)) throw new SignallingError('too_many')
    say({ re: frame.id, ok: await carryOut(conversation, frame) })
  } catch (error) {
    const refusal = toRefusal(app, error)
    if (refusal.code === 'not_found') guesses.count(request.ip)
    say({ re: frame.id, error: { code: refusal.code, message: refusal.message } })
  }
}

function readFrame(text: string) {
  try {
    return ClientFrame.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

const isOp = (op: string): op is ClientOp => Object.hasOwn(clientOps, op)

async function carryOut(conversation: Conversation, frame: { op: string; params: unknown }): Promise<unknown> {
  const { op } = frame
  if (!isOp(op)) throw new SignallingError('bad_frame', 'op: is none that this server knows')
  const params = clientOps[op].params.safeParse(frame.params ?? {})
  if (!params.success) {
    const issue = params.error.issues[0]
    throw new SignallingError('bad_params', `${issue?.path.join('.') || 'params'}: ${issue?.message}`)
  }
  // Each op takes what its own schema reads; that the two belong together, the table says.
  const run = conversation.ops[op] as (params: unknown) => Promise<unknown>
  return run(params.data)
}

function toRefusal(app: App, error: unknown): SignallingError {
  if (error instanceof SignallingError) return error
  if (isDatabaseDown(error))
    return new SignallingError('internal', 'The database cannot be reached; try again shortly.')
  app.log.error({ err: error }, 'a meeting frame failed by our fault')
  return new SignallingError('internal')
}

/** Numbers that did not exist, by address, in the present minute. */
class Guesses {
  readonly #clock: () => number
  readonly #counts = new Map<string, number>()
  #minute = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  isOver(ip: string): boolean {
    this.#turn()
    return (this.#counts.get(ip) ?? 0) >= unknownPerMinute
  }

  count(ip: string): void {
    this.#turn()
    this.#counts.set(ip, (this.#counts.get(ip) ?? 0) + 1)
  }

  #turn(): void {
    const minute = Math.floor(this.#clock() / 60_000)
    if (minute !== this.#minute) this.#counts.clear()
    this.#minute = minute
  }
}
