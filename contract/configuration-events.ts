/** Events of the telephony configuration: what was made, changed and deleted, and which phones are there. */
import { z } from 'zod'
import { Callflow } from './callflow.ts'
import { Contact } from './contact.ts'
import { defineEvents } from './define.ts'
import { Device, Registration } from './device.ts'
import { Media } from './media.ts'
import { PhoneNumber } from './phone-number.ts'
import { TelephonyAccount } from './telephony-account.ts'
import { telephonyExamples } from './telephony-examples.ts'
import { TelephonyUser } from './telephony-user.ts'
import { Trunk } from './trunk.ts'

/** E6: a secret that was changed is not shown; that it was, is. */
const Secrets = z
  .record(z.string(), z.object({ changed: z.literal(true) }))
  .optional()
  .meta({ description: 'Write-only fields that were changed.' })

export const changedWithSecrets = <T extends z.ZodType>(state: T) =>
  z.object({ before: state, after: state, secrets: Secrets })

/** Within `account` and `user` of the log: the same object in the words of the telephony API. */
export const TelephonyAccountState = TelephonyAccount.omit({
  provision: true,
  prov_key: true,
  hostname_suffix: true,
  children: true,
})
  .extend({ realm: z.string().nullable().meta({ description: 'Null: made from the id.' }) })
  .meta({ id: 'TelephonyAccountState' })
export const TelephonyUserState = TelephonyUser.omit({ hotdesk_pin: true }).meta({ id: 'TelephonyUserState' })

const Binding = Registration.omit({ name: true, category: true }).meta({ id: 'DeviceBinding' })
export const BoundAt = Registration.pick({
  contact: true,
  transport: true,
  contact_ip: true,
  contact_port: true,
  user_agent: true,
}).meta({ id: 'BoundAt', description: 'One place where a device is registered.' })
const bindings = z.array(BoundAt).meta({ description: 'All of the device after this, in the order of their contacts.' })
const DeviceState = Device.omit({ password: true, realm: true }).meta({ id: 'DeviceState' })
const TrunkState = Trunk.omit({ password: true }).meta({ id: 'TrunkState' })
const PhoneNumberState = PhoneNumber.omit({
  used_by: true,
  used_by_id: true,
  used_by_name: true,
  trunk_name: true,
}).meta({ id: 'PhoneNumberState' })

const { prov_key: _a, hostname_suffix: _b, children: _c, ...accountState } = telephonyExamples.account
const { realm: _d, ...deviceState } = telephonyExamples.device
const {
  used_by: _e,
  used_by_id: _f,
  used_by_name: _g,
  trunk_name: _h,
  ...phoneNumberState
} = telephonyExamples.phoneNumber
const { name: _i, category: _j, ...binding } = telephonyExamples.registration
const boundAt = {
  contact: binding.contact,
  transport: binding.transport,
  contact_ip: binding.contact_ip,
  contact_port: binding.contact_port,
  user_agent: binding.user_agent,
}
const { trunk, callflow, contact, media, user } = telephonyExamples
export const stateExamples = { account: { ...accountState, realm: null }, user }

const scope = 'telephony:read' as const

export const configurationEvents = defineEvents({
  'device.created': {
    summary: 'A device was made.',
    resource: 'device',
    scope,
    data: z.object({ device: DeviceState }),
    example: { device: deviceState },
  },
  'device.updated': {
    summary: 'A device was changed.',
    resource: 'device',
    scope,
    data: changedWithSecrets(DeviceState),
    example: { before: deviceState, after: { ...deviceState, name: 'Desk' }, secrets: { password: { changed: true } } },
  },
  'device.deleted': {
    summary: 'A device was deleted.',
    resource: 'device',
    scope,
    data: z.object({ device: DeviceState }),
    example: { device: deviceState },
  },
  'device.registered': {
    summary: 'A phone registered; not told when it only refreshes what it has.',
    resource: 'registration',
    scope,
    data: z.object({ registration: Binding, bindings }),
    example: { registration: binding, bindings: [boundAt] },
  },
  'device.unregistered': {
    summary: 'A phone took its registration back, let it expire, or must not be there any more.',
    resource: 'registration',
    scope,
    data: z.object({
      registration: Binding,
      bindings,
      reason: z.enum(['unregistered', 'expired', 'replaced', 'disabled', 'deleted', 'credentials_changed']).meta({
        description:
          '`disabled`, `deleted`: its device; `credentials_changed`: user name, password or realm of its device are others now. Calls that go on are not ended.',
      }),
    }),
    example: { registration: binding, bindings: [], reason: 'expired' },
  },
  'trunk.created': {
    summary: 'A trunk was made.',
    resource: 'trunk',
    scope,
    data: z.object({ trunk: TrunkState }),
    example: { trunk },
  },
  'trunk.updated': {
    summary: 'A trunk was changed.',
    resource: 'trunk',
    scope,
    data: changedWithSecrets(TrunkState),
    example: { before: trunk, after: { ...trunk, trunk_order: 20 } },
  },
  'trunk.deleted': {
    summary: 'A trunk was deleted.',
    resource: 'trunk',
    scope,
    data: z.object({ trunk: TrunkState }),
    example: { trunk },
  },
  'phone_number.created': {
    summary: 'A phone number was added.',
    resource: 'phone_number',
    scope,
    data: z.object({ phone_number: PhoneNumberState }),
    example: { phone_number: phoneNumberState },
  },
  'phone_number.updated': {
    summary: 'A phone number was changed.',
    resource: 'phone_number',
    scope,
    data: z.object({ before: PhoneNumberState, after: PhoneNumberState }),
    example: { before: phoneNumberState, after: { ...phoneNumberState, state: 'reserved' } },
  },
  'phone_number.deleted': {
    summary: 'A phone number was removed.',
    resource: 'phone_number',
    scope,
    data: z.object({ phone_number: PhoneNumberState }),
    example: { phone_number: phoneNumberState },
  },
  'callflow.created': {
    summary: 'A callflow was made.',
    resource: 'callflow',
    scope,
    data: z.object({ callflow: Callflow }),
    example: { callflow },
  },
  'callflow.updated': {
    summary: 'A callflow was changed.',
    resource: 'callflow',
    scope,
    data: z.object({ before: Callflow, after: Callflow }),
    example: { before: callflow, after: { ...callflow, numbers: ['1001', '1011'] } },
  },
  'callflow.deleted': {
    summary: 'A callflow was deleted.',
    resource: 'callflow',
    scope,
    data: z.object({ callflow: Callflow }),
    example: { callflow },
  },
  'contact.created': {
    summary: 'A contact was added to a phone book.',
    resource: 'contact',
    scope,
    data: z.object({ contact: Contact }),
    example: { contact },
  },
  'contact.updated': {
    summary: 'A contact was changed.',
    resource: 'contact',
    scope,
    data: z.object({ before: Contact, after: Contact }),
    example: { before: contact, after: { ...contact, url: 'https://crm.example.com/contacts/17' } },
  },
  'contact.deleted': {
    summary: 'A contact was deleted.',
    resource: 'contact',
    scope,
    data: z.object({ contact: Contact }),
    example: { contact },
  },
  'media.created': {
    summary: 'A media was made; its sound comes with the first upload.',
    resource: 'media',
    scope,
    data: z.object({ media: Media }),
    example: { media: { ...media, content_type: null, size_bytes: null, duration_ms: null } },
  },
  'media.updated': {
    summary: 'A media was changed, or its sound uploaded.',
    resource: 'media',
    scope,
    data: z.object({ before: Media, after: Media }),
    example: { before: media, after: { ...media, name: 'Good morning' } },
  },
  'media.deleted': {
    summary: 'A media was deleted.',
    resource: 'media',
    scope,
    data: z.object({ media: Media }),
    example: { media },
  },
})
