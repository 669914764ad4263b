/**
 * What the objects of the telephony configuration share, and how the three forms of an object come from one: the
 * answer; the new object, where absent and null mean the standard value; the change, where absent keeps (A1).
 */
import { z } from 'zod'
import { Id, JsonValue, line, Timestamp } from './values.ts'

type Described = { readonly description?: string | undefined }

/** Every form of a field says the same about it. */
function described<T extends z.ZodType>(type: T, from: z.ZodType): T {
  const { description }: Described = from.meta() ?? {}
  return description === undefined ? type : (type.meta({ description }) as T)
}

/** How a field is asked: nullable already or not, null clears; an object is asked in parts. */
type Asked<T extends z.ZodType> =
  T extends z.ZodNullable<infer U extends z.ZodType>
    ? Asked<U>
    : T extends z.ZodObject<infer S>
      ? z.ZodOptional<z.ZodNullable<z.ZodObject<AskedShape<S>, z.core.$strict>>>
      : z.ZodOptional<z.ZodNullable<T>>
type AskedShape<S extends z.core.$ZodShape> = {
  -readonly [K in keyof S]: S[K] extends z.ZodType ? Asked<S[K]> : never
}

/** The fields of a new object or of a change: each may be absent or null. */
export const askedShape = <S extends Record<string, z.ZodType>>(shape: S): AskedShape<S> =>
  Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, asked(type)])) as AskedShape<S>

function asked(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodNullable) return described(asked(type.unwrap() as z.ZodType), type)
  if (!(type instanceof z.ZodObject)) return described(type.nullish(), type)
  return described(z.strictObject(askedShape(type.shape as Record<string, z.ZodType>)).nullish(), type)
}

/** Fields that cannot change and are sent back with the rest: their values are not looked at. */
export const ignoredShape = <N extends string>(names: readonly N[]) =>
  Object.fromEntries(
    names.map((name) => [name, JsonValue.optional().meta({ description: 'Read-only: ignored.' })]),
  ) as Record<N, z.ZodOptional<typeof JsonValue>>

/** Checked against change, whoever sends them back (A1). */
export const identity = {
  id: Id.optional(),
  account_id: Id.optional(),
  created: Timestamp.optional().meta({ description: 'Cannot change.' }),
}

/** On every object, besides its own fields. */
export const tagged = {
  external_id: line(200).nullable().meta({ description: 'This object’s id in your own system.' }),
  metadata: z.record(z.string().min(1).max(100), JsonValue).meta({
    description: 'Yours: kept and given back, merged by name; a name set to null is removed. At most 16 KB as JSON.',
  }),
}

export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be two capital letters such as BE')
  .meta({ id: 'Country', description: 'ISO 3166-1 alpha-2.', examples: ['BE'] })

/** What people dial and carriers send: digits with `+`, `*` and `#`. */
export const Dialable = z
  .string()
  .max(40)
  .regex(/^\+?[0-9*#]{1,32}$/, 'must be digits, with + in front or * and # among them')
  .meta({ id: 'Dialable', examples: ['+3225550100'] })

/** A number as it stands in the list of the account's numbers. */
export const E164 = z
  .string()
  .regex(/^\+[1-9][0-9]{4,14}$/, 'must be + and the country code, such as +3225550100')
  .meta({ id: 'E164', description: 'E.164 with `+`.', examples: ['+3225550100'] })

/** The words of engine/call: each bars what the one before bars. */
const restrictions = ['none', 'premium', 'international', 'mobile', 'outside'] as const
export const Restriction = z.enum(restrictions).meta({
  id: 'Restriction',
  description:
    'Which outside numbers may not be called; each bars also what those before it bar: `premium` rates, other countries, mobiles, all. The strictest of account, user, device and trunk holds. Emergency numbers always go out.',
})

const callerName = line(80)
export const CallerId = z
  .object({
    internal: z
      .object({ name: callerName.nullable(), number: Dialable.nullable() })
      .meta({ description: 'Shown to colleagues.' }),
    external: z
      .object({ name: callerName.nullable(), number: Dialable.nullable(), anonymous: z.boolean() })
      .meta({ description: 'Shown outside; `anonymous` withholds the number.' }),
    fax: z
      .object({ name: callerName.nullable(), number: Dialable.nullable() })
      .meta({ description: 'Kept; effective with fax.' }),
    emergency: z
      .object({ name: callerName.nullable(), number: Dialable.nullable() })
      .meta({ description: 'Shown to emergency services, never withheld.' }),
  })
  .meta({
    id: 'CallerId',
    description: 'What the called see. An absent value is taken from the user, then from the account.',
  })
export type CallerId = z.output<typeof CallerId>

export const noCallerId: CallerId = {
  internal: { name: null, number: null },
  external: { name: null, number: null, anonymous: false },
  fax: { name: null, number: null },
  emergency: { name: null, number: null },
}

export const CallForward = z
  .object({
    enabled: z.boolean(),
    number: Dialable.nullable().meta({ description: 'An internal or an outside number.' }),
    require_key_press: z.boolean().meta({ description: 'Whoever answers there takes the call by pressing 1.' }),
    direct_calls_only: z
      .boolean()
      .meta({ description: 'Only calls to this very user or device, not those that reach it by a group or a queue.' }),
    keep_caller_id: z.boolean().meta({ description: 'The original caller is shown, not the forwarder.' }),
  })
  .meta({ id: 'CallForward', description: 'Every call is sent to another number instead of ringing here.' })
export type CallForward = z.output<typeof CallForward>

export const noForward: CallForward = {
  enabled: false,
  number: null,
  require_key_press: false,
  direct_calls_only: false,
  keep_caller_id: true,
}

/** Pages of a list; without `limit` all of it, at most 10,000 (A3). */
export const paging = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Without it: all, at most 10,000.' }),
  cursor: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .meta({ description: '`next` of the page before, with the same filter.' }),
  external_id: line(200).min(1).optional(),
}

export const BooleanQuery = z.enum(['true', 'false'])

/** `next` stands beside `data` while there is more. */
export const Next = z
  .string()
  .optional()
  .meta({ description: 'Give it as `cursor` for the next page; absent on the last.' })
