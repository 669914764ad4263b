/**
 * Finds out whose a presented secret is. Answers are kept for two seconds, so that a busy key costs no query per call
 * and a key revoked by another process ends within five (S4); what this process revokes ends at once. Last uses are
 * written in batches.
 */
import { timingSafeEqual } from 'node:crypto'
import { sql } from 'kysely'
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

  /** Null: unknown or expired. One that is only looked at again does not become younger by it. */
  async find(secret: string, isUse = true): Promise<Credential | null> {
    const { clock } = this.#options
    const hash = hashSecret(secret)
    const name = hash.toString('base64')
    const known = this.#known.get(name)
    const credential = known && clock() - known.at < freshMs ? known.credential : await this.#load(hash, name)
    if (!credential) return null
    if (credential.expiresAt && credential.expiresAt.getTime() <= clock()) return null
    if (!isUse) return credential
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

  /** Looks for many at once; `find` then knows them. */
  async refresh(secrets: ReadonlySet<string>): Promise<void> {
    const hashes = [...secrets].map(hashSecret)
    if (hashes.length === 0) return
    const at = this.#options.clock()
    const [keys, tokens] = await Promise.all([this.#readKeys(hashes), this.#readTokens(hashes)])
    for (const hash of hashes) {
      const name = hash.toString('base64')
      const credential = this.#asInstanceKey(hash) ?? keys.get(name) ?? tokens.get(name) ?? null
      this.#know(name, at, credential)
    }
  }

  async #load(hash: Buffer, name: string): Promise<Credential | null> {
    const at = this.#options.clock()
    const credential =
      this.#asInstanceKey(hash) ??
      (await this.#readKeys([hash])).get(name) ??
      (await this.#readTokens([hash])).get(name) ??
      null
    this.#know(name, at, credential)
    return credential
  }

  #know(name: string, at: number, credential: Credential | null): void {
    if (this.#known.size >= largestCache) this.#known.clear()
    this.#known.set(name, { at, credential })
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

  /** By the hash in base64. */
  async #readKeys(hashes: readonly Buffer[]): Promise<Map<string, Credential>> {
    const rows = await this.#options.database
      .selectFrom('apiKeys')
      .selectAll()
      .where('hash', '=', sql<Buffer>`any(${hashes}::bytea[])`)
      .execute()
    const toCredential = (row: (typeof rows)[number]): Credential => ({
      kind: 'key',
      accountId: row.accountId,
      keyId: row.id,
      userId: null,
      role: row.role,
      scopes: toScopes(row.scopes),
      expiresAt: row.expiresAt,
      networks: toBlockList(row.networks),
      name: row.id,
    })
    return new Map(rows.map((row) => [row.hash.toString('base64'), toCredential(row)]))
  }

  async #readTokens(hashes: readonly Buffer[]): Promise<Map<string, Credential>> {
    const rows = await this.#options.database
      .selectFrom('tokens')
      .leftJoin('apiKeys', 'apiKeys.id', 'tokens.keyId')
      .selectAll('tokens')
      .select(['apiKeys.networks', 'apiKeys.expiresAt as keyExpiresAt'])
      .where('tokens.hash', '=', sql<Buffer>`any(${hashes}::bytea[])`)
      .execute()
    const valid = rows.filter(({ instanceKey }) => !instanceKey || instanceKey.equals(this.#instanceHash))
    const toCredential = (row: (typeof rows)[number], name: string): Credential => ({
      kind: 'token',
      accountId: row.accountId,
      keyId: row.keyId,
      userId: row.userId,
      role: row.role,
      scopes: toScopes(row.scopes),
      expiresAt: row.keyExpiresAt && row.keyExpiresAt < row.expiresAt ? row.keyExpiresAt : row.expiresAt,
      networks: toBlockList(row.networks ?? []),
      name: `token_${name.slice(0, 22)}`,
    })
    return new Map(
      valid.map((row) => {
        const name = row.hash.toString('base64')
        return [name, toCredential(row, name)]
      }),
    )
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
