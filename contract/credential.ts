/** Keys, tokens and who one is: shared by v3.0 (snake_case) and v6 (camelCase). */
import { z } from 'zod'
import { RoleName, ScopeName } from './access.ts'
import { Id, KeyId, line, Timestamp, TimestampInput } from './values.ts'

const scopes = z
  .array(ScopeName)
  .min(1)
  .max(20)
  .meta({ description: 'What the key may do; at most what the credential that makes it may do.' })
const expires = TimestampInput.nullable()
const networks = z
  .array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]))
  .max(50)
  .meta({ description: 'Addresses or networks it may be used from; empty: all.', examples: [['192.0.2.0/24']] })

export const NewKey = z
  .strictObject({
    name: line(120).trim().min(1),
    scopes: scopes.optional(),
    expires_at: expires.optional(),
    networks: networks.optional(),
  })
  .meta({ id: 'NewKey' })
export type NewKey = z.output<typeof NewKey>

export const Key = z
  .object({
    id: KeyId,
    account_id: Id,
    name: z.string(),
    role: RoleName,
    scopes: z.array(ScopeName),
    networks: z.array(z.string()),
    expires_at: Timestamp.nullable(),
    last_used_at: Timestamp.nullable(),
    created: Timestamp,
    key: z.string().optional().meta({ description: 'The key itself: only in the answer that makes it.' }),
  })
  .meta({ id: 'Key' })
export type Key = z.output<typeof Key>

export const RotateKey = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(2_592_000)
      .optional()
      .meta({ description: 'How long the old key goes on working beside the new one. Default 86,400 (a day).' }),
  })
  .meta({ id: 'RotateKey' })

export const NewApiKey = z
  .object({
    name: line(120).trim().min(1),
    accountId: Id.optional().meta({ description: 'With an instance key: the account the key belongs to.' }),
    level: z
      .enum(['instance', 'account'])
      .optional()
      .meta({ description: 'Default: `account` with `accountId` or an account’s own key, else `instance`.' }),
    permissions: scopes.optional(),
    expiresAt: expires.optional(),
    networks: networks.optional(),
  })
  .meta({ id: 'NewApiKey' })
export type NewApiKey = z.output<typeof NewApiKey>

export const ApiKey = z
  .object({
    id: KeyId,
    accountId: Id,
    name: z.string(),
    level: z.enum(['instance', 'account']),
    permissions: z.array(ScopeName),
    networks: z.array(z.string()),
    expiresAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable(),
    createdAt: Timestamp,
    key: z.string().optional().meta({ description: 'The key itself: only in the answer that makes it.' }),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.output<typeof ApiKey>

export const Password = z
  .string()
  .min(10, 'must have at least 10 characters')
  .max(200)
  .meta({ id: 'Password', description: '10 to 200 characters.' })

export const AuthAccount = z.strictObject({ api_key: z.string().min(1).max(200) })
const Username = z
  .string()
  .min(1)
  .max(254)
  .meta({ description: 'The e-mail address, or the user name of a telephony user without one.' })
export const AuthUser = z.strictObject({ username: Username, api_key: z.string().min(1).max(200) })
export const AuthPassword = z.strictObject({ username: Username, password: z.string().min(1).max(200) })

/** Kazoo-like: the token stands at the top level and in `data`, since clients read either. */
export const TokenAnswer = z
  .object({
    auth_token: z.string(),
    data: z.object({
      auth_token: z.string(),
      account_id: Id,
      user_id: Id.nullable(),
      expires_at: Timestamp.meta({ description: 'Moves on with use: 24 hours after the last call.' }),
    }),
  })
  .meta({ id: 'TokenAnswer' })

/** The token is in the cookie, where no script reads it. */
export const SessionAnswer = z
  .object({ account_id: Id, user_id: Id, expires_at: Timestamp.meta({ description: 'Moves on with use.' }) })
  .meta({ id: 'Session' })

export const Whoami = z
  .object({
    kind: z.enum(['key', 'token']),
    account_id: Id,
    account_name: z.string(),
    key_id: KeyId.nullable().meta({ description: 'Null: the instance key of the configuration.' }),
    user_id: Id.nullable(),
    role: RoleName,
    scopes: z.array(ScopeName),
    expires_at: Timestamp.nullable(),
  })
  .meta({ id: 'Whoami' })
