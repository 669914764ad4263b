/** One attempt: a request and what it means. Any 2xx is a success; everything else is a failure. */
import { secretMask } from '../../contract/webhook.ts'
import type { Attempt } from '../../contract/webhook-delivery.ts'
import { RequestFailed, type SafeClient } from '../outgoing/safe-client.ts'
import type { KeptResponse } from '../store/webhook-tables.ts'
import type { WebhookRequest } from './request.ts'

export interface AttemptResult {
  readonly attempt: Attempt
  readonly response: KeptResponse | null
  readonly isSuccess: boolean
  /** 410: the endpoint says that it wants nothing any more. */
  readonly isGone: boolean
  /** Nothing is left to send, which is no fault of the endpoint. */
  readonly isUnsendable: boolean
  /** Of 429 and 503. */
  readonly retryAfterMs: number | null
}

export async function send(
  client: SafeClient,
  request: WebhookRequest,
  clock: () => number,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { method, url, headers, body } = request
  const began = clock()
  const startedAt = performance.now()
  const told = (status: number | null, error: string | null): Attempt => ({
    at: new Date(began).toISOString(),
    method,
    url,
    status,
    error,
    duration_ms: Math.round(performance.now() - startedAt),
  })
  try {
    const answer = await client.request({ method, url, headers, body, signal })
    const { status } = answer
    const isSuccess = status >= 200 && status < 300
    const mayWait = status === 429 || status === 503
    return {
      attempt: told(status, isSuccess ? null : wordsFor(status)),
      response: hidden({ headers: keptHeaders(answer.headers), body: answer.body }, request),
      isSuccess,
      isGone: status === 410,
      isUnsendable: false,
      retryAfterMs: mayWait ? parseRetryAfter(answer.headers['retry-after'], clock()) : null,
    }
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    return {
      attempt: told(null, error.message),
      response: null,
      isSuccess: false,
      isGone: false,
      isUnsendable: false,
      retryAfterMs: null,
    }
  }
}

/** There is nothing to send, and never will be. */
export const unsendable = (request: Pick<Attempt, 'method' | 'url'>, error: string, now: number): AttemptResult => ({
  attempt: { at: new Date(now).toISOString(), ...request, status: null, error, duration_ms: 0 },
  response: null,
  isSuccess: false,
  isGone: false,
  isUnsendable: true,
  retryAfterMs: null,
})

const wordsFor = (status: number) =>
  status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`

/** RFC 9110 §10.2.3: seconds, or a date. */
function parseRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

const mostHeaders = 30
const longestHeader = 500
const shortestSecret = 4

/** An endpoint that sends back what it was sent does not make our secrets readable. */
function hidden(response: KeptResponse, { masked, headers }: WebhookRequest): KeptResponse {
  const secrets = masked.flatMap((name) => headers[name] ?? []).filter((value) => value.length >= shortestSecret)
  const hide = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, secretMask), text)
  const names = Object.entries(response.headers).map(([name, value]) => [name, hide(value)])
  return { headers: Object.fromEntries(names), body: hide(response.body) }
}

/** Cookies are the endpoint's own affair. */
const keptHeaders = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name !== 'set-cookie')
      .slice(0, mostHeaders)
      .map(([name, value]) => [name, value.slice(0, longestHeader).replaceAll('\0', '')]),
  )
