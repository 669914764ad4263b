/** The one merge of all changes (A1): absent keeps, null clears, and what is the same as before is no change. */
import { isDeepStrictEqual } from 'node:util'
import { invalidField } from '../api-error.ts'

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The entries that have a value. */
export function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>
}

/** Null becomes what a new object would have; absent stays absent. */
export const cleared = <T>(value: T | null | undefined, standard: NoInfer<T>): T | undefined =>
  value === null ? standard : value

/** The columns of `wanted` that differ from the row; JSON columns are wanted as text and stand in rows as values. */
export function changesTo<T extends object>(row: object, wanted: T): Given<T> {
  const before = new Map(Object.entries(row))
  const differing = Object.entries(wanted).filter(
    ([name, value]) => value !== undefined && !isSame(before.get(name), value),
  )
  return Object.fromEntries(differing) as Given<T>
}

function isSame(was: unknown, wanted: unknown): boolean {
  if (was instanceof Date) return wanted instanceof Date && was.getTime() === wanted.getTime()
  // Where nothing was, a text is new, whatever it says: "null" too.
  const isJson = typeof wanted === 'string' && typeof was === 'object' && was !== null
  return isJson ? isDeepStrictEqual(was, JSON.parse(wanted)) : was === wanted
}

/** Who sends back an answer sends its ids along; they must be the same. */
export function keepIdentity(
  body: { readonly id?: string | undefined; readonly accountId?: string | undefined },
  row: { readonly id: string; readonly accountId?: string },
): void {
  if (body.id !== undefined && body.id !== row.id) throw invalidField('id', 'cannot change')
  if (body.accountId !== undefined && body.accountId !== row.accountId) throw invalidField('accountId', 'cannot change')
}
