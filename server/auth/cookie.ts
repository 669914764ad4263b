/**
 * The session of a page (S2): its token in a cookie that no script reads. A cookie comes with whatever a browser sends,
 * so a request that rests on one shows that a page of ours made it: nothing of another site acts or reads by it.
 * RFC 6265bis §4.1.3.2 (`__Host-`), RFC 6454 §7 (`Origin`), W3C Fetch Metadata (`Sec-Fetch-Site`).
 */
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply } from 'fastify'
import { ApiError } from '../api-error.ts'
import type { Asking } from './authenticate.ts'

/** How long a browser keeps it; the token in it ends much sooner when it is not used (A7). */
const keptSeconds = 30 * 24 * 3600

/** Browsers do not keep the cookies of two ports of one host apart, so the name does. */
export function cookieName(publicUrl: string): string {
  const { protocol, port } = new URL(publicUrl)
  return `${protocol === 'https:' ? '__Host-' : ''}carillon${port && `-${port}`}`
}

export const cookieSecret = (request: Asking, publicUrl: string): string | null =>
  request.cookies[cookieName(publicUrl)] || null

/** Null takes it away. */
export function setCookieSecret(reply: FastifyReply, publicUrl: string, secret: string | null): void {
  const options: CookieSerializeOptions = {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: publicUrl.startsWith('https:'),
  }
  if (secret === null) reply.clearCookie(cookieName(publicUrl), options)
  else reply.setCookie(cookieName(publicUrl), secret, { ...options, maxAge: keptSeconds })
}

/** Whatever rests on a cookie, and signing in, which makes one. */
export function refuseOtherSites(request: Asking, publicUrl: string): void {
  const { origin, upgrade } = request.headers
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw refusal(`the page is of another site (Sec-Fetch-Site: ${String(site)})`)
  }
  if (origin !== undefined && !isOwn(request, origin, publicUrl)) throw refusal(`Origin: ${origin} is another site`)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  // Browsers name the origin of every socket and every change; not of what a page reads from its own server.
  if (origin === undefined && (upgrade !== undefined || !isRead)) throw refusal('the header Origin is missing')
  if (isRead) return
  if (request.headers['x-carillon-client'] === undefined) throw refusal('the header X-Carillon-Client is missing')
  const type = String(request.headers['content-type'] ?? '')
  if (!/^application\/json\s*(;|$)/i.test(type)) throw refusal('Content-Type: must be application/json')
}

/** By the name it was reached by, too: `127.0.0.1` and `localhost` are both right on this machine. */
const isOwn = (request: Asking, origin: string, publicUrl: string): boolean =>
  origin === new URL(publicUrl).origin || origin === `${request.protocol}://${request.host}`

const refusal = (why: string) =>
  new ApiError('not_allowed', `A session cookie serves pages of this server only: ${why}. Programs send X-Auth-Token.`)
