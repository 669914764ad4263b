/** `device.registered` and `device.unregistered`: what is told when a binding of a device comes, changes or goes. */
import type { Binding, BindingChange } from '../../engine/sip/registrar.ts'
import { type InboxRow, toInboxRow } from '../events/inbox.ts'
import type { DeviceOfBindings } from './registrations.ts'

export class DeviceEvents {
  readonly #clock: () => number
  #lastVersion = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Null: a refresh, of which nobody is told. */
  rowOf(device: DeviceOfBindings, change: BindingChange, after: readonly Binding[]): InboxRow | null {
    if (change.type === 'refreshed') return null
    const now = this.#clock()
    // A binding has no row that outlives it: its versions are milliseconds, each used once.
    this.#lastVersion = Math.max(this.#lastVersion + 1, now)
    const about = {
      accountId: device.accountId,
      userId: device.ownerId,
      resourceId: device.deviceId,
      resourceSeq: this.#lastVersion,
      occurredAt: new Date(now),
      actor: null,
    }
    const told = { registration: toRegistration(device, change.binding), bindings: toBoundAt(after) }
    return change.type === 'removed'
      ? toInboxRow({ ...about, type: 'device.unregistered', data: { ...told, reason: change.reason } })
      : toInboxRow({ ...about, type: 'device.registered', data: told })
  }
}

const toBoundAt = (bindings: readonly Binding[]) =>
  bindings
    .map(({ contact, source, userAgent }) => ({
      contact,
      transport: source.transport,
      contact_ip: source.address,
      contact_port: source.port,
      user_agent: userAgent || null,
    }))
    .sort((a, b) => (a.contact < b.contact ? -1 : 1))

const toRegistration = (device: DeviceOfBindings, binding: Binding) => ({
  username: device.username,
  owner_id: device.ownerId,
  user_agent: binding.userAgent || null,
  contact_ip: binding.source.address,
  contact_port: binding.source.port,
  device_id: device.deviceId,
  contact: binding.contact,
  transport: binding.source.transport,
  expires_at: new Date(binding.expiresAt).toISOString(),
})
