/** Devices, where they are registered and what they do; the networks of this installation. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import {
  Device,
  DeviceFilter,
  DeviceStatus,
  NewDevice,
  PatchDevice,
  Registration,
  RegistrationFilter,
  UpdateDevice,
} from './device.ts'
import { ById, creating, dataOf, deletedAs, deleting, listing, patching, reading, updating } from './resource.ts'
import { telephonyExamples, telephonyIds } from './telephony-examples.ts'
import { Networks } from './trunk.ts'
import { Id } from './values.ts'

const devices = { tag: 'Devices' }
const { device, registration, forward } = telephonyExamples

export const deviceOperations = defineOperations({
  listDevices: listing({
    ...devices,
    path: '/v3.0/devices',
    summary: 'List devices',
    query: DeviceFilter,
    data: z.array(Device),
    example: [device],
  }),
  listRegistrations: listing({
    ...devices,
    path: '/v3.0/devices/registrations',
    summary: 'List where devices are registered now',
    query: RegistrationFilter,
    data: z.array(Registration),
    example: [registration],
  }),
  listDeviceStatus: listing({
    ...devices,
    path: '/v3.0/devices/status',
    summary: 'What each device does now, by its id',
    query: RegistrationFilter,
    data: z.record(Id, DeviceStatus),
    example: { [device.id]: { id: device.id, registered: true, state: 'idle' } },
  }),
  getDevice: reading({
    ...devices,
    path: '/v3.0/devices/{id}',
    summary: 'Read one device',
    params: ById,
    data: Device,
    example: device,
  }),
  createDevice: creating({
    ...devices,
    path: '/v3.0/devices',
    summary: 'Create a device; without a password it gets a random one, shown in this answer only',
    body: NewDevice,
    data: Device,
    asked: { name: device.name, owner_id: telephonyIds.user },
    example: { ...device, password: 'xR7m2kQ9vT4wZp3s' },
    shownOnce: 'password',
  }),
  updateDevice: updating({
    ...devices,
    path: '/v3.0/devices',
    summary: 'Change a device: absent fields stay, null clears',
    body: UpdateDevice,
    data: Device,
    asked: { id: telephonyIds.device, call_forward: { enabled: true, number: forward.number } },
    example: { ...device, call_forward: forward },
  }),
  patchDevice: patching({
    ...devices,
    path: '/v3.0/devices/{id}',
    summary: 'Change a device (RFC 7396)',
    params: ById,
    body: PatchDevice,
    data: Device,
    asked: { do_not_disturb: true },
    example: { ...device, do_not_disturb: true },
  }),
  deleteDevice: deleting({
    ...devices,
    path: '/v3.0/devices/{id}',
    summary: 'Delete a device; its phone is signed out',
    params: ById,
    data: deletedAs('device_id'),
    example: { id: telephonyIds.device, device_id: telephonyIds.device },
  }),
  listNetworks: {
    surface: 'telephony',
    tag: 'Networks',
    method: 'GET',
    path: '/v3.0/networks',
    access: { kind: 'credential', scope: 'telephony:read', minRole: 'user' },
    summary: 'The addresses that SIP and sound of this installation use, for firewalls',
    result: dataOf(Networks),
    errors: ['unauthenticated', 'not_allowed', 'rate_limited'],
    example: {
      result: { data: { networks: [{ address: '192.0.2.1', network: '192.0.2.1', netmask: '255.255.255.255' }] } },
    },
  },
})
