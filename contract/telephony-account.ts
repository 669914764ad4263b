/** The account as the telephony API shows it: the same object, with the same id, as the Web Meeting API's account. */
import { z } from 'zod'
import {
  askedShape,
  CallerId,
  Country,
  Dialable,
  identity,
  ignoredShape,
  noCallerId,
  paging,
  Restriction,
  tagged,
} from './telephony-values.ts'
import { Id, JsonValue, LanguageTag, line, TimeZone, Timestamp } from './values.ts'

const kept = (what: string) => JsonValue.meta({ description: `Informational: kept as sent; ${what}` })
const callLimit = (what: string) =>
  z
    .int()
    .min(0)
    .max(100_000)
    .nullable()
    .meta({ description: `${what} at the same time; null: no limit.` })

const Billing = z
  .object({
    rate_plan: kept('calls are not rated yet.'),
    volume_pack: kept('calls are not rated yet.'),
    spending_plan: kept('calls are not rated yet.'),
    credit_limit: kept('calls are not rated yet.'),
    credit_limit_theshold: kept('spelt as published; calls are not rated yet.'),
    max_number_fwd_calls: callLimit('Forwarded calls'),
    max_number_incoming_calls: callLimit('Calls from outside'),
    max_number_outgoing_calls: callLimit('Calls to outside'),
    max_number_sim_calls: callLimit('Calls of any kind'),
    available_products: z
      .array(z.object({ id: JsonValue, label: z.string().max(200) }))
      .max(500)
      .meta({ description: 'Informational.' }),
    available_packs: z.array(JsonValue).max(500).meta({ description: 'Informational.' }),
    available_spending_plans: z.array(JsonValue).max(500).meta({ description: 'Informational.' }),
  })
  .meta({ id: 'Billing', description: 'The limits are changed from above: by an operator or the parent account.' })

const Address = z
  .object({
    company_name: line(200).nullable(),
    address_line_1: line(200).nullable(),
    address_number: line(40).nullable(),
    address_line_2: line(200).nullable(),
    postal_code: line(40).nullable(),
    city: line(200).nullable(),
    vat: line(60).nullable(),
  })
  .meta({ id: 'PostalAddress', description: 'Informational: kept for invoices and emergency calls.' })

const Parking = z
  .object({
    enabled: z.boolean(),
    park_extension: Dialable.nullable(),
    first_slot: z.int().min(0).max(1_000_000).nullable(),
    last_slot: z.int().min(0).max(1_000_000).nullable(),
    timeout: z.int().min(0).max(86_400).nullable(),
  })
  .meta({ id: 'Parking', description: 'Informational until calls can be parked.' })

const columns = {
  name: line(120).trim().min(1),
  telephony_enabled: z.boolean().meta({
    description: 'False: its phones reach emergency numbers only, and nothing can be set up. Changed from above.',
  }),
  music_on_hold_id: Id.nullable().meta({ description: 'A media for whoever is held; null: the built-in music.' }),
  external_id: tagged.external_id,
}
const settings = {
  category: line(60).nullable().meta({ description: 'Informational.' }),
  notes: z.string().max(10_000).nullable().meta({ description: 'Informational.' }),
  available_apps: z.array(JsonValue).max(500).meta({ description: 'Informational.' }),
  caller_id: CallerId,
  time_zone: TimeZone.nullable().meta({ description: 'Of new users.' }),
  language: LanguageTag.nullable().meta({ description: 'Of new users, and of prompts for callers.' }),
  country: Country.nullable().meta({
    description: 'Whose tones are heard, whose emergency numbers are known and whose national numbers are dialled.',
  }),
  restriction: Restriction,
  postal_address: z.object({ main: Address }),
  billing: Billing,
  max_outside_calls_per_device: z.int().min(0).max(100_000).meta({
    description:
      'Calls to outside that one device may have at the same time, forwards and transfers counted. Changed from above.',
  }),
  max_outside_minutes_per_hour: z.int().min(0).max(1_000_000).meta({
    description: 'Minutes of calls to outside in any hour, forwards and transfers counted. Changed from above.',
  }),
  max_call_seconds: z
    .int()
    .min(60)
    .max(1_000_000)
    .meta({ description: 'A call to outside ends after this, an emergency call never. Changed from above.' }),
  platform_trunk_enabled: z.boolean().meta({
    description: 'Calls to outside may use the carrier trunks of the root account when no own trunk takes them.',
  }),
  sandbox: z.boolean().meta({
    description:
      'The outside world is simulated: calls to outside go to [simulated numbers](/v3.0/sandbox), emergency calls too, and no trunk of the account is used. Changed from above.',
  }),
  event_days: z.int().min(1).max(36_500).nullable().meta({
    description:
      'How many days events keep their data; after that it is erased, with actors and addresses, and envelopes stay. Null: as long as the installation keeps events, which is also the most.',
  }),
  pickup: JsonValue.meta({ description: 'Informational until calls can be picked up.' }),
  parkings: z.object({ main: Parking }),
  failover_number: Dialable.nullable().meta({
    description: 'Where calls from outside go when nothing of a callflow can be reached.',
  }),
  custom_files: z.array(JsonValue).max(500).meta({ description: 'Informational until phones are provisioned.' }),
  internal_phonebook: z
    .boolean()
    .meta({ description: 'Informational: colleagues’ names are shown on ringing phones in any case.' }),
  metadata: tagged.metadata,
}
export const AccountSettings = z.object(settings)
export type AccountSettings = z.output<typeof AccountSettings>

const Provision = z
  .object({ admin_password: line(128).nullable(), admin_pin: line(32).nullable() })
  .meta({ description: 'For provisioned phones. Shown with the scope `secrets` only.' })

const readOnlyNames = ['parent_id', 'prov_key', 'hostname_suffix', 'children'] as const

export const TelephonyAccount = z
  .object({
    id: Id,
    ...columns,
    ...settings,
    realm: z.string().meta({ description: 'The domain its phones register at, unique in the installation.' }),
    parent_id: Id.nullable(),
    provision: Provision.optional(),
    prov_key: z.string().nullable().meta({ description: 'Null until phones are provisioned.' }),
    hostname_suffix: z.string().meta({ description: 'The host of this installation.' }),
    children: z.array(Id).meta({ description: 'The accounts directly below.' }),
    created: Timestamp,
  })
  .meta({ id: 'TelephonyAccount' })
export type TelephonyAccount = z.output<typeof TelephonyAccount>

const Realm = z
  .string()
  .max(253)
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a domain name in small letters',
  )

export const PatchTelephonyAccount = z
  .strictObject({
    ...askedShape({ ...columns, ...settings }),
    name: columns.name.optional(),
    realm: Realm.nullish().meta({ description: 'Changed from above. Null: made from the id.' }),
    provision: z
      .strictObject({ admin_password: line(128).nullish(), admin_pin: line(32).nullish() })
      .nullish()
      .meta({ description: 'Write-only.' }),
    ...ignoredShape(readOnlyNames),
    ...identity,
  })
  .meta({ id: 'PatchTelephonyAccount' })
export type PatchTelephonyAccount = z.output<typeof PatchTelephonyAccount>
export const UpdateTelephonyAccount = PatchTelephonyAccount.extend({ id: Id }).meta({ id: 'UpdateTelephonyAccount' })

/** T31: what a new account may do before anybody decided about it. */
export const standardAccount: AccountSettings = {
  category: null,
  notes: null,
  available_apps: [],
  caller_id: noCallerId,
  time_zone: null,
  language: null,
  country: null,
  restriction: 'international',
  postal_address: {
    main: {
      company_name: null,
      address_line_1: null,
      address_number: null,
      address_line_2: null,
      postal_code: null,
      city: null,
      vat: null,
    },
  },
  billing: {
    rate_plan: null,
    volume_pack: null,
    spending_plan: null,
    credit_limit: null,
    credit_limit_theshold: null,
    max_number_fwd_calls: null,
    max_number_incoming_calls: null,
    max_number_outgoing_calls: null,
    max_number_sim_calls: null,
    available_products: [],
    available_packs: [],
    available_spending_plans: [],
  },
  max_outside_calls_per_device: 2,
  max_outside_minutes_per_hour: 600,
  max_call_seconds: 14_400,
  platform_trunk_enabled: false,
  event_days: null,
  sandbox: false,
  pickup: null,
  parkings: {
    main: { enabled: false, park_extension: null, first_slot: null, last_slot: null, timeout: null },
  },
  failover_number: null,
  custom_files: [],
  internal_phonebook: true,
  metadata: {},
}

export const AccountChild = z
  .object({
    id: Id,
    name: z.string(),
    parent_id: Id,
    realm: z.string(),
    telephony_enabled: z.boolean(),
    external_id: z.string().nullable(),
    created: Timestamp,
  })
  .meta({ id: 'AccountChild' })

export const ChildFilter = z.strictObject({
  ...paging,
  search: line(120).min(1).optional().meta({ description: 'The name contains this, in any case.' }),
  sort: z.enum(['created', '-created', 'name', '-name']).optional().meta({ description: 'Default `created`.' }),
})
