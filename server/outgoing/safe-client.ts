/**
 * The one client for HTTP requests to addresses that customers name (S8): http and https only, no redirects, limits of
 * time and size, and no address that the policy refuses.
 *
 * Invariant: a connection is made only to an address that the policy was asked about. Literal addresses are looked at
 * before, because sockets do not look them up; names are resolved here, and the socket gets the answer that was checked,
 * so that a name cannot resolve to something else in between.
 */
import { isIP, type Socket } from 'node:net'
import { Agent, buildConnector, errors } from 'undici'
import type { AddressPolicy } from './address-policy.ts'
import type { Resolve } from './resolver.ts'

export interface SafeRequest {
  readonly method: 'POST' | 'PUT' | 'GET'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export interface SafeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Its beginning, as text. */
  readonly body: string
}

/** Why there is no response, in words for whoever asked for the request. */
export class RequestFailed extends Error {
  override name = 'RequestFailed'
}

interface Options {
  readonly policy: AddressPolicy
  readonly resolve: Resolve
  /** From the first step to the last byte that is read. */
  readonly timeoutMs?: number
  /** More certificates than the runtime trusts; PEM. */
  readonly ca?: string
}

const timeoutMs = 15_000
const connectMs = 5_000
const keptBytes = 4_096
/** Read to the end, so that the connection can be used again; of a longer body the connection is cut off. */
const mostBytes = 65_536
const idleMs = 10_000
const mostTried = 3

export class SafeClient {
  readonly #options: Options
  readonly #agent: Agent
  readonly #open: buildConnector.connector

  constructor(options: Options) {
    this.#options = options
    this.#open = buildConnector({
      timeout: connectMs,
      allowH2: false,
      ...(options.ca !== undefined && { ca: options.ca }),
    })
    this.#agent = new Agent({
      connect: (target, done) => {
        this.#connect(target).then(
          (socket) => done(null, socket),
          (error: Error) => done(error, null),
        )
      },
      allowH2: false,
      connections: null,
      pipelining: 1,
      keepAliveTimeout: idleMs,
      headersTimeout: options.timeoutMs ?? timeoutMs,
      bodyTimeout: options.timeoutMs ?? timeoutMs,
    })
  }

  async request({ method, url, headers, body, signal }: SafeRequest): Promise<SafeResponse> {
    const { origin, pathname, search } = this.#check(url)
    const over = AbortSignal.timeout(this.#options.timeoutMs ?? timeoutMs)
    try {
      const answer = await this.#agent.request({
        origin,
        path: pathname + search,
        method,
        headers,
        ...(body !== undefined && { body }),
        signal: signal ? AbortSignal.any([signal, over]) : over,
      })
      return {
        status: answer.statusCode,
        headers: formatHeaders(answer.headers),
        body: await readBeginning(answer.body),
      }
    } catch (error) {
      throw new RequestFailed(explain(error, over.aborted), { cause: error })
    }
  }

  /** For whoever names an address: null, or why it can never be reached. A name that does not resolve may do so later. */
  async refusal(url: string): Promise<string | null> {
    try {
      const { hostname, port, protocol } = this.#check(url)
      if (isIP(bare(hostname))) return null
      const addresses = await this.#options.resolve(hostname).catch(() => [])
      const refusals = addresses.map(({ address }) => this.#options.policy.refusal(address, portOf(port, protocol)))
      return refusals.length > 0 && refusals.every((one) => one !== null)
        ? `${hostname}: ${addresses[0]?.address} ${refusals[0]}`
        : null
    } catch (error) {
      if (error instanceof RequestFailed) return error.message
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #check(text: string): URL {
    if (!URL.canParse(text)) throw new RequestFailed('is no address')
    // WHATWG: every spelling of an IPv4 address comes out as four decimal numbers.
    const url = new URL(text)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new RequestFailed('must be http or https')
    const host = bare(url.hostname)
    const { policy } = this.#options
    const port = portOf(url.port, url.protocol)
    const refusal = isIP(host) === 0 ? policy.nameRefusal(host, port) : policy.refusal(host, port)
    if (refusal !== null) throw new RequestFailed(`${host} ${refusal}`)
    return url
  }

  /** To the first address that lets itself be connected to; the name is kept for TLS. */
  async #connect(target: buildConnector.Options): Promise<Socket> {
    const { hostname, protocol, port } = target
    const host = bare(hostname)
    const addresses = isIP(host) ? [host] : await this.#allowed(hostname, portOf(port, protocol))
    const servername = target.servername ?? (isIP(host) ? undefined : hostname.replace(/\.$/, ''))
    let failure: unknown
    for (const address of addresses.slice(0, mostTried)) {
      try {
        return await this.#openTo({ ...target, hostname: address, ...(servername !== undefined && { servername }) })
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  #openTo(target: buildConnector.Options): Promise<Socket> {
    return new Promise((resolve, reject) => {
      this.#open(target, (...[error, socket]) => (error === null ? resolve(socket) : reject(error)))
    })
  }

  async #allowed(hostname: string, port: number): Promise<string[]> {
    const { policy, resolve } = this.#options
    const addresses = await resolve(hostname).catch((error: NodeJS.ErrnoException) => {
      throw new RequestFailed(`${hostname} cannot be resolved (${error.code ?? error.message})`)
    })
    const allowed = addresses.filter(({ address }) => policy.refusal(address, port) === null)
    if (allowed.length > 0) return allowed.map(({ address }) => address)
    const [first] = addresses
    throw new RequestFailed(`${hostname}: ${first?.address} ${first && policy.refusal(first.address, port)}`)
  }
}

const bare = (hostname: string) => hostname.replace(/^\[(.*)\]$/, '$1')
const portOf = (port: string, protocol: string) => Number(port || (protocol === 'https:' ? 443 : 80))

const formatHeaders = (headers: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )

/** A gigabyte costs no more than its first 64 KB. */
async function readBeginning(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const kept: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    if (bytes < keptBytes) kept.push(chunk.subarray(0, keptBytes - bytes))
    bytes += chunk.length
    if (bytes > mostBytes) break // which destroys it
  }
  return Buffer.concat(kept).toString('utf8').replaceAll('\0', '\ufffd')
}

/** One line, without what only a programmer of ours could use. */
function explain(error: unknown, isOver: boolean): string {
  if (error instanceof RequestFailed) return error.message
  if (isOver) return 'timeout: no complete answer in time'
  if (error instanceof errors.ConnectTimeoutError) return 'timeout: no connection in time'
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return 'timeout: no complete answer in time'
  }
  if (error instanceof AggregateError && error.errors.length > 0) return explain(error.errors[0], isOver)
  if (!(error instanceof Error)) return 'the request failed'
  const code = 'code' in error ? String(error.code) : error.name
  if (tlsCodes.test(code)) return `TLS: ${error.message.split('\n')[0]?.slice(0, 200)} (${code})`
  return `${error.message.split('\n')[0]?.slice(0, 200)} (${code})`
}

const tlsCodes = /^(CERT_|ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA)/
