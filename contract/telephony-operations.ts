/** Business Telephony API v3.0: authentication and keys. Every name is snake_case. */
import { z } from 'zod'
import {
  AuthAccount,
  AuthPassword,
  AuthUser,
  Key,
  NewKey,
  RotateKey,
  SessionAnswer,
  TokenAnswer,
  Whoami,
} from './credential.ts'
import { defineOperations } from './define.ts'
import { examples } from './examples.ts'
import { KeyId } from './values.ts'

const admin = { kind: 'credential', scope: 'account', minRole: 'admin' } as const
const anybody = { kind: 'credential', scope: null, minRole: 'user' } as const
const signIn = { kind: 'public', limit: 'sign_in' } as const

const data = <T extends z.ZodType>(type: T) => z.object({ data: type })
const asked = <T extends z.ZodType>(type: T) => z.strictObject({ data: type })
const ByKey = z.object({ id: KeyId })
const common = ['unauthenticated', 'not_allowed', 'rate_limited'] as const
const writing = [...common, 'invalid_request', 'not_found', 'idempotency_mismatch', 'conflict'] as const

const { key, ids } = examples
const token = {
  auth_token: 'the-token',
  data: {
    auth_token: 'the-token',
    account_id: ids.account,
    user_id: null,
    expires_at: '2026-05-04T12:00:00.000Z',
  },
}

export const telephonyOperations = defineOperations({
  authenticateAccount: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'PUT',
    path: '/v3.0/auth/account',
    access: signIn,
    summary: 'Make a token from an API key',
    body: asked(AuthAccount),
    result: TokenAnswer,
    errors: ['unauthenticated', 'invalid_request', 'rate_limited'],
    example: { body: { data: { api_key: 'your-key' } }, result: token },
  },
  authenticateUser: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'PUT',
    path: '/v3.0/auth/user',
    access: signIn,
    summary: 'Make a token for a user from an API key with the scope `act_as`',
    body: asked(AuthUser),
    result: TokenAnswer,
    errors: ['unauthenticated', 'not_allowed', 'invalid_request', 'rate_limited'],
    example: {
      body: { data: { username: 'test-user@example.com', api_key: 'your-key' } },
      result: { ...token, data: { ...token.data, user_id: ids.user } },
    },
  },
  authenticatePassword: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'PUT',
    path: '/v3.0/auth/password',
    access: signIn,
    summary: 'Sign in with e-mail address and password',
    body: asked(AuthPassword),
    result: TokenAnswer,
    errors: ['unauthenticated', 'invalid_request', 'rate_limited'],
    example: {
      body: { data: { username: 'test-user@example.com', password: 'your password' } },
      result: { ...token, data: { ...token.data, user_id: ids.user } },
    },
  },
  deleteToken: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'DELETE',
    path: '/v3.0/auth',
    access: anybody,
    summary: 'Give the token back',
    result: data(z.object({}).meta({ id: 'Nothing' })),
    errors: [...common, 'invalid_request'],
    example: { result: { data: {} } },
  },
  createSession: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'PUT',
    path: '/v3.0/auth/session',
    access: { ...signIn, isForPages: true },
    summary: 'Sign a page in: the token becomes a cookie',
    description:
      'For pages of this server. A call that rests on the cookie and is not a GET needs `Content-Type: application/json`, the header `X-Carillon-Client` and the `Origin` of this server, and so does this one. Programs use `auth/password` or a key.',
    body: asked(AuthPassword),
    result: data(SessionAnswer),
    errors: ['unauthenticated', 'not_allowed', 'invalid_request', 'rate_limited'],
    example: {
      body: { data: { username: 'test-user@example.com', password: 'your password' } },
      result: {
        data: { account_id: ids.account, user_id: ids.user, expires_at: token.data.expires_at },
      },
    },
  },
  deleteSession: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'DELETE',
    path: '/v3.0/auth/session',
    access: anybody,
    summary: 'Sign the page out: the cookie and its token are gone',
    result: data(z.object({}).meta({ id: 'Nothing' })),
    errors: [...common, 'invalid_request'],
    example: { result: { data: {} } },
  },
  whoami: {
    surface: 'telephony',
    tag: 'Authentication',
    method: 'GET',
    path: '/v3.0/whoami',
    access: anybody,
    summary: 'What the credential is and may do',
    result: data(Whoami),
    errors: common,
    example: {
      result: {
        data: {
          kind: 'key',
          account_id: ids.account,
          account_name: 'Example Ltd',
          key_id: key.id,
          user_id: null,
          role: 'admin',
          scopes: ['account', 'meeting'],
          expires_at: null,
        },
      },
    },
  },
  listKeys: {
    surface: 'telephony',
    tag: 'API keys',
    method: 'GET',
    path: '/v3.0/keys',
    access: admin,
    summary: 'List the API keys of the account',
    result: data(z.array(Key)),
    errors: common,
    example: { result: { data: [withoutKey()] } },
  },
  createKey: {
    surface: 'telephony',
    tag: 'API keys',
    method: 'PUT',
    path: '/v3.0/keys',
    access: admin,
    summary: 'Make an API key; it is shown in this answer only',
    body: asked(NewKey),
    result: data(Key),
    shownOnce: 'key',
    errors: writing,
    example: { body: { data: { name: 'CRM', scopes: ['account', 'meeting'] } }, result: { data: key } },
  },
  rotateKey: {
    surface: 'telephony',
    tag: 'API keys',
    method: 'POST',
    path: '/v3.0/keys/{id}/rotate',
    access: admin,
    summary: 'Replace a key by a new one; both work during the overlap',
    params: ByKey,
    body: asked(RotateKey),
    result: data(Key),
    shownOnce: 'key',
    errors: writing,
    example: { body: { data: { overlap_seconds: 3600 } }, result: { data: key } },
  },
  deleteKey: {
    surface: 'telephony',
    tag: 'API keys',
    method: 'DELETE',
    path: '/v3.0/keys/{id}',
    access: admin,
    summary: 'Delete an API key and the tokens made from it',
    params: ByKey,
    result: data(z.object({ id: KeyId })),
    errors: writing,
    example: { result: { data: { id: key.id } } },
  },
})

function withoutKey() {
  const { key: _, ...rest } = key
  return rest
}
