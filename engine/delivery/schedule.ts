/** When a delivery is attempted again: the example of Standard Webhooks, 75 hours 35 minutes in all, with jitter. */
const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** What lies before each attempt; the first is made at once. */
export const attemptDelaysMs: readonly number[] = [
  0,
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
]

/** So that what failed together does not come back together. */
const jitter = 0.1
export const longestRetryAfterMs = 24 * hour

/** How long to wait after `made` attempts that failed; `random` is from 0 to 1. Null: it is given up. */
export function retryDelayMs(made: number, random: number, retryAfterMs: number | null): number | null {
  const delay = attemptDelaysMs[made]
  if (delay === undefined) return null
  const spread = delay * (1 + jitter * (2 * random - 1))
  return Math.round(Math.max(spread, Math.min(retryAfterMs ?? 0, longestRetryAfterMs)))
}
