/** One event sent as a webhook is: Standard Webhooks headers over the very bytes of the body, no redirects, 15 seconds. */
import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { reasonOf } from '../../contract/failure.ts'
import { type Option, UsageError } from './command.ts'

const timeoutMs = 15_000

export interface Outcome {
  /** Null: no answer. */
  readonly status: number | null
  readonly isAccepted: boolean
  readonly ms: number
  readonly error: string | null
}

export interface Receiver {
  readonly url: string
  readonly secret: string
}

export const receiverOptions: Readonly<Record<string, Option>> = {
  'forward-to': { type: 'string', value: 'URL', meaning: 'Your receiver, such as http://localhost:3000/hooks.' },
  secret: { type: 'string', value: 'whsec_…', meaning: 'What requests are signed with. Default: a new one.' },
}

export function readReceiver(text: (name: string) => string | undefined): Receiver | null {
  const url = text('forward-to')
  if (url === undefined) return null
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`--forward-to ${url}: must be an address such as http://localhost:3000/hooks`)
  }
  const secret = text('secret') ?? `whsec_${randomBytes(32).toString('base64')}`
  if (/^whsec_[A-Za-z0-9+/]{16,}={0,2}$/.test(secret)) return { url, secret }
  throw new UsageError('--secret: must be whsec_ and the base64 of the secret')
}

export async function sendSigned(
  { url, secret }: Receiver,
  event: { readonly id: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const body = JSON.stringify(event)
  const at = new Date()
  const signed = {
    'content-type': 'application/json',
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(event.id, at, body),
  }
  const start = performance.now()
  const outcome = (status: number | null, error: string | null): Outcome => ({
    status,
    isAccepted: status !== null && status >= 200 && status < 300,
    ms: Math.round(performance.now() - start),
    error,
  })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const init = { method: 'POST', redirect: 'manual', headers: { ...signed, ...headers }, body, signal } as const
    const response = await fetch(url, init)
    await response.body?.cancel()
    return outcome(response.status, null)
  } catch (error) {
    return outcome(null, reasonOf(error))
  }
}

export const formatOutcome = ({ status, ms, error }: Outcome): string => `${status ?? `no answer: ${error}`}, ${ms} ms`
