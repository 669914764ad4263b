/** From what came in to what the contract says, or a refusal that names the field in the caller's language. */
import { z } from 'zod'
import type { Language } from '../../contract/errors.ts'
import type { Operation } from '../../contract/define.ts'
import { ApiError } from '../api-error.ts'

const locales = { en: z.locales.en(), fr: z.locales.fr(), nl: z.locales.nl(), de: z.locales.de() } as const
const shownIssues = 10

export function readInput(schema: z.ZodType | undefined, value: unknown, language: Language, place: string): unknown {
  if (!schema) return undefined
  const { localeError } = locales[language]
  const result = schema.safeParse(value, language === 'en' ? undefined : { error: localeError })
  if (result.success) return result.data
  const issues = result.error.issues
    .map(nearest)
    .slice(0, shownIssues)
    .map((issue) => ({
      field: fieldOf(issue, place),
      message: issue.message,
    }))
  const sentence = issues.map(({ field, message }) => `${field}: ${message}`).join('; ')
  throw new ApiError('invalid_request', sentence, { issues })
}

/** Of a name in a record, what is wrong with the name. Of a choice between forms, what is wrong with the one that was meant: the one that was understood the furthest. */
function nearest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code === 'invalid_key') {
    const [first] = issue.issues
    return first ? { ...first, path: issue.path } : issue
  }
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  const firsts = issue.errors.flatMap(([first]) => (first ? [nearest(first)] : []))
  const [deepest] = firsts.toSorted((a, b) => depthOf(b) - depthOf(a))
  return deepest && depthOf(deepest) > 0 ? { ...deepest, path: [...issue.path, ...deepest.path] } : issue
}

/** A form that was not even recognized (its kind is wrong) is less likely meant than one with a wrong field. */
const depthOf = ({ code, path }: z.core.$ZodIssue) =>
  path.length + (code === 'unrecognized_keys' ? 1 : code === 'invalid_union' ? -1 : 0)

/** An unknown key is what is wrong, not the object that holds it. */
function fieldOf(issue: z.core.$ZodIssue, place: string): string {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
  return path.map(String).join('.') || place
}

const mostNamed = 20

/**
 * Names at the top of a v6 body that the operation does not know (A1). A change may send back everything that an answer
 * holds: what cannot change is not told of.
 */
export function ignoredFields(operation: Operation, body: unknown): string[] {
  const { body: schema, method, result, surface } = operation
  if (surface !== 'meeting' || !(schema instanceof z.ZodObject) || typeof body !== 'object' || body === null) return []
  const answered = method === 'PUT' && result instanceof z.ZodObject ? result.shape.data : undefined
  const isKnown = (name: string) =>
    Object.hasOwn(schema.shape, name) || (answered instanceof z.ZodObject && Object.hasOwn(answered.shape, name))
  return Object.keys(body).filter((name) => !isKnown(name))
}

/** As a header's value, which must stay short enough for any client to read: the first ones, then how many more. */
export function formatNames(names: readonly string[]): string {
  const shown = names.slice(0, mostNamed).map((name) => encodeURIComponent([...name].slice(0, 60).join('')))
  return [...shown, ...(names.length > mostNamed ? [`and-${names.length - mostNamed}-more`] : [])].join(', ')
}
