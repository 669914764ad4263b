/** Devices: SIP end points, their registrations and their state. */
import { z } from 'zod'
import {
  askedShape,
  BooleanQuery,
  CallForward,
  CallerId,
  Country,
  identity,
  ignoredShape,
  noCallerId,
  noForward,
  paging,
  Restriction,
  tagged,
} from './telephony-values.ts'
import { Id, JsonValue, LanguageTag, line, TimeZone, Timestamp } from './values.ts'

export const transports = [
  'tcp_34540',
  'tcp_34560',
  'tcp_10065',
  'udp_10060',
  'udp_34540',
  'udp_34560',
  'tls_10061',
  'tls_34521',
  'tls_34541',
  'tls_34561',
  'wss_443',
] as const

const Hardware = z
  .object({
    category: line(60).nullable(),
    brand: line(60).nullable(),
    family: line(60).nullable(),
    model: line(60).nullable(),
    mac_address: z
      .string()
      .regex(/^([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$/, 'must be twelve hexadecimal digits')
      .nullable(),
    version: line(60).nullable(),
    provisioning_version: line(60).nullable(),
    zero_touch_provisioning: z.boolean(),
    remote_logging: z.boolean(),
    config: z.record(z.string().max(100), JsonValue),
  })
  .meta({ id: 'Hardware', description: 'Informational until phones are provisioned: what the phone is.' })

/** Columns of their own: `columns`; the rest is kept as `settings`. */
const columns = {
  name: line(120).trim().min(1).meta({ description: 'Shown in lists.' }),
  owner_id: Id.nullable().meta({ description: 'Whose device it is: calls to the user ring it.' }),
  username: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ ~ -')
    .meta({ description: 'The SIP user name, unique in the installation; random unless given.' }),
  enabled: z.boolean().meta({ description: 'False: it cannot register, call or be called.' }),
  music_on_hold_id: Id.nullable().meta({
    description: 'A media for whoever is held; null: the user’s, then the account’s.',
  }),
  external_id: tagged.external_id,
}
const settings = {
  hostname: line(253).nullable().meta({ description: 'Informational: the name of the phone in its network.' }),
  owner_association_category: line(60)
    .nullable()
    .meta({ description: 'Informational: how device and owner belong together.' }),
  language: LanguageTag.nullable().meta({ description: 'Of prompts heard on it; null: the user’s.' }),
  time_zone: TimeZone.nullable().meta({ description: 'Informational until phones are provisioned.' }),
  country: Country.nullable().meta({
    description: 'Whose tones it hears and whose national numbers it dials; null: the user’s.',
  }),
  restriction: Restriction.nullable(),
  caller_id: CallerId,
  call_forward: CallForward,
  do_not_disturb: z.boolean().meta({ description: 'It does not ring.' }),
  transport: z.enum(transports).nullable().meta({
    description: 'Informational until phones are provisioned: a phone may register by any of our transports.',
  }),
  digest_algorithm: z
    .enum(['MD5', 'SHA-256'])
    .meta({ description: 'What its password is asked for with. SHA-256 for phones that know it.' }),
  hardware_order: JsonValue.meta({ description: 'Informational: kept as sent.' }),
  hardware: Hardware,
  status: line(60)
    .nullable()
    .meta({ description: 'Informational: kept as sent. What it does now is in `devices/status`.' }),
  retries: z
    .object({ wait_until_next_retry: z.int().min(0).max(86_400).nullable(), max: z.int().min(0).max(1000).nullable() })
    .meta({ description: 'Informational until phones are provisioned.' }),
  always_registered: z.boolean().meta({ description: 'Informational until phones are provisioned.' }),
  missed_calls_log: z.boolean().meta({ description: 'Informational until phones are provisioned.' }),
  metadata: tagged.metadata,
}

export const Device = z
  .object({
    id: Id,
    account_id: Id,
    ...columns,
    ...settings,
    password: z
      .string()
      .optional()
      .meta({ description: 'Shown when it was just made at random, and with the scope `secrets`.' }),
    realm: z.string().meta({ description: 'The domain to register at; any address of this server works too.' }),
    created: Timestamp,
  })
  .meta({ id: 'Device' })
export type Device = z.output<typeof Device>
export const DeviceSettings = z.object(settings)
export type DeviceSettings = z.output<typeof DeviceSettings>

const Password = z
  .string()
  .min(8, 'must have at least 8 characters')
  .max(128)
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters')

const wanted = {
  ...askedShape({ ...columns, ...settings }),
  password: Password.nullish().meta({ description: 'Write-only. Absent or null in a new device: random, shown once.' }),
}
const readOnly = ignoredShape(['realm'])

export const NewDevice = z.strictObject({ ...wanted, name: columns.name }).meta({ id: 'NewDevice' })
export type NewDevice = z.output<typeof NewDevice>
export const PatchDevice = z.strictObject({ ...wanted, ...readOnly, ...identity }).meta({ id: 'PatchDevice' })
export type PatchDevice = z.output<typeof PatchDevice>
export const UpdateDevice = PatchDevice.extend({ id: Id }).meta({ id: 'UpdateDevice' })

export const standardDevice: DeviceSettings = {
  hostname: null,
  owner_association_category: null,
  language: null,
  time_zone: null,
  country: null,
  restriction: null,
  caller_id: noCallerId,
  call_forward: noForward,
  do_not_disturb: false,
  transport: null,
  digest_algorithm: 'MD5',
  hardware_order: null,
  hardware: {
    category: null,
    brand: null,
    family: null,
    model: null,
    mac_address: null,
    version: null,
    provisioning_version: null,
    zero_touch_provisioning: false,
    remote_logging: false,
    config: {},
  },
  status: null,
  retries: { wait_until_next_retry: null, max: null },
  always_registered: false,
  missed_calls_log: false,
  metadata: {},
}

export const DeviceFilter = z.strictObject({
  ...paging,
  owner_id: Id.optional(),
  username: z.string().max(64).optional(),
  enabled: BooleanQuery.optional(),
  search: line(120).min(1).optional().meta({ description: 'The name contains this, in any case.' }),
  sort: z.enum(['created', '-created', 'name', '-name']).optional().meta({ description: 'Default `created`.' }),
})
export type DeviceFilter = z.output<typeof DeviceFilter>

/** Of registrations and of what devices do. */
export const RegistrationFilter = z.strictObject({
  limit: paging.limit,
  cursor: paging.cursor,
  owner_id: Id.optional(),
  device_id: Id.optional(),
})
export type RegistrationFilter = z.output<typeof RegistrationFilter>

export const Registration = z
  .object({
    username: z.string(),
    name: z.string(),
    owner_id: Id.nullable(),
    category: z.string().nullable().meta({ description: '`hardware.category` of the device.' }),
    user_agent: z.string().nullable(),
    contact_ip: z.string(),
    contact_port: z.int(),
    device_id: Id,
    contact: z.string(),
    transport: z.string(),
    expires_at: Timestamp,
  })
  .meta({ id: 'Registration' })
export type Registration = z.output<typeof Registration>

export const DeviceStatus = z
  .object({
    id: Id,
    registered: z.boolean(),
    state: z
      .enum(['offline', 'idle', 'ringing', 'in_call'])
      .meta({ description: '`ringing` and `in_call` as far as calls were written to the database.' }),
  })
  .meta({ id: 'DeviceStatus' })
export type DeviceStatus = z.output<typeof DeviceStatus>
