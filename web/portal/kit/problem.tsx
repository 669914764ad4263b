/** What went wrong: what, why, again, and the number by which the operator finds it. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ApiFailure, ConnectionFailure } from '../../../contract/client.ts'
import { CopyButton } from './copy-button.tsx'
import { Sign } from './sign.tsx'

interface ProblemProps {
  readonly error: Error
  /** What came to nothing. */
  readonly what?: ReactNode
  /** In other words than the error's. */
  readonly why?: string
  readonly onRetry?: () => void
}

export function Problem({ error, what, why, onRetry }: ProblemProps) {
  const words = useFailureWords()
  const reason = why ?? words(error)
  const requestId = error instanceof ApiFailure ? error.requestId : null
  return (
    <div className="problem" role="alert">
      <Sign name="alert" size={20} />
      <div>
        <p className="problem-what">{what ?? reason}</p>
        {what && <p>{reason}</p>}
        <div className="row">
          {onRetry && (
            <Button size="xs" variant="default" onClick={onRetry} leftSection={<Sign name="refresh" size={14} />}>
              <Trans>Try again</Trans>
            </Button>
          )}
          {requestId && <RequestId id={requestId} />}
        </div>
      </div>
    </div>
  )
}

function RequestId({ id }: { readonly id: string }) {
  const { t } = useLingui()
  return (
    <span className="request-id soft">
      <Trans>Request</Trans> <code>{id.slice(0, 8)}</code>
      <CopyButton text={id} label={t`Copy the request id`} />
    </span>
  )
}

/** In the reader's words. */
export function useFailureWords(): (error: Error) => string {
  const { t } = useLingui()
  return (error) => {
    if (error instanceof ConnectionFailure) return t`The server cannot be reached. What you see may be old.`
    if (error instanceof ApiFailure) return error.message
    return t`This page met a fault of ours. Load it again.`
  }
}

export function NotFound() {
  return (
    <main className="portal-alone">
      <div className="empty">
        <p>
          <Trans>There is nothing at this address.</Trans>
        </p>
        <Button component={Link} to="/" variant="default">
          <Trans>Go home</Trans>
        </Button>
      </div>
    </main>
  )
}
