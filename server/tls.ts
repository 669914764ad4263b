/**
 * The certificate that HTTP and SIP are served with: the operator's, or one of our own making, kept in `<data dir>/tls`
 * and renewed before it ends. HTTP uses it when it is wanted (`CARILLON_TLS=self-signed`): browsers warn of it once and
 * then give their cameras. SIP over TLS always has one: phones encrypt with it whether they check it or not.
 */
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Config } from './config.ts'

export interface Tls {
  readonly cert: string
  readonly key: string
}

const dayMs = 86_400_000
const lifeDays = 397 // the most that browsers take
const renewDays = 30

const filesOf = (config: Config) => ({
  cert: join(config.dataDir, 'tls', 'certificate.pem'),
  key: join(config.dataDir, 'tls', 'key.pem'),
})

/** Null: plain HTTP. */
export function readTls(config: Config): Tls | null {
  return config.tls === 'self-signed' ? readOwn(config) : config.tls
}

export const readSipTls = (config: Config): Tls =>
  config.tls === 'self-signed' || config.tls === null ? readOwn(config) : config.tls

function readOwn(config: Config): Tls {
  const files = filesOf(config)
  return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
}

/** Makes the certificate when it is missing, ends soon, or names another host. Done by the supervisor alone. */
export async function prepareTls(config: Config): Promise<void> {
  if (config.tls !== 'self-signed' && config.tls !== null) return
  const files = filesOf(config)
  const host = new URL(config.publicUrl).hostname.replace(/^\[|\]$/g, '')
  if (existsSync(files.cert) && existsSync(files.key) && isGood(readFileSync(files.cert, 'utf8'), host)) return
  const { generate } = await import('selfsigned') // heavy, and needed once a year
  const now = Date.now()
  const made = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - dayMs),
    notAfterDate: new Date(now + lifeDays * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: namesOf(config, host) },
    ],
  })
  mkdirSync(join(config.dataDir, 'tls'), { recursive: true, mode: 0o700 })
  // The certificate last: with it the pair is whole.
  writeWhole(files.key, made.private)
  writeWhole(files.cert, made.cert)
}

function isGood(pem: string, host: string): boolean {
  const certificate = new X509Certificate(pem)
  const isLasting = Date.parse(certificate.validTo) - Date.now() > renewDays * dayMs
  const isForHost = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  return isLasting && isForHost !== undefined
}

function namesOf(config: Config, host: string) {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const names = new Set(['localhost', host, ...(config.publicIps ?? []), ...own.map(({ address }) => address)])
  return [...names].map((name) =>
    isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
  )
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.part`, text, { mode: 0o600, flush: true })
  renameSync(`${file}.part`, file)
}
