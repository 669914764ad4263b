/** What follows from rows of the telephony configuration and is not stored: the realm, the opened secrets. */
import type { Secrets, Vault } from '../auth/vault.ts'
import type { AccountRow } from './accounts.ts'

/** Of the public URL's host: what phones register at, unless the account was given another one. */
export const realmOf = ({ id, realm }: Pick<AccountRow, 'id' | 'realm'>, host: string): string =>
  realm ?? `${id}.${host}`

type WithSecrets = 'accounts' | 'users' | 'devices' | 'trunks' | 'webhooks'

/** What a row keeps sealed: `password` of a device or trunk, what a webhook sends. */
export const secretsOf = (
  vault: Vault,
  table: WithSecrets,
  { id, secrets }: { readonly id: string; readonly secrets: Buffer | null },
): Secrets => (secrets === null ? {} : vault.open(`${table}:${id}`, secrets))

/** Null: there is none. */
export function sealSecrets(vault: Vault, table: WithSecrets, id: string, secrets: Secrets): Buffer | null {
  return Object.keys(secrets).length === 0 ? null : vault.seal(`${table}:${id}`, secrets)
}
