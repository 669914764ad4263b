/** What whoever is in a call is to see of it: that it is recorded, and that somebody listens. */
import { Trans } from '@lingui/react/macro'
import { Sign } from '../kit/sign.tsx'
import type { LiveCall } from './live-calls.ts'

export function CallMarks({ call: { recording, supervisors } }: { readonly call: LiveCall }) {
  return (
    <>
      {recording && (
        <span className={`call-mark ${recording.is_paused ? 'is-paused' : ''}`}>
          <Sign name={recording.is_paused ? 'pause' : 'record'} size={14} />
          {recording.is_paused ? <Trans>recording paused</Trans> : <Trans>recorded</Trans>}
        </span>
      )}
      {supervisors.length > 0 && (
        <span className="call-mark">
          <Sign name="ear" size={14} />
          <Trans>somebody listens</Trans>
        </span>
      )}
    </>
  )
}
