/** Accounts and users in the words of the telephony API; one row is read by both APIs. */
import type { z } from 'zod'
import type { TelephonyAccountState } from '../../contract/configuration-events.ts'
import { standardAccount } from '../../contract/telephony-account.ts'
import { standardUser, type TelephonyUser } from '../../contract/telephony-user.ts'
import type { AccountRow } from './accounts.ts'
import type { UserRow } from './users.ts'

/** What the log shows. */
export const toTelephonyAccountState = (row: AccountRow): z.output<typeof TelephonyAccountState> => ({
  id: row.id,
  name: row.name,
  telephony_enabled: row.telephonyEnabled,
  music_on_hold_id: row.musicOnHoldId,
  external_id: row.externalId,
  ...standardAccount,
  ...row.settings,
  realm: row.realm,
  parent_id: row.parentId,
  created: row.createdAt.toISOString(),
})

export const toTelephonyUser = (row: UserRow): TelephonyUser => ({
  id: row.id,
  account_id: row.accountId,
  username: row.username ?? row.email,
  priv_level: row.privLevel,
  first_name: row.firstName,
  last_name: row.lastName,
  email: row.email,
  enabled: row.isEnabled,
  language: row.preferredLanguage,
  time_zone: row.timezone,
  music_on_hold_id: row.musicOnHoldId,
  browserphone_id: row.browserphoneId,
  quickcall_device: row.quickcallDevice,
  external_id: row.externalUserId,
  ...standardUser,
  ...row.settings,
  created: row.createdAt.toISOString(),
})
