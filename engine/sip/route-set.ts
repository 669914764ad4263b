/**
 * Routes of requests: loose and strict routing (RFC 3261 §12.2.1.1, §16.12). A route without `lr` is a strict router:
 * it wants to be the request URI, and the target travels as the last Route.
 */
import { parseNameAddr } from './address.ts'
import type { HeaderLine } from './format.ts'
import type { SipMessage } from './message.ts'
import { formatUri, parseUri, uriParameter } from './uri.ts'

const uriOf = (route: string): string => parseNameAddr(route)?.uri ?? route

const isLoose = (uri: string): boolean => {
  const parsed = parseUri(uri)
  return parsed !== null && uriParameter(parsed, 'lr') !== undefined
}

/** The request URI and the Route lines of a request to `target` over `routes`. */
export function formatRoutes(target: string, routes: readonly string[]): { uri: string; headers: HeaderLine[] } {
  const [first] = routes
  if (first === undefined) return { uri: target, headers: [] }
  if (isLoose(uriOf(first))) return { uri: target, headers: routes.map((route) => ['Route', bracketed(route)]) }
  const rest = routes.slice(1).map((route): HeaderLine => ['Route', bracketed(route)])
  return { uri: withoutHeaders(uriOf(first)), headers: [...rest, ['Route', `<${target}>`]] }
}

/** Whose host and port the request goes to: the first route, strict or loose, else the target (§8.1.2). */
export function nextHopUri(target: string, routes: readonly string[]): string {
  const [first] = routes
  return first === undefined ? target : uriOf(first)
}

/**
 * The request URI that was meant: where a strict router (§16.4), or a phone of RFC 2543 with us as its outbound proxy,
 * put a URI of ours there, the real one is the last Route. A URI without user is nobody to call anyway.
 */
export function meantUri(request: SipMessage): string {
  const last = request.requestUri?.user === '' ? request.headers('route').at(-1) : undefined
  return last === undefined ? request.uri : uriOf(last)
}

const bracketed = (route: string): string => (route.includes('<') ? route : `<${route}>`)

/** §19.1.1: neither headers nor a method may stand in a request URI. */
function withoutHeaders(text: string): string {
  const uri = parseUri(text)
  return uri === null || uri.headers === '' ? text : formatUri({ ...uri, headers: '' })
}
