/** Between a client and the server: breaks connections when and where a test says. Bytes pass as they are. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll } from 'vitest'

/** What becomes of the next connection: nothing is answered, or the answer is lost after it was made. */
type Fault = 'refuse' | 'lose_answer'

export class FlakyProxy {
  readonly url: string
  readonly #faults: Fault[] = []
  readonly #sockets = new Set<Socket>()

  private constructor(url: string) {
    this.url = url
  }

  static async before(target: string): Promise<FlakyProxy> {
    const { port } = new URL(target)
    const server = createServer((socket) => proxy.#serve(socket, Number(port)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FlakyProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    afterAll(() => {
      proxy.breakAll()
      server.close()
    })
    return proxy
  }

  /** The next connections, one fault each. */
  next(...faults: Fault[]): void {
    this.#faults.push(...faults)
  }

  /** Every connection that is open ends now. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(client: Socket, port: number): void {
    const fault = this.#faults.shift()
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      // What a broken connection says is what the test wanted.
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    if (fault === 'refuse') return void client.destroy()
    client.pipe(server)
    if (fault === 'lose_answer') server.once('data', () => client.destroy())
    else server.pipe(client)
  }
}
