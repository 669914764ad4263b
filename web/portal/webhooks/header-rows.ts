/**
 * Headers as rows, as one writes them, and as the record that is stored. Stored values are masked: a mask stands for its
 * value under its own name only.
 */
import type { secretMask } from '../../../contract/webhook.ts'

export interface HeaderRow {
  readonly name: string
  readonly value: string
  /** Of a stored header: the name that its mask belongs to. */
  readonly storedAs?: string
}

export type HeaderFault = 'nameless' | 'twice' | 'masked' | 'empty'

const mask: typeof secretMask = '••••••••'

export const rowsOf = (value: unknown): readonly HeaderRow[] =>
  Object.entries(value as Record<string, string>).map(([name, text]) => ({
    name,
    value: text,
    ...(text === mask && { storedAs: name }),
  }))

/** Nothing is left out of it but rows that nobody began, or the rows as they are: a record cannot say what is wrong. */
export function formValueOf(rows: readonly HeaderRow[]): unknown {
  const begun = rows.filter(({ name, value }) => name !== '' || value !== '')
  if (begun.some((row) => faultOf(begun, row) !== null)) return begun
  return Object.fromEntries(begun.map(({ name, value }) => [name, value]))
}

/** Null: nothing is wrong with the row. */
export function faultOf(rows: readonly HeaderRow[], row: HeaderRow): HeaderFault | null {
  const { name, value, storedAs } = row
  if (name === '') return value === '' ? null : 'nameless'
  if (rows.some((other) => other !== row && other.name === name)) return 'twice'
  if (value === '') return 'empty'
  return value === mask && storedAs !== name ? 'masked' : null
}

/** Of what a form holds: the first thing that is wrong. */
export function faultOfValue(value: unknown): HeaderFault | null {
  if (!Array.isArray(value)) return null
  const rows = value as readonly HeaderRow[]
  return rows.map((row) => faultOf(rows, row)).find((fault) => fault !== null) ?? null
}
