import { duration, Since } from '../kit/when.tsx'
import type { LiveCall } from './live-calls.ts'

/** How long one has talked, or waited until then. */
export function CallTime({ call: { answered_at, ended_at, started_at } }: { readonly call: LiveCall }) {
  if (!ended_at) return <Since at={answered_at ?? started_at} />
  return (
    <span className="numbers">{duration((Date.parse(ended_at) - Date.parse(answered_at ?? ended_at)) / 1_000)}</span>
  )
}
