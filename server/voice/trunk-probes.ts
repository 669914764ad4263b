/**
 * Which trunks are there (T15): each that wants it is asked with OPTIONS from time to time. What is not known yet, or not
 * asked, counts as there.
 */
import type { FastifyBaseLogger } from 'fastify'
import { PeerProbe, type PeerProbeOptions } from '../../engine/sip/peer-probe.ts'
import { formatUri } from '../../engine/sip/uri.ts'
import type { Directories, TrunkLogin } from './directories.ts'
import { type Exchange, newToken } from './exchange.ts'

export interface TrunkProbesOptions {
  readonly directories: Pick<Directories, 'trunks'>
  readonly exchange: () => Pick<Exchange, 'transactions' | 'queue' | 'run'>
  readonly locate: PeerProbeOptions['locate']
  readonly agent: string
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

interface Held {
  readonly probe: PeerProbe
  /** What it was made from: another text is another probe. */
  readonly plan: string
}

interface Plan {
  readonly uri: string
  readonly nextUri: string
  readonly from: string
  readonly intervalMs: number
}

export class TrunkProbes {
  readonly #options: TrunkProbesOptions
  readonly #held = new Map<string, Held>()

  constructor(options: TrunkProbesOptions) {
    this.#options = options
  }

  isUp(trunkId: string): boolean {
    return this.#held.get(trunkId)?.probe.isAlive !== false
  }

  /** Call when configuration changed. */
  refresh(): void {
    const wanted = new Map([...this.#options.directories.trunks].filter(isProbed).map((one) => [one.trunk.id, one]))
    this.#options.exchange().run((now) => {
      for (const [trunkId, { probe, plan }] of this.#held) {
        const login = wanted.get(trunkId)
        if (login !== undefined && JSON.stringify(planOf(login)) === plan) continue
        probe.stop()
        this.#held.delete(trunkId)
      }
      for (const [trunkId, login] of wanted) {
        if (this.#held.has(trunkId)) continue
        const plan = planOf(login)
        const probe = this.#probe(trunkId, plan)
        this.#held.set(trunkId, { probe, plan: JSON.stringify(plan) })
        probe.start(now)
      }
    })
  }

  #probe(trunk: string, { uri, nextUri, from, intervalMs }: Plan): PeerProbe {
    const { exchange, locate, agent, log } = this.#options
    const { transactions, queue } = exchange()
    return new PeerProbe({
      ...{ transactions, queue, agent, uri, from, intervalMs },
      locate: (now, _uri, done) => locate(now, nextUri, done),
      fraction: Math.random,
      token: newToken,
      onChange: (_now, isAlive) => {
        if (isAlive) log.info({ trunk }, 'a trunk answers')
        else log.warn({ trunk }, 'a trunk does not answer: calls go by others while there are any')
      },
    })
  }
}

const isProbed = ({ trunk, optionsSeconds }: TrunkLogin): boolean =>
  optionsSeconds > 0 && trunk.enabled && trunk.server !== ''

function planOf({ trunk, optionsSeconds }: TrunkLogin): Plan {
  const { server, port, transport, outboundProxy, username, options } = trunk
  const params = `;transport=${transport}`
  return {
    uri: formatUri({ host: server, port, params }),
    nextUri: outboundProxy === null ? formatUri({ host: server, port, params }) : `sip:${outboundProxy}${params}`,
    from: formatUri({ host: options.overrideFromDomain ?? server, user: username ?? 'carillon' }),
    intervalMs: optionsSeconds * 1_000,
  }
}
