/** What a form holds beside what it was filled with: the body of a change (RFC 7396), and of what makes an object. */

type Values = Readonly<Record<string, unknown>>

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What differs, nested as it was: the body of a PATCH (RFC 7396). What was emptied or taken away is null. */
export function changesOf(before: Values, after: Values): Values {
  const changes: Record<string, unknown> = {}
  for (const name of Object.keys(before)) if (!(name in after) && before[name] !== null) changes[name] = null
  for (const [name, value] of Object.entries(after)) {
    const old = before[name]
    if (isValues(value)) {
      const inner = changesOf(isValues(old) ? old : {}, value)
      if (Object.keys(inner).length > 0) changes[name] = inner
    } else if (JSON.stringify(value ?? null) !== JSON.stringify(old ?? null))
      changes[name] = value === '' ? null : value
  }
  return changes
}

/** Without what was left empty: the body that makes an object. */
export function givenOf(values: Values): Values {
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(values)) {
    const kept = isValues(value) ? givenOf(value) : value
    const isEmpty =
      kept === '' || kept === null || kept === undefined || (isValues(kept) && Object.keys(kept).length === 0)
    if (!isEmpty) given[name] = kept
  }
  return given
}

/** What was changed of one state, on another that it has become meanwhile. */
export function rebased(before: Values, after: Values, now: Values): Values {
  return merged(now, changesOf(before, after))
}

function merged(values: Values, changes: Values): Values {
  const all: Record<string, unknown> = { ...values }
  for (const [name, value] of Object.entries(changes)) {
    const old = all[name]
    if (isValues(value)) all[name] = merged(isValues(old) ? old : {}, value)
    else if (value === null) delete all[name]
    else all[name] = value
  }
  return all
}
