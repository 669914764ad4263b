/** How a webhook is called, and how it goes. */
import { Trans } from '@lingui/react/macro'
import type { Answer } from '../../../contract/client.ts'

export type Webhook = Answer<'GET /v3.0/webhooks'>['data'][number]

/** What is read again when one of them was changed. */
export const webhookChanges = ['GET /v3.0/webhooks', 'GET /v3.0/webhooks/{id}'] as const

export const nameOf = ({ name, url }: Webhook): string => name ?? url.replace(/^https?:\/\//, '')

export function WebhookStatus({ webhook }: { readonly webhook: Webhook }) {
  const { status, failing_since, disabled_reason } = webhook
  if (status === 'paused') {
    return (
      <span className="state is-waiting">
        <i aria-hidden="true" />
        <Trans>paused</Trans>
      </span>
    )
  }
  if (status === 'disabled') {
    return (
      <span className="state is-bad">
        <i aria-hidden="true" />
        {disabled_reason === 'gone' ? <Trans>off: it answered 410</Trans> : <Trans>off: five days of failures</Trans>}
      </span>
    )
  }
  return (
    <span className={`state ${failing_since ? 'is-bad' : 'is-good'}`}>
      <i aria-hidden="true" />
      {failing_since ? <Trans>failing</Trans> : <Trans>active</Trans>}
    </span>
  )
}
