/** When a client tries again: twice as late each time, never all clients at once, and not where waiting cannot help. */
import { ApiFailure, ConnectionFailure } from './failure.ts'

const firstWaitMs = 250
const longestWaitMs = 10_000
/** Of proxies, and of servers that are overloaded, away or starting. */
const passing = [429, 502, 503, 504]

/** Passes by waiting. A second attempt may meet the first, whose connection broke while it is being carried out. */
export function mayPass(failure: unknown, attempt: number): boolean {
  if (failure instanceof ConnectionFailure) return true
  if (!(failure instanceof ApiFailure)) return false
  return passing.includes(failure.status) || (attempt > 0 && failure.details.reason === 'in_flight')
}

/** At least as long as the server asks. */
export function waitMs(attempt: number, failure: unknown): number {
  const asked = failure instanceof ApiFailure ? (failure.retryAfterSeconds ?? 0) * 1000 : 0
  return Math.max(asked, (Math.min(firstWaitMs * 2 ** attempt, longestWaitMs) * (1 + Math.random())) / 2)
}

/** Ends early, and in peace, when the signal aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal?.aborted) end()
    else signal?.addEventListener('abort', end)
  })
}
