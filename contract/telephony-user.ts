/** A person as the telephony API shows it. With an e-mail address the same person is a meeting organizer (A8). */
import { z } from 'zod'
import {
  askedShape,
  BooleanQuery,
  CallForward,
  CallerId,
  Country,
  Dialable,
  identity,
  noCallerId,
  noForward,
  paging,
  Restriction,
  tagged,
} from './telephony-values.ts'
import { Email, Id, JsonValue, LanguageTag, line, TimeZone, Timestamp } from './values.ts'
import { Password } from './credential.ts'

export const PrivLevel = z
  .enum(['admin', 'superduper', 'user'])
  .meta({ id: 'PrivLevel', description: '`superduper`: an administrator of the root account.' })

const columns = {
  username: z.string().max(254).nullable().meta({
    description:
      'The name to sign in with: the e-mail address, or a name without @ that is unique in the installation.',
  }),
  priv_level: PrivLevel,
  first_name: line(120).trim().min(1),
  last_name: line(120).trim(),
  email: Email.nullable().meta({ description: 'Unique in the installation. Without one the user plans no meetings.' }),
  enabled: z.boolean().meta({
    description:
      'False: signing in is refused, and the user’s devices neither ring nor call, but for emergency numbers.',
  }),
  language: LanguageTag.meta({ description: 'Of pages, mails and prompts.' }),
  time_zone: TimeZone,
  music_on_hold_id: Id.nullable().meta({ description: 'A media for whoever is held; null: the account’s.' }),
  browserphone_id: Id.nullable().meta({ description: 'A device. Informational until the browser phone exists.' }),
  quickcall_device: Id.nullable().meta({
    description: 'A device. Informational until calls can be placed through the API.',
  }),
  external_id: tagged.external_id,
}
const settings = {
  require_password_update: z.boolean().meta({ description: 'Informational until the portal asks for it.' }),
  vm_to_email_enabled: z.boolean().meta({ description: 'Informational until there are mailboxes.' }),
  caller_id: CallerId,
  mobile_number: Dialable.nullable().meta({ description: 'Informational: a colleague can be found by it in lists.' }),
  country: Country.nullable().meta({ description: 'Null: the account’s.' }),
  restriction: Restriction.nullable(),
  call_forward: CallForward,
  do_not_disturb: z.boolean().meta({ description: 'None of the user’s devices rings.' }),
  call_waiting: z
    .boolean()
    .meta({ description: 'A second call rings while one is going on; false: the user is busy.' }),
  advanced: JsonValue.meta({ description: 'Informational: kept as sent.' }),
  hotdesk_enabled: z.boolean().meta({ description: 'Informational until there is hot-desking.' }),
  hotdesk_id: Dialable.nullable().meta({ description: 'Informational until there is hot-desking.' }),
  hotdesk_keep_logged_in_elsewhere: z.boolean().meta({ description: 'Informational until there is hot-desking.' }),
  hotdesk_require_pin: z.boolean().meta({ description: 'Informational until there is hot-desking.' }),
  no_service: z.boolean().meta({ description: 'The user’s devices neither ring nor call, but for emergency numbers.' }),
  apps: z.record(z.string().max(100), JsonValue).meta({ description: 'Informational: kept as sent.' }),
  subscriptions: z.record(z.string().max(100), JsonValue).meta({ description: 'Informational: kept as sent.' }),
  metadata: tagged.metadata,
}
export const UserSettings = z.object(settings)
export type UserSettings = z.output<typeof UserSettings>

const HotdeskPin = z.string().regex(/^[0-9]{1,20}$/, 'must be digits')

export const TelephonyUser = z
  .object({
    id: Id,
    account_id: Id,
    ...columns,
    ...settings,
    hotdesk_pin: z.string().nullable().optional().meta({ description: 'Shown with the scope `secrets` only.' }),
    created: Timestamp,
  })
  .meta({ id: 'TelephonyUser' })
export type TelephonyUser = z.output<typeof TelephonyUser>

const wanted = {
  ...askedShape({ ...columns, ...settings }),
  password: Password.nullish().meta({ description: 'Write-only: for signing in. Null takes it away.' }),
  hotdesk_pin: HotdeskPin.nullish().meta({ description: 'Write-only.' }),
}

export const NewTelephonyUser = z
  .strictObject({ ...wanted, first_name: columns.first_name })
  .meta({ id: 'NewTelephonyUser' })
export type NewTelephonyUser = z.output<typeof NewTelephonyUser>
export const PatchTelephonyUser = z.strictObject({ ...wanted, ...identity }).meta({ id: 'PatchTelephonyUser' })
export type PatchTelephonyUser = z.output<typeof PatchTelephonyUser>
export const UpdateTelephonyUser = PatchTelephonyUser.extend({ id: Id }).meta({ id: 'UpdateTelephonyUser' })

/** What people may change of themselves; the rest is the administrator’s. */
export const ownFields = [
  'language',
  'time_zone',
  'mobile_number',
  'call_forward',
  'do_not_disturb',
  'quickcall_device',
  'hotdesk_pin',
] as const

export const standardUser: UserSettings = {
  require_password_update: false,
  vm_to_email_enabled: false,
  caller_id: noCallerId,
  mobile_number: null,
  country: null,
  restriction: null,
  call_forward: noForward,
  do_not_disturb: false,
  call_waiting: true,
  advanced: null,
  hotdesk_enabled: false,
  hotdesk_id: null,
  hotdesk_keep_logged_in_elsewhere: false,
  hotdesk_require_pin: false,
  no_service: false,
  apps: {},
  subscriptions: {},
  metadata: {},
}

export const UserFilter = z.strictObject({
  ...paging,
  email: Email.optional(),
  username: z.string().max(254).optional(),
  priv_level: PrivLevel.optional(),
  enabled: BooleanQuery.optional(),
  search: line(120).min(1).optional().meta({ description: 'First or last name contains this, in any case.' }),
  sort: z.enum(['created', '-created', 'name', '-name']).optional().meta({ description: 'Default `created`.' }),
})
export type UserFilter = z.output<typeof UserFilter>
