/** What keys may be allowed to do, and what people are. A call needs the scope of its operation and the role. */
import { z } from 'zod'

export const scopes = {
  account: 'Accounts, users and API keys.',
  meeting: 'Meetings, rooms and calendars.',
  'telephony:read': 'Read the telephony configuration and call history.',
  'telephony:write': 'Change the telephony configuration.',
  realtime: 'Follow calls, presence and meetings as they happen.',
  'calls:control': 'Place, answer, transfer and end calls.',
  events: 'Read the event log.',
  webhooks: 'Manage webhooks.',
  subaccounts: 'Act in accounts below the own one.',
  secrets: 'See stored secrets.',
  act_as: 'Act for a user.',
  instance: 'Everything that concerns the whole installation.',
} as const

export type Scope = keyof typeof scopes
export const allScopes = Object.keys(scopes) as [Scope, ...Scope[]]
export const ScopeName = z.enum(allScopes).meta({ id: 'Scope', description: 'One permission of an API key.' })

/** From least to most: a person, the administrator of an account, the operator of the installation. */
const roles = ['user', 'admin', 'instance'] as const
export type Role = (typeof roles)[number]
export const RoleName = z.enum(roles).meta({ id: 'Role' })

export const hasRole = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed)
