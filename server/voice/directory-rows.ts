/**
 * Rows of the telephony configuration as routing needs them (engine/call/directory.ts): settings over their standard
 * values, snake_case to camelCase, an empty caller id to null.
 */
import type { Selectable } from 'kysely'
import { standardDevice } from '../../contract/device.ts'
import { standardMedia } from '../../contract/media.ts'
import { standardPhoneNumber } from '../../contract/phone-number.ts'
import { type AccountSettings, standardAccount } from '../../contract/telephony-account.ts'
import { standardUser } from '../../contract/telephony-user.ts'
import type { CallerId as PublicCallerId, CallForward as PublicCallForward } from '../../contract/telephony-values.ts'
import { standardTrunk, trunkVolumes } from '../../contract/trunk.ts'
import type {
  Account,
  Callflow,
  CallerId,
  CallForward,
  Contact,
  Device,
  Media,
  PhoneNumber,
  Trunk,
  User,
} from '../../engine/call/directory.ts'
import { formatHost } from '../../engine/sip/via.ts'
import type { ContactSettings } from '../../contract/contact.ts'
import type { AccountTables } from '../store/account-tables.ts'
import { homeCountry } from '../store/contacts.ts'
import type { TelephonyTables } from '../store/telephony-tables.ts'
import type { Configuration } from './configuration.ts'
import type { DeviceLogin, TrunkLogin, TrunkSignIn } from './directories.ts'

type Row<Name extends keyof TelephonyTables> = Selectable<TelephonyTables[Name]>

type DeviceRow = Configuration['devices'][number]
type TrunkRow = Configuration['trunks'][number]

export function toAccount(row: Selectable<AccountTables['accounts']>, realm: string): Account {
  const settings: AccountSettings = { ...standardAccount, ...row.settings }
  const { billing } = settings
  return {
    id: row.id,
    name: row.name,
    realm,
    country: settings.country ?? homeCountry,
    language: settings.language ?? 'en',
    callerId: toCallerId(settings.caller_id),
    restriction: settings.restriction,
    musicOnHoldId: row.musicOnHoldId,
    limits: {
      maxNumberSimCalls: billing.max_number_sim_calls,
      maxNumberIncomingCalls: billing.max_number_incoming_calls,
      maxNumberOutgoingCalls: billing.max_number_outgoing_calls,
      maxNumberFwdCalls: billing.max_number_fwd_calls,
      maxOutsideMinutesPerHour: settings.max_outside_minutes_per_hour,
      maxCallSeconds: settings.max_call_seconds,
    },
    failoverNumber: settings.failover_number,
    enabled: row.telephonyEnabled,
  }
}

export const usesPlatformTrunks = (row: Selectable<AccountTables['accounts']>): boolean =>
  row.settings.platform_trunk_enabled ?? standardAccount.platform_trunk_enabled

export const isSandbox = (row: Selectable<AccountTables['accounts']>): boolean =>
  row.settings.sandbox ?? standardAccount.sandbox

/** T31, of each device of the account. */
export const deviceLimit = (row: Selectable<AccountTables['accounts']>): number | null =>
  row.settings.max_outside_calls_per_device ?? standardAccount.max_outside_calls_per_device

export function toUser(row: Selectable<AccountTables['users']>): User {
  const settings = { ...standardUser, ...row.settings }
  return {
    id: row.id,
    firstName: row.firstName,
    lastName: row.lastName,
    enabled: row.isEnabled && !settings.no_service,
    country: settings.country,
    language: row.preferredLanguage,
    callerId: toCallerId(settings.caller_id),
    restriction: settings.restriction,
    callForward: toCallForward(settings.call_forward),
    doNotDisturb: settings.do_not_disturb,
    callWaiting: settings.call_waiting,
    quickcallDeviceId: row.quickcallDevice,
    musicOnHoldId: row.musicOnHoldId,
  }
}

export function toDevice(row: DeviceRow, maxOutsideCalls: number | null): Device {
  const settings = { ...standardDevice, ...row.settings }
  return {
    id: row.id,
    name: row.name,
    ownerId: row.ownerId,
    username: row.username,
    enabled: row.isEnabled,
    country: settings.country,
    language: settings.language,
    callerId: toCallerId(settings.caller_id),
    restriction: settings.restriction,
    callForward: toCallForward(settings.call_forward),
    doNotDisturb: settings.do_not_disturb,
    musicOnHoldId: row.musicOnHoldId,
    transport: settings.transport,
    maxOutsideCalls,
  }
}

export function toPhoneNumber(row: Row<'phoneNumbers'>): PhoneNumber {
  const settings = { ...standardPhoneNumber, ...row.settings }
  return {
    number: row.number,
    trunkId: row.trunkId,
    bypassNumber: settings.bypass_number,
    bypassEnabled: settings.bypass_enabled,
  }
}

export const toCallflow = (row: Row<'callflows'>): Callflow => ({
  id: row.id,
  name: row.name,
  numbers: row.numbers,
  featurecode: row.featurecode,
  flow: row.flow,
})

export function toMedia(row: Row<'medias'>, path: string): Media {
  const { prompt: name, language } = { ...standardMedia, ...row.settings }
  return { id: row.id, path, ...(name && { prompt: { name, language } }) }
}

export const toContact = (row: Row<'contacts'>): Contact => ({
  id: row.id,
  userId: row.userId,
  name: contactName(row.settings),
  numbers: row.numbers,
})

function toTrunk(row: TrunkRow): Trunk {
  const settings = { ...standardTrunk, ...row.settings }
  const { advanced } = settings
  const { incoming } = advanced
  return {
    id: row.id,
    accountId: row.accountId,
    name: row.name,
    category: row.category,
    enabled: row.isEnabled,
    callsDirection: settings.calls_direction,
    trunkOrder: row.trunkOrder,
    maxCalls: settings.max_calls ?? trunkVolumes[settings.concurrent_calls_volume],
    internalCalls: settings.internal_calls,
    restriction: settings.restriction,
    country: settings.country,
    server: bareHost(settings.server ?? ''),
    port: settings.port,
    transport: settings.transport,
    outboundProxy: advanced.outbound_proxy && uriHost(advanced.outbound_proxy),
    username: settings.username,
    authUsername: advanced.auth_username,
    password: row.password,
    callerIdUsed: settings.caller_id_used,
    options: {
      overrideFromDomain: advanced.override_from_domain && bareHost(advanced.override_from_domain),
      overrideFromUser: advanced.override_from_user,
      addCountryPrefixForEmergencyCalls: advanced.add_country_prefix_for_emergency_calls,
      stripNumbers: incoming.strip_numbers,
      prependNumbers: incoming.prepend_numbers ?? '',
      didSource: incoming.did_source,
      numberFormIn: incoming.number_form,
      numberFormOut: advanced.number_form,
      fromContent: advanced.from_content,
      sendsRemotePartyId: advanced.remote_party_id,
      isTrusted: advanced.is_trusted,
      hasClir: advanced.clir,
      forwardedCaller: advanced.forwarded_caller,
    },
  }
}

/** With one colon it is a host and its port, with more an IPv6 address. */
const uriHost = (host: string): string => (/^[^[].*:.*:/.test(host) ? formatHost(host) : host)

/** An IPv6 address without the brackets that it has in a URI. */
const bareHost = (host: string): string => host.replace(/^\[|\]$/g, '')

export function toTrunkLogin(row: TrunkRow): TrunkLogin {
  const { advanced, server } = { ...standardTrunk, ...row.settings }
  return {
    trunk: toTrunk(row),
    addresses: advanced.addresses,
    isRegistering: advanced.registration && server !== null && row.isEnabled,
    registrationSeconds: advanced.registration_seconds,
    optionsSeconds: advanced.options_seconds,
  }
}

/** Null: we go to it, or know it by its address alone. */
export function toTrunkSignIn({ trunk }: TrunkLogin, realm: string): TrunkSignIn | null {
  const { id: trunkId, accountId, server, username, password, enabled: isEnabled } = trunk
  if (server !== '' || username === null || password === null) return null
  return { trunkId, accountId, username, password, realm, algorithm: 'MD5', isEnabled }
}

export function toDeviceLogin(row: DeviceRow, realm: string): DeviceLogin {
  const { digest_algorithm: algorithm } = { ...standardDevice, ...row.settings }
  const { id: deviceId, accountId, ownerId, username, password, isEnabled } = row
  return { deviceId, accountId, ownerId, username, password, realm, algorithm, isEnabled }
}

/** As a ringing phone shows it: the person, else the company. */
function contactName({ details }: Partial<ContactSettings>): string {
  const person = [details?.names.first, details?.names.last].filter(Boolean).join(' ')
  return person === '' ? (details?.company.name ?? '') : person
}

/** What is not set leaves the word to the next wider level. */
function toCallerId({ internal, external, emergency }: PublicCallerId): CallerId {
  const orNull = <T extends { name: string | null; number: string | null }>(value: T, isSet = false): T | null =>
    isSet || value.name !== null || value.number !== null ? value : null
  return {
    internal: orNull(internal),
    external: orNull(external, external.anonymous),
    emergency: orNull(emergency),
  }
}

function toCallForward(forward: PublicCallForward): CallForward | null {
  if (!forward.enabled || forward.number === null) return null
  return {
    enabled: true,
    number: forward.number,
    requireKeyPress: forward.require_key_press,
    directCallsOnly: forward.direct_calls_only,
    keepCallerId: forward.keep_caller_id,
  }
}
