/** Debian's coturn, TCP towards browsers only, with the shared-secret scheme that our credentials are made for (M19). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { freePort, until } from '../carillon.ts'

export interface Turn {
  readonly url: string
  readonly secret: string
  /** What it logged. */
  readonly log: () => string
  stop(): Promise<void>
}

const secret = 'the secret of the tests'

export async function startTurn(address: string): Promise<Turn> {
  const port = await freePort()
  const flags = {
    'listening-ip': address,
    'relay-ip': address,
    'listening-port': String(port),
    'static-auth-secret': secret,
    realm: 'carillon',
    'log-file': 'stdout',
    pidfile: '/dev/null',
  }
  const switches = [
    '-n',
    '-v',
    '--no-udp',
    '--no-tls',
    '--no-dtls',
    '--no-cli',
    '--use-auth-secret',
    '--simple-log',
    '--allow-loopback-peers',
  ]
  const named = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const child = spawn('/usr/bin/turnserver', [...switches, ...named], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stdout.on('data', (text) => (log += text))
  child.stderr.on('data', (text) => (log += text))
  const gone = once(child, 'exit')
  await until(() => (child.exitCode === null ? isListening(address, port) : Promise.reject(new Error(log))), 'coturn')
  return {
    url: `turn:${address}:${port}?transport=tcp`,
    secret,
    log: () => log,
    async stop() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

function isListening(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address)
  return new Promise((resolve) => {
    const say = (isConnected: boolean) => {
      socket.destroy()
      resolve(isConnected)
    }
    socket.once('connect', () => say(true))
    socket.once('error', () => say(false))
  })
}
