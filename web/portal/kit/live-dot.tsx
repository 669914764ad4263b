import { Trans } from '@lingui/react/macro'
import type { StreamState } from '../../../contract/client.ts'
import { useLive } from '../live.tsx'
import { Since } from './when.tsx'

/** Whether what is shown moves by itself. */
export function LiveDot() {
  return <StreamDot state={useLive().state} />
}

export function StreamDot({ state }: { readonly state: StreamState | null }) {
  const isConnected = state?.status === 'connected'
  return (
    <span className={`live ${isConnected ? 'is-live' : ''}`}>
      <i aria-hidden="true" />
      {isConnected ? (
        <Trans>live</Trans>
      ) : state ? (
        <Trans>
          reconnecting since <Since at={state.since} />
        </Trans>
      ) : (
        <Trans>connecting</Trans>
      )}
    </span>
  )
}
