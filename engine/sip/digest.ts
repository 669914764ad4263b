/**
 * Digest authentication (RFC 2617, RFC 7616, RFC 8760): what server and client compute alike. The hash functions are
 * given, because engines have none.
 */
export type DigestAlgorithm = 'MD5' | 'SHA-256'

/** Each gives its hash in lower case hexadecimal. */
export interface DigestHashes {
  readonly md5: (text: string) => string
  readonly sha256: (text: string) => string
}

export const hashOf = (hashes: DigestHashes, algorithm: DigestAlgorithm): ((text: string) => string) =>
  algorithm === 'MD5' ? hashes.md5 : hashes.sha256

/** RFC 7616 §3.4.2. All of a password that answering takes: kept as carefully as the password. */
export function ha1Of(
  hashes: DigestHashes,
  algorithm: DigestAlgorithm,
  login: { username: string; realm: string; password: string },
): string {
  return hashOf(hashes, algorithm)(`${login.username}:${login.realm}:${login.password}`)
}

export interface DigestInput {
  readonly ha1: string
  readonly method: string
  readonly uri: string
  readonly nonce: string
  /** Null: as RFC 2069 had it, without count and without a nonce of the client. */
  readonly counted: { readonly nc: string; readonly cnonce: string; readonly qop: string } | null
  /** Of the body, for `auth-int`. */
  readonly bodyHash?: string
}

/** RFC 7616 §3.4.1. */
export function digestResponse(hash: (text: string) => string, input: DigestInput): string {
  const { ha1, method, uri, nonce, counted, bodyHash } = input
  const ha2 = hash(bodyHash === undefined ? `${method}:${uri}` : `${method}:${uri}:${bodyHash}`)
  if (counted === null) return hash(`${ha1}:${nonce}:${ha2}`)
  return hash(`${ha1}:${nonce}:${counted.nc}:${counted.cnonce}:${counted.qop}:${ha2}`)
}

/** The algorithm of a challenge or an answer; RFC 7616 §3.3: MD5 when it does not say. */
export function algorithmOf(
  params: ReadonlyMap<string, string>,
): { algorithm: DigestAlgorithm; isSession: boolean } | null {
  const said = (params.get('algorithm') ?? 'MD5').toUpperCase()
  const isSession = said.endsWith('-SESS')
  const algorithm = isSession ? said.slice(0, -5) : said
  return algorithm === 'MD5' || algorithm === 'SHA-256' ? { algorithm, isSession } : null
}
