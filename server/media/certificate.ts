/**
 * The DTLS certificate of a media worker: one for all its transports, made at its start and never stored. That it is
 * known before a transport exists is what lets an offer be written without one (pipe.ts).
 */
import { randomBytes, X509Certificate } from 'node:crypto'

export interface Certificate {
  readonly cert: string
  readonly key: string
  /** As in `a=fingerprint` (RFC 8122). */
  readonly fingerprint: string
}

const dayMs = 86_400_000
/** A worker may run for long, and browsers do not look at the dates (RFC 8827 §5.1). */
const lifeDays = 3_650

export async function makeCertificate(): Promise<Certificate> {
  const { generate } = await import('selfsigned')
  const now = Date.now()
  // Nothing in it says whose it is: it is shown to every participant.
  const name = randomBytes(8).toString('hex')
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - dayMs),
    notAfterDate: new Date(now + lifeDays * dayMs),
  })
  return { cert, key, fingerprint: `sha-256 ${new X509Certificate(cert).fingerprint256}` }
}
