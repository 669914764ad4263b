import { Trans } from '@lingui/react/macro'
import { useLive } from '../live.tsx'
import { Since } from './when.tsx'

/** Whether what is shown moves by itself. */
export function LiveDot() {
  const { state } = useLive()
  if (state?.status === 'connected') {
    return (
      <span className="live is-live">
        <i aria-hidden="true" />
        <Trans>live</Trans>
      </span>
    )
  }
  return (
    <span className="live">
      <i aria-hidden="true" />
      {state ? (
        <Trans>
          reconnecting since <Since at={state.since} />
        </Trans>
      ) : (
        <Trans>connecting</Trans>
      )}
    </span>
  )
}
