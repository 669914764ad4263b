/**
 * The two UDP sockets of an endpoint: RTP on its port, RTCP on the next one. What arrives goes straight to the endpoint.
 *
 * Sending is synchronous, because the look-up of an address in figures is answered at once: so a buffer may be used again
 * when the call returns (M5).
 */
import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint, Transport } from '../../engine/rtp/endpoint.ts'

/** T9: what waits in the kernel while the loop is busy. */
const wantedBuffer = 4 * 1024 * 1024

export interface SocketGuard {
  /** A receive or send that failed, an ICMP error; media goes on. */
  readonly onError: (error: Error) => void
  /** What an arriving packet caused threw. */
  readonly fault: (endpoint: Endpoint, error: unknown) => void
}

export function openRtpSockets(
  endpoint: Endpoint,
  { onError, fault }: SocketGuard,
  done: (result: Transport | { readonly reason: string }) => void,
): void {
  const { port, address } = endpoint
  const failed = (error: Error) => done({ reason: sentence(error, port, address) })
  bind(address, port, failed, (rtp) => {
    const failedSecond = (error: Error) => {
      rtp.close()
      done({ reason: sentence(error, port + 1, address) })
    }
    bind(address, port + 1, failedSecond, (rtcp) => {
      for (const socket of [rtp, rtcp]) socket.on('error', onError)
      rtp.on('message', (bytes, from) => {
        try {
          endpoint.onRtp(bytes, from.address, from.port, performance.now())
        } catch (error) {
          fault(endpoint, error)
        }
      })
      rtcp.on('message', (bytes, from) => {
        try {
          endpoint.onRtcp(bytes, from.address, from.port, performance.now())
        } catch (error) {
          fault(endpoint, error)
        }
      })
      done({
        rtp: (bytes, to, toAddress) => rtp.send(bytes, to, toAddress),
        rtcp: (bytes, to, toAddress) => rtcp.send(bytes, to, toAddress),
        close: () => {
          rtp.close()
          rtcp.close()
        },
      })
    })
  })
}

function bind(address: string, port: number, failed: (error: Error) => void, bound: (socket: Socket) => void): void {
  const isV6 = address.includes(':')
  const family = isV6 ? 6 : 4
  const socket = createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ipv6Only: isV6,
    recvBufferSize: wantedBuffer,
    lookup: (host, _options, callback) => callback(null, host, family),
  })
  const onError = (error: Error) => {
    socket.close()
    failed(error)
  }
  socket.once('error', onError)
  socket.bind({ port, address, exclusive: true }, () => {
    socket.off('error', onError)
    bound(socket)
  })
}

function sentence(error: Error, port: number, address: string): string {
  const code = 'code' in error ? error.code : ''
  if (code === 'EADDRINUSE') return `UDP port ${port} is taken`
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return `this machine does not have the address ${address}`
  if (code === 'EMFILE' || code === 'ENFILE') return 'there are too many open files: raise the limit (ulimit -n)'
  return error.message
}

/** What the kernel gives of the buffer that is asked for, in bytes. */
export function receiveBuffer(): Promise<{ readonly got: number; readonly wanted: number }> {
  return new Promise((resolve, reject) => {
    bind('127.0.0.1', 0, reject, (socket) => {
      const got = socket.getRecvBufferSize() / 2 // the kernel counts its own book-keeping in
      socket.close()
      resolve({ got, wanted: wantedBuffer })
    })
  })
}
