/** What a form knows of its fields from the contract: their words, their kinds, and what is wrong with a value. */
import contract from 'virtual:contract'
import type { Route } from '../../../contract/client.ts'

/** As much of JSON Schema (2020-12) as the contract's forms use. */
interface FieldSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly FieldSchema[]
  readonly items?: FieldSchema
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly required?: readonly string[]
  readonly $defs?: Readonly<Record<string, FieldSchema>>
}

export interface KnownField extends Omit<FieldSchema, 'type'> {
  readonly isRequired: boolean
  readonly type?: string
}

export type FieldFault = 'missing' | 'short' | 'long' | 'small' | 'large' | 'form' | 'choice'

/** Of a field by its path, such as `call_forward.number`. */
export function fieldOf(route: Route, path: string): KnownField {
  const form = contract.forms[route] as FieldSchema | undefined
  if (!form) throw new Error(`the build makes no form of ${route}`)
  let at = plain(form, form)
  let isRequired = false
  let given: FieldSchema = form
  for (const name of path.split('.')) {
    const next = at.properties?.[name]
    if (!next) throw new Error(`${route} has no field ${path}`)
    isRequired = at.required?.includes(name) ?? false
    given = next
    at = plain(next, form)
  }
  const description = given.description ?? at.description
  const { type, ...rest } = at
  // `["boolean", "null"]` is a boolean that may be absent.
  const kind = [type].flat().find((one) => one !== 'null')
  return {
    ...rest,
    ...(kind !== undefined && { type: kind }),
    ...(description !== undefined && { description }),
    isRequired,
  }
}

/** Without its reference and without null. */
function plain(schema: FieldSchema, form: FieldSchema): FieldSchema {
  if (schema.$ref) {
    const { $ref: _, ...own } = schema
    return { ...plain(form.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? {}, form), ...own }
  }
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? []
  if (others.length !== 1 || !others[0]) return schema
  const { anyOf: _, ...own } = schema
  return { ...plain(others[0], form), ...own }
}

/** Null: nothing is. The server looks again, and has the last word. */
export function faultOf(field: KnownField, value: unknown): FieldFault | null {
  const isEmpty = value === '' || value === null || value === undefined || (Array.isArray(value) && value.length === 0)
  if (isEmpty) return field.isRequired ? 'missing' : null
  if (typeof value === 'number') {
    if (field.minimum !== undefined && value < field.minimum) return 'small'
    return field.maximum !== undefined && value > field.maximum ? 'large' : null
  }
  if (typeof value !== 'string') return null
  if (field.enum && !field.enum.includes(value)) return 'choice'
  if (field.minLength !== undefined && value.length < field.minLength) return 'short'
  if (field.maxLength !== undefined && value.length > field.maxLength) return 'long'
  if (field.format === 'uri' && !URL.canParse(value)) return 'form'
  return field.pattern !== undefined && !new RegExp(field.pattern, 'u').test(value) ? 'form' : null
}
