/**
 * The schemas of a published document, out of those of the contract.
 *
 * Invariant: a named schema (`.meta({ id })`) reads the same wherever it is used, or its one name would be a lie; building
 * the document fails otherwise.
 */
import { z } from 'zod'

export type Json = Record<string, unknown>
/** OpenAPI 3.0.3 has a JSON Schema of its own, OpenAPI 3.1 the one of 2020, AsyncAPI 3 draft 7. */
type Target = 'openapi-3.0' | 'draft-2020-12' | 'draft-7'

/** Collects named schemas while a document is built; unnamed ones are written in place. */
export class SchemaComponents {
  readonly schemas: Json = {}
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  use(type: z.ZodType, io: 'input' | 'output'): Json {
    const { $schema, $defs, definitions, ...schema }: Json = z.toJSONSchema(type, {
      io,
      target: this.#target,
      override: ({ zodSchema, jsonSchema }) => tidy(jsonSchema, zodSchema, this.#target),
    })
    const named = ($defs ?? definitions ?? {}) as Record<string, Json>
    for (const [id, definition] of Object.entries(named)) this.#collect(id, definition)
    if (typeof schema.id !== 'string') return pointAtComponents(schema)
    this.#collect(schema.id, schema)
    return { $ref: componentRef(schema.id) }
  }

  #collect(id: string, schema: Json): void {
    const { id: _id, ...rest } = schema
    const next = pointAtComponents(rest)
    const known = this.schemas[id]
    if (known && JSON.stringify(known) !== JSON.stringify(next)) {
      throw new Error(`${id} reads differently as input and as output: give the two their own names`)
    }
    this.schemas[id] = next
  }
}

/** What Zod writes and a reader of the document should not meet. */
function tidy(schema: Json, type: z.core.$ZodType, target: Target): void {
  // `format: date-time` and the like say it; the pattern behind it fills half a page.
  if (typeof schema.format === 'string' && schema.format !== 'starts_with') delete schema.pattern
  if (schema.format === 'starts_with') delete schema.format
  // Zod closes every answer. Ours stay open, so that a new field breaks no strict client.
  const def = type._zod.def
  if (def.type === 'object' && !('catchall' in def && def.catchall)) delete schema.additionalProperties
  if (target !== 'openapi-3.0') return
  if (Array.isArray(schema.examples)) schema.example = schema.examples[0]
  delete schema.examples
  delete schema.contentEncoding
  if (schema.nullable === true && Array.isArray(schema.enum)) schema.enum.push(null)
}

const componentRef = (id: string) => `#/components/schemas/${id}`

function pointAtComponents(schema: Json): Json {
  const rewrite = (key: string, value: unknown) =>
    key === '$ref' ? componentRef(String(value).split('/').at(-1) ?? '') : value
  return JSON.parse(JSON.stringify(schema), rewrite)
}
