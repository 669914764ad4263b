/** A webhook's endpoint that answers as a test likes, and a product that may send to it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect } from 'vitest'
import { Dispatcher } from '../server/webhooks/dispatcher.ts'
import { type TestApp, testApp } from './app.ts'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
  readonly at: number
}

type Answer = number | ((request: IncomingMessage, response: ServerResponse, received: Received) => void)

export class Receiver {
  readonly received: Received[] = []
  /** What the next are answered with. */
  answer: Answer = 200
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response))
    // A sender that goes away in the middle is what some tests are about.
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  of(path: string): Received[] {
    return this.received.filter((one) => one.path === path)
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    try {
      for await (const chunk of request.setEncoding('utf8')) body += chunk
    } catch {
      return // broken off
    }
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const received = { method: request.method ?? '', path: request.url ?? '', headers, body, at: performance.now() }
    this.received.push(received)
    if (typeof this.answer === 'number') response.writeHead(this.answer).end('ok')
    else this.answer(request, response, received)
  }
}

export interface WebhookApp extends TestApp {
  readonly receiver: Receiver
  readonly dispatcher: Dispatcher
}

/** With the process that sends; loopback is allowed for the root organisation. */
export async function webhookApp(options: Parameters<typeof testApp>[0] = {}): Promise<WebhookApp> {
  const receiver = await Receiver.start()
  const made = await testApp({
    ...options,
    environment: { CARILLON_WEBHOOK_ALLOW: '127.0.0.0/8', ...options.environment },
  })
  await made.app.feed.start()
  const dispatcher = new Dispatcher({ app: made.app, connection: made.connection })
  dispatcher.start()
  afterAll(async () => {
    await dispatcher.stop()
    await made.app.outgoing.close()
    receiver.stop()
  })
  return { ...made, receiver, dispatcher }
}

/** Waits until it is so: deliveries come when they come. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 50_000, interval: 20 })
