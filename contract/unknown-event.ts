/** What is said about the name of an event that there is not: which one was meant, if that can be told. */
import { eventTypes } from './events.ts'

const families = [...new Set(eventTypes.map((type) => `${type.split('.')[0]}.*`))]
/** A name that is longer is none of ours, and would take long to compare. */
const longestName = 80

/** To stand after a field's name: `there is no event call.endd (call.ended is the nearest)`. */
export function unknownEvent(name: string): string {
  const nearest = nearestOf(name, name.endsWith('*') ? families : eventTypes)
  return `there is no event ${name}${nearest === null ? '' : ` (${nearest} is the nearest)`}`
}

/** Within a third of its letters, or nothing. */
function nearestOf(name: string, known: readonly string[]): string | null {
  if (name.length > longestName) return null
  let best: { readonly word: string | null; readonly distance: number } = { word: null, distance: name.length / 3 }
  for (const word of known) {
    const distance = distanceOf(name, word)
    if (distance < best.distance) best = { word, distance }
  }
  return best.word
}

/** Levenshtein: how many letters are to be put in, taken out or changed. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
