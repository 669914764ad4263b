/**
 * A list of which only the first page is asked for again and again, with what was read further down: newest first, by id.
 *
 * Invariant: within the reach of the first page nothing is shown but what it holds, as a filter may leave something out now.
 */

interface Row {
  readonly id: string
  readonly created: string
}

interface Joined<T> {
  readonly rows: readonly T[]
  /** So much came that the first page has moved past what was read: between them are others. */
  readonly hasGap: boolean
}

/** `first.isAll`: there is nothing below it. `read`: the first page as it was, and those below it. */
export function joined<T extends Row>(
  first: { readonly rows: readonly T[]; readonly isAll: boolean },
  read: readonly T[],
): Joined<T> {
  const last = first.rows.at(-1)
  if (first.isAll || !last) return { rows: first.rows, hasGap: false }
  const known = new Set(first.rows.map(({ id }) => id))
  const isBelow = ({ id, created }: T) => created <= last.created && !known.has(id)
  const [newest] = read
  return { rows: [...first.rows, ...read.filter(isBelow)], hasGap: newest !== undefined && isBelow(newest) }
}
