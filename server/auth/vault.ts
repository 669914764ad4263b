/**
 * Secrets that must be read again, such as a device's password (S5): AES-256-GCM with a key derived from the master key,
 * which is not in the database. What is sealed for one object cannot be opened as another's.
 *
 * Layout: version 1, four octets that name the key, twelve of nonce, the ciphertext, sixteen of tag.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

export type Secrets = Readonly<Record<string, string>>

export interface Vault {
  /** `about` names the object: its table and id. */
  seal(about: string, secrets: Secrets): Buffer
  /** Throws when it was sealed for something else, or with another master key. */
  open(about: string, sealed: Buffer): Secrets
}

const cipherName = 'aes-256-gcm'
const version = 1
const nameBytes = 4
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + nameBytes + nonceBytes

export function createVault(masterKey: Buffer): Vault {
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'stored secrets', 32))
  const name = createHash('sha256').update(key).digest().subarray(0, nameBytes)
  return {
    seal(about, secrets) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(about))
      const text = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.from([version]), name, nonce, text, cipher.getAuthTag()])
    },
    open(about, sealed) {
      if (sealed[0] !== version || !sealed.subarray(1, 1 + nameBytes).equals(name)) {
        throw new Error(`the secrets of ${about} were sealed with another master key: put the right master.key back`)
      }
      const nonce = sealed.subarray(1 + nameBytes, headBytes)
      const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(about)).setAuthTag(sealed.subarray(-tagBytes))
      const text = Buffer.concat([decipher.update(sealed.subarray(headBytes, -tagBytes)), decipher.final()])
      return JSON.parse(text.toString('utf8'))
    },
  }
}
