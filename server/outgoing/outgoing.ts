/** The clients for addresses that customers name: one for everybody, one for accounts that the operator trusts (S8). */
import type { Config } from '../config.ts'
import { createAddressPolicy } from './address-policy.ts'
import { createResolver, type Resolve } from './resolver.ts'
import { SafeClient } from './safe-client.ts'

interface Options {
  readonly config: Config
  readonly rootAccountId: string
  /** For tests: what names resolve to. */
  readonly resolve?: Resolve
  readonly timeoutMs?: number
  readonly ca?: string
}

const resolveMs = 2_000

export class Outgoing {
  readonly #options: Options
  readonly #public: SafeClient
  readonly #trusted: SafeClient

  constructor(options: Options) {
    this.#options = options
    const { config, timeoutMs, ca } = options
    const resolve = options.resolve ?? createResolver({ timeoutMs: resolveMs })
    const rest = { resolve, ...(timeoutMs !== undefined && { timeoutMs }), ...(ca !== undefined && { ca }) }
    this.#public = new SafeClient({ policy: createAddressPolicy(config, []), ...rest })
    this.#trusted = new SafeClient({ policy: createAddressPolicy(config, config.webhookAllow), ...rest })
  }

  /** For requests that this account asks for. */
  clientFor(accountId: string): SafeClient {
    const { config, rootAccountId } = this.#options
    const isTrusted = accountId === rootAccountId || config.webhookAllowAccounts.includes(accountId)
    return isTrusted ? this.#trusted : this.#public
  }

  async close(): Promise<void> {
    await Promise.all([this.#public.close(), this.#trusted.close()])
  }
}
