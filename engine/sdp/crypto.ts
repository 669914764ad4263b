/** Keys of SRTP in session descriptions (SDES, RFC 4568): `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:…`. */
import type { SrtpSuite } from '../rtp/messages.ts'
import { attributesOf } from './sdp.ts'

export interface CryptoLine {
  readonly tag: string
  readonly suite: SrtpSuite
  /** 30 octets in base64. */
  readonly key: string
}

/** One for each suite, drawn once a leg. */
export type SrtpKeys = Readonly<Record<SrtpSuite, string>>

const suites: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32']
const isSuite = (name: string): name is SrtpSuite => suites.some((suite) => suite === name)

/** The lines that we can speak, in their order. */
export function cryptoLines(attributes: readonly string[]): CryptoLine[] {
  const lines: CryptoLine[] = []
  for (const value of attributesOf(attributes, 'crypto')) {
    const [tag = '', suite = '', key = '', ...parameters] = value.trim().split(/\s+/)
    if (!/^\d{1,9}$/.test(tag) || !isSuite(suite)) continue
    // An unknown session parameter makes the line unusable (§6.3.7); the window size alone is only a hint.
    if (parameters.some((parameter) => !/^WSH=\d+$/.test(parameter))) continue
    // key||salt, then a lifetime; with an MKI every packet would carry it, which nobody sends.
    const inline = /^inline:([A-Za-z0-9+/]{40})(?:\|(?:2\^)?\d+)?$/.exec(key)
    if (inline?.[1]) lines.push({ tag, suite, key: inline[1] })
  }
  return lines
}

export const cryptoAttribute = ({ tag, suite, key }: CryptoLine): string => `crypto:${tag} ${suite} inline:${key}`

export const offeredLines = (keys: SrtpKeys): CryptoLine[] =>
  suites.map((suite, index) => ({ tag: String(index + 1), suite, key: keys[suite] }))
