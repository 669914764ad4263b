/** How often one may ask (A10): 1,000 a second for a key, 10 a minute to sign in, 60 a minute for public pages. */
import rateLimit, { type RateLimitOptions } from '@fastify/rate-limit'
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify'
import type { Access } from '../../contract/define.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { presentedSecret } from '../auth/authenticate.ts'

const minute = 60_000

export type Limiter = (access: Access) => onRequestAsyncHookHandler

/** One count for each kind of access, whatever the route: whoever tries passwords could else try on each in turn. */
export async function limitRates(http: FastifyInstance, { config }: App): Promise<Limiter> {
  await http.register(rateLimit, {
    global: false,
    enableDraftSpec: true,
    cache: 20_000,
    errorResponseBuilder: (_request, { after }) => new ApiError('rate_limited', `Try again in ${after}.`),
  })
  const counted = (options: RateLimitOptions) => http.rateLimit(options) as onRequestAsyncHookHandler
  const signIns = counted({ max: config.limits.signInPerMinute, timeWindow: minute, keyGenerator: ({ ip }) => ip })
  const visits = counted({ max: config.limits.publicPerMinute, timeWindow: minute, keyGenerator: ({ ip }) => ip })
  const calls = counted({
    max: config.limits.perKeyPerSecond,
    timeWindow: 1000,
    keyGenerator: (request) => presentedSecret(request, config.publicUrl) ?? request.ip,
  })
  return (access) => (access.kind === 'credential' ? calls : access.limit === 'sign_in' ? signIns : visits)
}
