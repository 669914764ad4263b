/** From what came in to what the contract says, or a refusal that names the field in the caller's language. */
import { z } from 'zod'
import type { Language } from '../../contract/errors.ts'
import { ApiError } from '../api-error.ts'

const locales = { en: z.locales.en(), fr: z.locales.fr(), nl: z.locales.nl() } as const
const shownIssues = 10

export function readInput(schema: z.ZodType | undefined, value: unknown, language: Language, place: string): unknown {
  if (!schema) return undefined
  const { localeError } = locales[language]
  const result = schema.safeParse(value, language === 'en' ? undefined : { error: localeError })
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, shownIssues).map((issue) => ({
    field: fieldOf(issue, place),
    message: issue.message,
  }))
  const sentence = issues.map(({ field, message }) => `${field}: ${message}`).join('; ')
  throw new ApiError('invalid_request', sentence, { issues })
}

/** An unknown key is what is wrong, not the object that holds it. */
function fieldOf(issue: z.core.$ZodIssue, place: string): string {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
  return path.map(String).join('.') || place
}

/** Names at the top of a v6 body that the operation does not know (A1). */
export function ignoredFields(schema: z.ZodType | undefined, body: unknown): string[] {
  if (!(schema instanceof z.ZodObject) || typeof body !== 'object' || body === null) return []
  return Object.keys(body).filter((name) => !Object.hasOwn(schema.shape, name))
}
