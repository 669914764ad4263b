/** One event as it is in the log, with the ways on from it: all of its object, all of its command. */
import { Trans, useLingui } from '@lingui/react/macro'
import contract from 'virtual:contract'
import { Button } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { ApiButton } from '../kit/api-button.tsx'
import { useContractWords } from '../kit/contract-words.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { useListSearch } from '../kit/data-table.tsx'
import { JsonView } from '../kit/json-view.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { When } from '../kit/when.tsx'
import { useRead } from '../session.tsx'

export function EventPanel() {
  const { id } = useParams({ from: '/inside/developers/events/$id' })
  const { t } = useLingui()
  const { set } = useListSearch()
  const words = useContractWords()
  // It never changes but by an erasure.
  const read = useRead('GET /v3.0/events/{id}', { params: { id } }, { staleTime: 60_000 })
  const event = read.data?.data
  if (!event) {
    return (
      <Panel title={t`Event`} back="/developers/events" rowId={id}>
        {read.error && <Problem error={read.error} onRetry={() => void read.refetch()} />}
      </Panel>
    )
  }
  const { type, resource, correlation_id, actor } = event
  const summary = contract.events.find((one) => one.type === type)?.summary
  return (
    <Panel title={<code>{type}</code>} back="/developers/events" rowId={id}>
      {summary && <p>{words(summary)}</p>}
      <dl className="facts">
        <dt>
          <Trans>Happened</Trans>
        </dt>
        <dd>
          <When at={event.occurred_at} />
        </dd>
        <dt>
          <Trans>Object</Trans>
        </dt>
        <dd>
          <code>{`${resource.type}:${resource.id}`}</code>
          <CopyButton text={resource.id} label={t`Copy the id`} />
        </dd>
        <dt>
          <Trans>Version</Trans>
        </dt>
        <dd className="numbers">{event.resource_seq}</dd>
        {actor && (
          <>
            <dt>
              <Trans>By</Trans>
            </dt>
            <dd>
              {actor.type} {actor.id && <code>{actor.id}</code>}
            </dd>
          </>
        )}
        {correlation_id && (
          <>
            <dt>
              <Trans>Command</Trans>
            </dt>
            <dd>
              <code>{correlation_id}</code>
            </dd>
          </>
        )}
      </dl>
      <div className="form-actions">
        <Button
          variant="default"
          onClick={() => set({ resource: `${resource.type}:${resource.id}`, range: 'all', type: undefined })}
        >
          {resource.type === 'call' ? <Trans>Follow this call</Trans> : <Trans>Follow this object</Trans>}
        </Button>
        {correlation_id && (
          <Button variant="default" onClick={() => set({ correlation: correlation_id, range: 'all', type: undefined })}>
            <Trans>All of this command</Trans>
          </Button>
        )}
        <span className="grow" />
        <ApiButton calls={[{ route: 'GET /v3.0/events/{id}', params: { id } }]} />
      </div>
      <JsonView value={event} label={t`The event as JSON`} />
    </Panel>
  )
}
