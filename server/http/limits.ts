/** How often one may ask (A10): 1,000 a second for a key, 10 a minute to sign in, 60 a minute for public pages. */
import rateLimit, { type RateLimitOptions } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Access } from '../../contract/define.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { presentedSecret } from '../auth/authenticate.ts'

export async function limitRates(http: FastifyInstance): Promise<void> {
  await http.register(rateLimit, {
    global: false,
    enableDraftSpec: true,
    cache: 20_000,
    errorResponseBuilder: (_request, { after }) => new ApiError('rate_limited', `Try again in ${after}.`),
  })
}

export function rateLimitOf(app: App, access: Access): RateLimitOptions {
  if (access.kind === 'public') {
    const max = access.limit === 'sign_in' ? app.config.limits.signInPerMinute : app.config.limits.publicPerMinute
    return { max, timeWindow: 60_000, keyGenerator: (request) => request.ip }
  }
  return {
    max: app.config.limits.perKeyPerSecond,
    timeWindow: 1000,
    keyGenerator: (request) => presentedSecret(request) ?? request.ip,
  }
}
