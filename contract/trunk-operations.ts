/** Phone numbers and the trunks they come in by. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import {
  NewPhoneNumbers,
  PatchPhoneNumber,
  PhoneNumber,
  PhoneNumberFilter,
  PhoneNumberId,
  UpdatePhoneNumbers,
} from './phone-number.ts'
import { ById, creating, deletedAs, deleting, listing, patching, reading, updating } from './resource.ts'
import { telephonyExamples, telephonyIds } from './telephony-examples.ts'
import { E164 } from './telephony-values.ts'
import { NewTrunk, PatchTrunk, Trunk, TrunkFilter, UpdateTrunk } from './trunk.ts'

const numbers = { tag: 'Phone numbers' }
const trunks = { tag: 'Trunks' }
const { phoneNumber, trunk } = telephonyExamples
const ByNumber = z.object({ id: PhoneNumberId })
const Numbers = z.record(E164, PhoneNumber)

export const trunkOperations = defineOperations({
  listPhoneNumbers: listing({
    ...numbers,
    path: '/v3.0/phone_numbers',
    summary: 'List phone numbers: an object with the number as key',
    query: PhoneNumberFilter,
    data: Numbers,
    example: { [phoneNumber.number]: phoneNumber },
  }),
  getPhoneNumber: reading({
    ...numbers,
    path: '/v3.0/phone_numbers/{id}',
    summary: 'Read one phone number',
    params: ByNumber,
    data: PhoneNumber,
    example: phoneNumber,
  }),
  createPhoneNumbers: creating({
    ...numbers,
    path: '/v3.0/phone_numbers',
    summary: 'Add phone numbers: all of them, or none',
    body: NewPhoneNumbers,
    data: Numbers,
    asked: { phone_numbers: [phoneNumber.number], state: 'in_service' },
    example: { [phoneNumber.number]: phoneNumber },
  }),
  updatePhoneNumbers: updating({
    ...numbers,
    path: '/v3.0/phone_numbers',
    summary: 'Change one phone number, or many at once',
    description: 'With `id` the answer is the number; with `phone_numbers` it is an object with the numbers as keys.',
    body: UpdatePhoneNumbers,
    data: z.union([PhoneNumber, Numbers]),
    asked: { id: phoneNumber.number, state: 'reserved' },
    example: { ...phoneNumber, state: 'reserved' },
  }),
  patchPhoneNumber: patching({
    ...numbers,
    path: '/v3.0/phone_numbers/{id}',
    summary: 'Change a phone number (RFC 7396)',
    params: ByNumber,
    body: PatchPhoneNumber,
    data: PhoneNumber,
    asked: { bypass_number: '+32475550100', bypass_enabled: true },
    example: { ...phoneNumber, bypass_number: '+32475550100', bypass_enabled: true },
  }),
  deletePhoneNumber: deleting({
    ...numbers,
    path: '/v3.0/phone_numbers/{id}',
    summary: 'Remove a phone number',
    params: ByNumber,
    data: deletedAs('phone_number_id'),
    example: { id: phoneNumber.number, phone_number_id: phoneNumber.number },
  }),
  listTrunks: listing({
    ...trunks,
    path: '/v3.0/trunks',
    summary: 'List trunks, as they are tried',
    query: TrunkFilter,
    data: z.array(Trunk),
    example: [trunk],
  }),
  getTrunk: reading({
    ...trunks,
    path: '/v3.0/trunks/{id}',
    summary: 'Read one trunk',
    params: ById,
    data: Trunk,
    example: trunk,
  }),
  createTrunk: creating({
    ...trunks,
    path: '/v3.0/trunks',
    summary: 'Create a trunk',
    body: NewTrunk,
    data: Trunk,
    asked: {
      name: trunk.name,
      server: trunk.server,
      username: trunk.username,
      password: 'the-carriers-password',
      trunk_order: 10,
      advanced: { registration: true },
    },
    example: { ...trunk, advanced: { ...trunk.advanced, registration: true } },
  }),
  updateTrunk: updating({
    ...trunks,
    path: '/v3.0/trunks',
    summary: 'Change a trunk: absent fields stay, null clears',
    body: UpdateTrunk,
    data: Trunk,
    asked: { id: telephonyIds.trunk, trunk_order: 20 },
    example: { ...trunk, trunk_order: 20 },
  }),
  patchTrunk: patching({
    ...trunks,
    path: '/v3.0/trunks/{id}',
    summary: 'Change a trunk (RFC 7396)',
    params: ById,
    body: PatchTrunk,
    data: Trunk,
    asked: { enabled: false },
    example: { ...trunk, enabled: false },
  }),
  deleteTrunk: deleting({
    ...trunks,
    path: '/v3.0/trunks/{id}',
    summary: 'Delete a trunk',
    params: ById,
    data: deletedAs('trunk_id'),
    example: { id: telephonyIds.trunk, trunk_id: telephonyIds.trunk },
  }),
})
