/**
 * A pure function of a text that is asked for the same few texts again and again: it keeps what came of the last `most`
 * of them that are no longer than `longest`. What it returns must not be changed by anybody.
 */
export function rememberLast<T>(most: number, longest: number, of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined || text.length > longest) return before ?? of(text)
    const result = of(text)
    if (known.size >= most) for (const oldest of known.keys()) if (known.delete(oldest)) break
    known.set(text, result)
    return result
  }
}
