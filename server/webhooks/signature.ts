/**
 * Signatures of Standard Webhooks: `v1` is HMAC-SHA-256 with a shared secret (`whsec_…`), `v1a` ed25519 with a private key
 * (`whsk_…`: its seed and the public key) whose public half (`whpk_…`) receivers know.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'

type Signing = 'hmac' | 'ed25519'

const prefixes: Record<Signing, string> = { hmac: 'whsec_', ed25519: 'whsk_' }
/** RFC 8410 §7: what stands before the 32 octets of a seed. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const seedBytes = 32

export function newSigningSecret(signing: Signing): string {
  if (signing === 'hmac') return prefixes.hmac + randomBytes(seedBytes).toString('base64')
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const bytes = Buffer.concat([rawOf(privateKey, 'pkcs8'), rawOf(publicKey, 'spki')])
  return prefixes.ed25519 + bytes.toString('base64')
}

const rawOf = (key: KeyObject, type: 'pkcs8' | 'spki') =>
  key.export({ format: 'der', type: type as 'pkcs8' }).subarray(-seedBytes)

/** `whpk_…` of a `whsk_…`; null: the secret is a shared one. */
export function publicKeyOf(secret: string): string | null {
  if (!secret.startsWith(prefixes.ed25519)) return null
  return `whpk_${rawOf(createPublicKey(privateKeyOf(secret)), 'spki').toString('base64')}`
}

const bytesOf = (secret: string) => Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64')

function privateKeyOf(secret: string): KeyObject {
  const key = Buffer.concat([pkcs8Head, bytesOf(secret).subarray(0, seedBytes)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** Makes the value of `webhook-signature` for one secret. */
export type Sign = (id: string, timestamp: number, body: string) => string

export function createSign(secret: string): Sign {
  const text = (id: string, timestamp: number, body: string) => `${id}.${timestamp}.${body}`
  if (secret.startsWith(prefixes.ed25519)) {
    const key = privateKeyOf(secret)
    return (...of) => `v1a,${sign(null, Buffer.from(text(...of)), key).toString('base64')}`
  }
  const key = bytesOf(secret)
  return (...of) =>
    `v1,${createHmac('sha256', key)
      .update(text(...of))
      .digest('base64')}`
}
