/** Devices: rows, what readers see of them, and what they do at this moment. */
import { sql } from 'kysely'
import { type Device, type DeviceStatus, type Registration, standardDevice } from '../../contract/device.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'

export type DeviceRow = RowOf<'devices'>

/** What the log shows. */
export const toDeviceState = (row: DeviceRow) => ({
  id: row.id,
  account_id: row.accountId,
  name: row.name,
  owner_id: row.ownerId,
  username: row.username,
  enabled: row.isEnabled,
  music_on_hold_id: row.musicOnHoldId,
  external_id: row.externalId,
  ...standardDevice,
  ...row.settings,
  created: row.createdAt.toISOString(),
})

export const toDevice = (row: DeviceRow, realm: string, password?: string): Device => ({
  ...toDeviceState(row),
  realm,
  ...(password !== undefined && { password }),
})

/** Bindings that are not over, with their devices. */
export const selectRegistrations = (db: Queries, accountId: string) =>
  db
    .selectFrom('registrations')
    .innerJoin('devices', 'devices.id', 'registrations.deviceId')
    .where('devices.accountId', '=', accountId)
    .where('registrations.expiresAt', '>', sql<Date>`now()`)
    .select([
      'devices.name',
      'devices.username',
      'devices.ownerId',
      'devices.settings',
      'registrations.deviceId',
      'registrations.contact',
      'registrations.contactIp',
      'registrations.contactPort',
      'registrations.transport',
      'registrations.userAgent',
      'registrations.expiresAt',
    ])

type RegistrationRow = Awaited<ReturnType<ReturnType<typeof selectRegistrations>['executeTakeFirstOrThrow']>>

export const toRegistration = (row: RegistrationRow): Registration => ({
  username: row.username,
  name: row.name,
  owner_id: row.ownerId,
  category: row.settings.hardware?.category ?? null,
  user_agent: row.userAgent,
  contact_ip: row.contactIp,
  contact_port: row.contactPort,
  device_id: row.deviceId,
  contact: row.contact,
  transport: row.transport,
  expires_at: row.expiresAt.toISOString(),
})

/** A call that nobody answered yet makes its callee ring. */
const callsOf = sql`from calls where calls.ended_at is null and calls.account_id = devices.account_id`

export const selectDeviceStatus = (db: Queries, accountId: string) =>
  db
    .selectFrom('devices')
    .where('devices.accountId', '=', accountId)
    .select('devices.id')
    .select(
      sql<boolean>`exists (select 1 from registrations r where r.device_id = devices.id and r.expires_at > now())`.as(
        'isRegistered',
      ),
    )
    .select(
      sql<boolean>`exists (select 1 ${callsOf} and (from_device_id = devices.id
        or (to_device_id = devices.id and answered_at is not null)))`.as('isInCall'),
    )
    .select(sql<boolean>`exists (select 1 ${callsOf} and to_device_id = devices.id)`.as('isCalled'))

interface StatusRow {
  readonly id: string
  readonly isRegistered: boolean
  readonly isInCall: boolean
  readonly isCalled: boolean
}

export const toDeviceStatus = ({ id, isRegistered, isInCall, isCalled }: StatusRow): DeviceStatus => ({
  id,
  registered: isRegistered,
  state: isInCall ? 'in_call' : isCalled ? 'ringing' : isRegistered ? 'idle' : 'offline',
})
