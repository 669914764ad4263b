/**
 * Changes of an object's settings (A1, RFC 7396): absent keeps, null clears to the standard value, objects are changed in
 * parts, lists are replaced. Stored is what differs from the standard; free objects such as metadata are merged by name.
 */
import { isDeepStrictEqual } from 'node:util'
import { invalidField } from '../api-error.ts'
import type { Secrets, Vault } from '../auth/vault.ts'
import { sealSecrets, secretsOf } from '../store/telephony.ts'

type Values = Readonly<Record<string, unknown>>

const mostMetadata = 16_384

/**
 * `wanted` may hold more than settings: what `standard` does not name is left alone. `place` is where `wanted` stands in
 * the body.
 */
export function mergeSettings<S extends object>(
  standard: S,
  before: Partial<S>,
  wanted: object,
  place = 'data',
): Partial<S> {
  const asked: Values = { ...wanted }
  const current: Values = { ...standard, ...before }
  const merged = Object.entries(standard).map(([name, plain]) => [name, mergeField(plain, current[name], asked[name])])
  // Of what it comes to, not of what is sent: many small changes add up.
  if (asked.metadata) refuseMuch(toValues(Object.fromEntries(merged)).metadata, place)
  const differing = merged.filter(([name, value]) => !isDeepStrictEqual(value, toValues(standard)[String(name)]))
  return Object.fromEntries(differing) as Partial<S>
}

function refuseMuch(metadata: unknown, place: string): void {
  if (JSON.stringify(metadata).length <= mostMetadata) return
  throw invalidField(`${place}.metadata`, 'must be at most 16 KB as JSON, with what is there already')
}

const toValues = (object: object): Values => ({ ...object })
const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function mergeField(standard: unknown, current: unknown, asked: unknown): unknown {
  if (asked === undefined) return current
  if (asked === null) return standard
  if (!isObject(standard) || !isObject(asked) || !isObject(current)) return asked
  const names = Object.keys(standard)
  if (names.length === 0) return mergeFree(current, asked)
  return Object.fromEntries(names.map((name) => [name, mergeField(standard[name], current[name], asked[name])]))
}

/** An object whose names are the customer's. */
function mergeFree(current: unknown, asked: unknown): unknown {
  if (!isObject(asked)) return asked
  const merged: Record<string, unknown> = isObject(current) ? { ...current } : {}
  for (const [name, value] of Object.entries(asked)) {
    if (value === null) delete merged[name]
    else merged[name] = mergeFree(merged[name], value)
  }
  return merged
}

interface Owner {
  readonly id: string
  readonly secrets: Buffer | null
}
type Wanted = Readonly<Record<string, string | null | undefined>>

export interface ChangedSecrets {
  /** The column, where it changes. */
  readonly columns: { readonly secrets?: Buffer | null }
  /** For the event (E6). */
  readonly told: Readonly<Record<string, { readonly changed: true }>> | undefined
}

/** Write-only fields: absent keeps, null takes away, and the mask that a form shows for them is no new value. */
export function mergeSecrets(
  vault: Vault,
  table: 'accounts' | 'users' | 'devices' | 'trunks' | 'webhooks',
  row: Owner,
  wanted: Wanted,
): ChangedSecrets {
  const before = secretsOf(vault, table, row)
  const after: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined || isMask(value)) continue
    if (value === null) delete after[name]
    else after[name] = value
  }
  const names = namesThatDiffer(before, after)
  if (names.length === 0) return { columns: {}, told: undefined }
  return {
    columns: { secrets: sealSecrets(vault, table, row.id, after) },
    told: Object.fromEntries(names.map((name) => [name, { changed: true as const }])),
  }
}

export const isMask = (value: string | null): boolean => value !== null && /^[*•●]+$/.test(value)

const namesThatDiffer = (before: Secrets, after: Secrets): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name])
