/** Passwords: Argon2id with the parameters of OWASP's cheat sheet (19 MiB, 2 passes). */
import { hash, verify } from '@node-rs/argon2'

const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string): Promise<string> => hash(password, options)

/** Made from nothing anybody knows, so that an unknown person costs as much time as a wrong password (S11). */
let decoy: Promise<string> | undefined

export async function isPassword(stored: string | null, password: string): Promise<boolean> {
  if (stored !== null) return verify(stored, password)
  decoy ??= hashPassword(crypto.randomUUID())
  await verify(await decoy, password)
  return false
}
