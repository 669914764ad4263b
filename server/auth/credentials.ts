/**
 * Finds out whose a presented secret is. Answers are kept for two seconds, so that a busy key costs no query per call
 * and a key revoked by another process ends within five (S4); what this process revokes ends at once. Last uses are
 * written in batches.
 */
import { timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { allScopes, type Role, type Scope, ScopeName } from '../../contract/access.ts'
import { hashSecret } from '../ids.ts'
import type { Database } from '../store/database.ts'

export interface Credential {
  readonly kind: 'key' | 'token'
  readonly accountId: string
  readonly keyId: string | null
  readonly userId: string | null
  readonly role: Role
  readonly scopes: ReadonlySet<Scope>
  readonly expiresAt: Date | null
  readonly networks: BlockList | null
  /** Stable and not secret. */
  readonly name: string
}

interface Options {
  readonly database: Database
  readonly instanceApiKey: string
  readonly rootAccountId: string
  readonly clock: () => number
}

const freshMs = 2_000
const largestCache = 20_000
export const tokenLifeMs = 24 * 3_600_000

export class Credentials {
  readonly #options: Options
  readonly #instanceHash: Buffer
  readonly #known = new Map<string, { at: number; credential: Credential | null }>()
  readonly #usedKeys = new Map<string, number>()
  readonly #usedTokens = new Map<string, number>()

  constructor(options: Options) {
    this.#options = options
    this.#instanceHash = hashSecret(options.instanceApiKey)
  }

  /** Null: unknown or expired. */
  async find(secret: string): Promise<Credential | null> {
    const { clock } = this.#options
    const hash = hashSecret(secret)
    const name = hash.toString('base64')
    const known = this.#known.get(name)
    const credential = known && clock() - known.at < freshMs ? known.credential : await this.#load(hash, name)
    if (!credential) return null
    if (credential.expiresAt && credential.expiresAt.getTime() <= clock()) return null
    if (credential.kind === 'token') this.#usedTokens.set(name, clock())
    else if (credential.keyId) this.#usedKeys.set(credential.keyId, clock())
    return credential
  }

  /** Something was revoked or changed here: the next call looks again. */
  forget(): void {
    this.#known.clear()
  }

  /** Writes when keys were last used, and moves the end of tokens that were (A7). Call every few seconds. */
  async flush(): Promise<void> {
    const keys = [...this.#usedKeys]
    const tokens = [...this.#usedTokens]
    this.#usedKeys.clear()
    this.#usedTokens.clear()
    const { database } = this.#options
    for (const [id, at] of keys) {
      await database
        .updateTable('apiKeys')
        .set({ lastUsedAt: new Date(at) })
        .where('id', '=', id)
        .execute()
    }
    for (const [name, at] of tokens) {
      await database
        .updateTable('tokens')
        .set({ expiresAt: new Date(at + tokenLifeMs) })
        .where('hash', '=', Buffer.from(name, 'base64'))
        .where('expiresAt', '>', new Date(at))
        .execute()
    }
  }

  async #load(hash: Buffer, name: string): Promise<Credential | null> {
    const credential = this.#asInstanceKey(hash) ?? (await this.#loadKey(hash)) ?? (await this.#loadToken(hash, name))
    if (this.#known.size >= largestCache) this.#known.clear()
    this.#known.set(name, { at: this.#options.clock(), credential })
    return credential
  }

  #asInstanceKey(hash: Buffer): Credential | null {
    if (!timingSafeEqual(hash, this.#instanceHash)) return null
    return {
      kind: 'key',
      accountId: this.#options.rootAccountId,
      keyId: null,
      userId: null,
      role: 'instance',
      scopes: new Set(allScopes),
      expiresAt: null,
      networks: null,
      name: 'instance',
    }
  }

  async #loadKey(hash: Buffer): Promise<Credential | null> {
    const row = await this.#options.database
      .selectFrom('apiKeys')
      .selectAll()
      .where('hash', '=', hash)
      .executeTakeFirst()
    if (!row) return null
    return {
      kind: 'key',
      accountId: row.accountId,
      keyId: row.id,
      userId: null,
      role: row.role,
      scopes: toScopes(row.scopes),
      expiresAt: row.expiresAt,
      networks: toBlockList(row.networks),
      name: row.id,
    }
  }

  async #loadToken(hash: Buffer, name: string): Promise<Credential | null> {
    const row = await this.#options.database
      .selectFrom('tokens')
      .leftJoin('apiKeys', 'apiKeys.id', 'tokens.keyId')
      .selectAll('tokens')
      .select(['apiKeys.networks', 'apiKeys.expiresAt as keyExpiresAt'])
      .where('tokens.hash', '=', hash)
      .executeTakeFirst()
    if (!row) return null
    if (row.instanceKey && !row.instanceKey.equals(this.#instanceHash)) return null
    return {
      kind: 'token',
      accountId: row.accountId,
      keyId: row.keyId,
      userId: row.userId,
      role: row.role,
      scopes: toScopes(row.scopes),
      expiresAt: row.keyExpiresAt && row.keyExpiresAt < row.expiresAt ? row.keyExpiresAt : row.expiresAt,
      networks: toBlockList(row.networks ?? []),
      name: `token_${name.slice(0, 22)}`,
    }
  }
}

/** A scope that a later version dropped gives no right. */
export const toScopes = (names: readonly string[]): ReadonlySet<Scope> =>
  new Set(names.flatMap((name) => ScopeName.safeParse(name).data ?? []))

function toBlockList(networks: readonly string[]): BlockList | null {
  if (networks.length === 0) return null
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

export function isFromNetwork(credential: Credential, ip: string): boolean {
  if (!credential.networks) return true
  const plain = ip.replace(/^::ffff:/, '')
  return credential.networks.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}
