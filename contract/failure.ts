/** What a client throws: the server's refusal, or that it was not reached. */
import type { ErrorCode } from './errors.ts'

/** The server refused. `type` is stable, `message` is for people. */
export class ApiFailure extends Error {
  override readonly name: string = 'ApiFailure'
  readonly status: number
  /** `unknown`: the answer was not Carillon's, but of a proxy before it, say. */
  readonly type: ErrorCode | 'unknown'
  readonly details: Readonly<Record<string, unknown>>
  /** What the operator finds in the server's log. */
  readonly requestId: string | null
  /** As the server asked, in seconds. */
  readonly retryAfterSeconds: number | null

  constructor(response: Response, text: string) {
    const { type, message, details } = readFailure(text)
    super(message || `${response.status} ${response.statusText}`.trim())
    this.status = response.status
    this.type = type
    this.details = details
    this.requestId = response.headers.get('x-request-id')
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : null
  }
}

/** 410: the cursor is older than the oldest event that is kept. What lies between is gone; read the state anew. */
export class CursorExpired extends ApiFailure {
  override readonly name = 'CursorExpired'
  /** The oldest cursor that can be read from. */
  get oldest(): string {
    return String(this.details.oldest ?? '')
  }
}

/** The server was not reached, or went silent, as often as was tried; `cause` says how. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure'
}

/** In words. Of `fetch` it is the cause that says more than that it failed; of several addresses it has a code only. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message || ('code' in cause ? String(cause.code) : error.message)
}

export async function toFailure(response: Response): Promise<ApiFailure> {
  const text = await response.text()
  return response.status === 410 ? new CursorExpired(response, text) : new ApiFailure(response, text)
}

interface Read {
  readonly type: ErrorCode | 'unknown'
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

const unknown: Read = { type: 'unknown', message: '', details: {} }

/** v3.0's `error`, or v6's `responseMessage` with the type in its data. */
function readFailure(text: string): Read {
  try {
    const { error, responseMessage, data } = JSON.parse(text)
    if (error?.type) return { type: error.type, message: error.message, details: error.details }
    if (data?.type) return { type: data.type, message: responseMessage, details: data }
  } catch {
    // Not JSON: a proxy's page.
  }
  return unknown
}
