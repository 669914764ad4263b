/** Trunks: the ways to carriers and to other telephone systems. */
import { z } from 'zod'
import {
  askedShape,
  BooleanQuery,
  Country,
  Dialable,
  identity,
  paging,
  Restriction,
  tagged,
} from './telephony-values.ts'
import { PrivLevel } from './telephony-user.ts'
import { Id, JsonValue, line, Timestamp } from './values.ts'

const name = '([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.?'
/** Two colons at least, so that a port is not taken for the end of an address. */
const ipv6 = '(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{2,45}'
const host = z
  .string()
  .max(253)
  .regex(new RegExp(`^(${name}|${ipv6}|\\[${ipv6}\\])$`), 'must be a host name or an address')
const hostAndPort = z
  .string()
  .max(260)
  .regex(
    new RegExp(`^(${name}|\\[${ipv6}\\])(:[1-9][0-9]{0,4})?$|^${ipv6}$`),
    'must be a host name or an address, with a port behind it or without',
  )

const NumberForm = z.enum(['plus_e164', '00', 'national'])

const Incoming = z.object({
  strip_numbers: z
    .int()
    .min(0)
    .max(20)
    .meta({ description: 'So many digits are taken away in front of the called number.' }),
  prepend_numbers: Dialable.nullable().meta({ description: 'Put in front of what is left.' }),
  did_source: z
    .enum(['request_uri', 'to', 'p_called_party_id'])
    .meta({ description: 'Where the called number stands in a call that comes in.' }),
  number_form: NumberForm.meta({ description: 'How the carrier writes numbers.' }),
})

/** T15. */
const Advanced = z
  .object({
    override_from_domain: host.nullable().meta({ description: 'The domain of From; null: `server`.' }),
    override_from_user: line(64).nullable().meta({ description: 'The user of From; null: the caller’s number.' }),
    add_country_prefix_for_emergency_calls: z
      .boolean()
      .meta({ description: 'Emergency numbers are sent with the country code in front.' }),
    vpn: JsonValue.meta({ description: 'Informational: kept as sent.' }),
    incoming: Incoming,
    registration: z
      .boolean()
      .meta({ description: 'We register at the carrier with `username` and `password`; false: it knows our address.' }),
    registration_seconds: z
      .int()
      .min(60)
      .max(86_400)
      .meta({ description: 'The expiry asked for; the carrier’s answer holds.' }),
    auth_username: line(128).nullable().meta({ description: 'For digest, where it differs from `username`.' }),
    outbound_proxy: hostAndPort.nullable().meta({
      description: 'Where requests are sent instead of `server`: host, or host and port.',
    }),
    addresses: z
      .array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]))
      .max(100)
      .meta({ description: 'Calls from these come in by this trunk, besides those of the addresses of `server`.' }),
    number_form: NumberForm.meta({ description: 'How numbers are sent to the carrier.' }),
    from_content: z
      .enum(['caller_id', 'username'])
      .meta({ description: 'The user of From: the number shown, or the `username` where the carrier wants that.' }),
    remote_party_id: z
      .boolean()
      .meta({ description: 'The caller is told in Remote-Party-ID too, besides P-Asserted-Identity.' }),
    clir: z.boolean().meta({
      description: 'The carrier can withhold numbers; false: calls that must be anonymous do not go out by it.',
    }),
    is_trusted: z.boolean().meta({ description: 'It may be told the number of callers who withhold it.' }),
    forwarded_caller: z
      .enum(['keep_with_diversion', 'own_did'])
      .meta({ description: 'A forwarded call shows the original caller, with Diversion, or the own number.' }),
    options_seconds: z
      .int()
      .min(0)
      .max(3600)
      .meta({ description: 'How often the carrier is asked whether it is alive; 0: never.' }),
  })
  .meta({ id: 'TrunkAdvanced' })

export const trunkVolumes = { xsmall: 2, small: 5, medium: 15, large: 30, xlarge: 120 } as const

const columns = {
  name: line(120).trim().min(1),
  category: z.enum(['carrier', 'pbx_connector', 'inter_account']).meta({
    description: '`pbx_connector`: another exchange, whose people may call emergency numbers through here.',
  }),
  trunk_order: z.int().min(0).max(10_000).meta({ description: 'The lowest is tried first.' }),
  enabled: z.boolean(),
  external_id: tagged.external_id,
}
const settings = {
  brand: z.enum(['unknown', 'panasonic', 'soft_switch_cloud', 'v3m1', 'niko']).meta({ description: 'Informational.' }),
  concurrent_calls_volume: z
    .enum(['xsmall', 'small', 'medium', 'large', 'xlarge'])
    .meta({ description: 'At most 2, 5, 15, 30 or 120 calls at a time, unless `max_calls` says another number.' }),
  max_calls: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .meta({ description: 'Calls at a time; null: `concurrent_calls_volume`.' }),
  calls_direction: z.enum(['incoming', 'outgoing', 'both']),
  priv_level: PrivLevel.meta({
    description: 'Who may change it: `superduper`: only an operator or the parent account.',
  }),
  internal_calls: z
    .boolean()
    .meta({ description: 'Calls that come in by it may be to internal numbers: an exchange on site.' }),
  transport: z.enum(['udp', 'tcp', 'tls']),
  server: host.nullable().meta({
    description:
      'Host name (SRV and address records) or address. Null: it registers here with `username` and `password`.',
  }),
  port: z.int().min(1).max(65_535).nullable().meta({ description: 'Null: SRV records, or 5060 (TLS: 5061).' }),
  username: line(128).nullable(),
  caller_id_used: z
    .enum(['device', 'user', 'account'])
    .meta({ description: 'The most special level whose outside number may be shown.' }),
  country: Country.nullable().meta({ description: 'Null: the account’s.' }),
  restriction: Restriction.meta({ description: 'Which numbers may go out by it.' }),
  advanced: Advanced,
  metadata: tagged.metadata,
}
export const TrunkSettings = z.object(settings)
export type TrunkSettings = z.output<typeof TrunkSettings>

export const Trunk = z
  .object({
    id: Id,
    account_id: Id,
    ...columns,
    ...settings,
    password: z.string().nullable().optional().meta({ description: 'Shown with the scope `secrets` only.' }),
    created: Timestamp,
  })
  .meta({ id: 'Trunk' })
export type Trunk = z.output<typeof Trunk>

const Secret = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x20-\x7e]+$/, 'must be ASCII characters')
const wanted = {
  ...askedShape({ ...columns, ...settings }),
  password: Secret.nullish().meta({ description: 'Write-only.' }),
}
export const NewTrunk = z.strictObject({ ...wanted, name: columns.name }).meta({ id: 'NewTrunk' })
export type NewTrunk = z.output<typeof NewTrunk>
export const PatchTrunk = z.strictObject({ ...wanted, ...identity }).meta({ id: 'PatchTrunk' })
export type PatchTrunk = z.output<typeof PatchTrunk>
export const UpdateTrunk = PatchTrunk.extend({ id: Id }).meta({ id: 'UpdateTrunk' })

export const standardTrunk: TrunkSettings = {
  brand: 'unknown',
  concurrent_calls_volume: 'medium',
  max_calls: null,
  calls_direction: 'both',
  priv_level: 'admin',
  internal_calls: false,
  transport: 'udp',
  server: null,
  port: null,
  username: null,
  caller_id_used: 'device',
  country: null,
  restriction: 'none',
  advanced: {
    override_from_domain: null,
    override_from_user: null,
    add_country_prefix_for_emergency_calls: false,
    vpn: null,
    incoming: { strip_numbers: 0, prepend_numbers: null, did_source: 'request_uri', number_form: 'plus_e164' },
    registration: false,
    registration_seconds: 600,
    auth_username: null,
    outbound_proxy: null,
    addresses: [],
    number_form: 'plus_e164',
    from_content: 'caller_id',
    remote_party_id: false,
    clir: true,
    is_trusted: false,
    forwarded_caller: 'keep_with_diversion',
    options_seconds: 30,
  },
  metadata: {},
}

export const TrunkFilter = z.strictObject({
  ...paging,
  category: columns.category.optional(),
  enabled: BooleanQuery.optional(),
  search: line(120).min(1).optional().meta({ description: 'The name contains this, in any case.' }),
  sort: z
    .enum(['trunk_order', '-trunk_order', 'created', '-created', 'name', '-name'])
    .optional()
    .meta({ description: 'Default `trunk_order`.' }),
})
export type TrunkFilter = z.output<typeof TrunkFilter>

export const Networks = z
  .object({
    networks: z.array(z.object({ address: z.string(), network: z.string(), netmask: z.string() })),
  })
  .meta({ id: 'Networks', description: 'Where SIP and RTP of this installation come from and go to.' })
