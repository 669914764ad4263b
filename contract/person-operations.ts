/** Accounts and users of the telephony API: the same objects that the Web Meeting API has. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import { ById, creating, dataOf, deletedAs, deleting, listing, patching, reading, updating } from './resource.ts'
import {
  AccountChild,
  ChildFilter,
  PatchTelephonyAccount,
  TelephonyAccount,
  UpdateTelephonyAccount,
} from './telephony-account.ts'
import { telephonyExamples, telephonyIds } from './telephony-examples.ts'
import {
  NewTelephonyUser,
  PatchTelephonyUser,
  TelephonyUser,
  UpdateTelephonyUser,
  UserFilter,
} from './telephony-user.ts'

const accounts = { tag: 'Accounts' }
const users = { tag: 'Users' }
const { account, child, user, callerId, forward } = telephonyExamples
const admitting = 'A `password`, and a `priv_level` that is not `user`, are given with the scope `account`.'
const own =
  'People read and change themselves only: `language`, `time_zone`, `mobile_number`, `call_forward`, `do_not_disturb`, `quickcall_device` and `hotdesk_pin`.'
const changing = `${own} ${admitting}`

export const personOperations = defineOperations({
  getTelephonyAccount: {
    surface: 'telephony',
    ...accounts,
    method: 'GET',
    path: '/v3.0/accounts',
    access: { kind: 'credential', scope: 'telephony:read', minRole: 'admin' },
    summary: 'Read the own account; one below it with `X-Account-ID`',
    result: dataOf(TelephonyAccount),
    errors: ['unauthenticated', 'not_allowed', 'rate_limited'],
    example: { result: { data: account } },
  },
  updateTelephonyAccount: updating({
    ...accounts,
    path: '/v3.0/accounts',
    summary: 'Change the account: absent fields stay, null clears',
    description:
      'What an account may do (`telephony_enabled`, `realm`, `restriction`, `billing`, the `max_…` fields, `platform_trunk_enabled`, `sandbox`) is changed from above only: with an instance key, or by the parent account with `X-Account-ID`. The root account changes its own.',
    body: UpdateTelephonyAccount,
    data: TelephonyAccount,
    asked: { id: telephonyIds.account, country: 'BE', caller_id: { external: callerId.external } },
    example: { ...account, caller_id: callerId },
  }),
  patchTelephonyAccount: patching({
    ...accounts,
    path: '/v3.0/accounts/{id}',
    params: ById,
    summary: 'Change the account (RFC 7396)',
    body: PatchTelephonyAccount,
    data: TelephonyAccount,
    asked: { country: 'BE' },
    example: account,
  }),
  listAccountChildren: {
    ...listing({
      ...accounts,
      path: '/v3.0/accounts/{id}/children',
      scope: 'subaccounts',
      summary: 'List the accounts directly below one',
      query: ChildFilter,
      data: z.array(AccountChild),
      example: [child],
    }),
    params: ById,
  },
  listTelephonyUsers: listing({
    ...users,
    path: '/v3.0/users',
    summary: 'List users',
    query: UserFilter,
    data: z.array(TelephonyUser),
    example: [user],
  }),
  getTelephonyUser: reading({
    ...users,
    path: '/v3.0/users/{id}',
    minRole: 'user',
    summary: 'Read one user',
    params: ById,
    data: TelephonyUser,
    example: user,
  }),
  createTelephonyUser: creating({
    ...users,
    path: '/v3.0/users',
    summary: 'Create a user; with an e-mail address the same person is a meeting organizer',
    description: admitting,
    body: NewTelephonyUser,
    data: TelephonyUser,
    asked: { first_name: 'Test', last_name: 'User', email: user.email },
    example: user,
  }),
  updateTelephonyUser: updating({
    ...users,
    path: '/v3.0/users',
    minRole: 'user',
    summary: 'Change a user: absent fields stay, null clears',
    description: changing,
    body: UpdateTelephonyUser,
    data: TelephonyUser,
    asked: { id: telephonyIds.user, call_forward: { enabled: true, number: forward.number } },
    example: { ...user, call_forward: forward },
  }),
  patchTelephonyUser: patching({
    ...users,
    path: '/v3.0/users/{id}',
    minRole: 'user',
    summary: 'Change a user (RFC 7396)',
    description: changing,
    params: ById,
    body: PatchTelephonyUser,
    data: TelephonyUser,
    asked: { do_not_disturb: true },
    example: { ...user, do_not_disturb: true },
  }),
  deleteTelephonyUser: deleting({
    ...users,
    path: '/v3.0/users/{id}',
    summary: 'Delete a user, with the meetings this person planned and the personal phone book',
    params: ById,
    data: deletedAs('user_id'),
    example: { id: telephonyIds.user, user_id: telephonyIds.user },
  }),
})
