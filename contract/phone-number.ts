/** Phone numbers (DIDs): an object keyed by number, one account each in the whole installation. */
import { z } from 'zod'
import { askedShape, BooleanQuery, Country, Dialable, E164, ignoredShape, paging, tagged } from './telephony-values.ts'
import { Id, JsonValue, line, Timestamp } from './values.ts'

export const numberStates = ['in_service', 'reserved', 'port_in', 'port_out', 'released'] as const

/** In a path, where a plus is often lost. */
export const PhoneNumberId = z
  .string()
  .regex(/^\+?[1-9][0-9]{4,14}$/, 'must be the number with its country code')
  .meta({ id: 'PhoneNumberId', examples: ['+3225550100'] })

const columns = {
  state: z
    .enum(numberStates)
    .meta({ description: 'Only a number `in_service` rings; the others are the account’s, and silent.' }),
  trunk_id: Id.nullable().meta({ description: 'The trunk it belongs to, which cannot be deleted meanwhile.' }),
  external_id: tagged.external_id,
}
const settings = {
  carrier: line(120).nullable().meta({ description: 'Informational.' }),
  features: z.array(line(60)).max(100).meta({ description: 'Informational.' }),
  category: line(60).nullable().meta({ description: 'Informational.' }),
  country: Country.nullable().meta({ description: 'Informational.' }),
  assigned_to: JsonValue.meta({ description: 'Informational: kept as sent. What it rings is in `used_by`.' }),
  bypass_number: Dialable.nullable().meta({
    description: 'Where calls go while `bypass_enabled`, whatever the callflow says.',
  }),
  bypass_enabled: z.boolean(),
  metadata: tagged.metadata,
}
export const PhoneNumberSettings = z.object(settings)
export type PhoneNumberSettings = z.output<typeof PhoneNumberSettings>

const readOnly = ignoredShape(['number', 'used_by', 'used_by_id', 'used_by_name', 'trunk_name', 'created'])

export const PhoneNumber = z
  .object({
    id: E164,
    number: E164,
    account_id: Id,
    ...columns,
    ...settings,
    used_by: z.enum(['callflow']).nullable(),
    used_by_id: Id.nullable(),
    used_by_name: z.string().nullable(),
    trunk_name: z.string().nullable(),
    created: Timestamp,
  })
  .meta({ id: 'PhoneNumber' })
export type PhoneNumber = z.output<typeof PhoneNumber>

/** How people write one: spaces, dots, brackets, 00 for +. */
const WrittenNumber = z
  .string()
  .max(40)
  .regex(/^(\+|00)[\d ()./-]{5,38}$/, 'must begin with + or 00 and the country code')
  .meta({ description: 'E.164; spaces and the like are left out, 00 becomes +.' })

const numbers = z.array(WrittenNumber).min(1).max(1000)

export const NewPhoneNumbers = z
  .strictObject({
    phone_numbers: numbers.optional(),
    number: WrittenNumber.optional().meta({ description: 'Instead of `phone_numbers`: one.' }),
    ...askedShape({ ...columns, ...settings }),
  })
  .refine((body) => (body.phone_numbers === undefined) !== (body.number === undefined), {
    path: ['phone_numbers'],
    message: 'must be given, or `number`',
  })
  .meta({ id: 'NewPhoneNumbers' })
export type NewPhoneNumbers = z.output<typeof NewPhoneNumbers>

const wanted = { ...askedShape({ ...columns, ...settings }), ...readOnly, account_id: Id.optional() }

export const UpdatePhoneNumbers = z
  .strictObject({
    id: WrittenNumber.optional().meta({ description: 'The number to change.' }),
    phone_numbers: numbers.optional().meta({ description: 'Instead of `id`: the same change for each.' }),
    ...wanted,
  })
  .refine((body) => (body.phone_numbers === undefined) !== (body.id === undefined), {
    path: ['id'],
    message: 'must be given, or `phone_numbers`',
  })
  .meta({ id: 'UpdatePhoneNumbers' })
export type UpdatePhoneNumbers = z.output<typeof UpdatePhoneNumbers>
export const PatchPhoneNumber = z
  .strictObject({ id: WrittenNumber.optional(), ...wanted })
  .meta({ id: 'PatchPhoneNumber' })
export type PatchPhoneNumber = z.output<typeof PatchPhoneNumber>

export const standardPhoneNumber: PhoneNumberSettings = {
  carrier: null,
  features: [],
  category: null,
  country: null,
  assigned_to: null,
  bypass_number: null,
  bypass_enabled: false,
  metadata: {},
}

export const PhoneNumberFilter = z.strictObject({
  ...paging,
  state: z.enum(numberStates).optional(),
  trunk_id: Id.optional(),
  used_by_id: Id.optional(),
  is_used: BooleanQuery.optional(),
  search: z
    .string()
    .regex(/^\+?[0-9]{1,15}$/)
    .optional()
    .meta({ description: 'The number contains these digits.' }),
  sort: z.enum(['number', '-number', 'created', '-created']).optional().meta({ description: 'Default `number`.' }),
})
export type PhoneNumberFilter = z.output<typeof PhoneNumberFilter>
