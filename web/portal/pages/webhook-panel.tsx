/** One webhook: how it goes, what was sent and answered, its settings, and what one can do with it. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Menu, Select, Tabs } from '@mantine/core'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiButton } from '../kit/api-button.tsx'
import { Confirm } from '../kit/confirm.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { SchemaForm, type Stored } from '../kit/schema-form.tsx'
import { ShownOnce } from '../kit/shown-once.tsx'
import { Sign } from '../kit/sign.tsx'
import { useTell } from '../kit/tell.ts'
import { When } from '../kit/when.tsx'
import { useRead, useWrite } from '../session.tsx'
import { Deliveries } from '../webhooks/deliveries.tsx'
import { useWebhookFields, valuesOf } from '../webhooks/webhook-fields.tsx'
import { nameOf, type Webhook, webhookChanges as changes, WebhookStatus } from '../webhooks/webhook-status.tsx'

const daySeconds = 86_400

export function WebhookPanel() {
  const { id } = useParams({ from: '/inside/developers/webhooks/$id' })
  const { t } = useLingui()
  // How many wait and when it last worked are no events: they are asked for.
  const read = useRead('GET /v3.0/webhooks/{id}', { params: { id } }, { refetchInterval: 5_000 })
  const webhook = read.data?.data
  if (!webhook) {
    return (
      <Panel title={t`Webhook`} back="/developers/webhooks" rowId={id}>
        {read.error && <Problem error={read.error} onRetry={() => void read.refetch()} />}
      </Panel>
    )
  }
  return (
    <Panel title={nameOf(webhook)} back="/developers/webhooks" rowId={id}>
      <Facts webhook={webhook} />
      <Actions key={id} webhook={webhook} />
      <Tabs defaultValue="deliveries" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="deliveries">
            <Trans>Deliveries</Trans>
          </Tabs.Tab>
          <Tabs.Tab value="settings">
            <Trans>Settings</Trans>
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="deliveries" pt="md">
          <Deliveries key={id} webhookId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="md">
          <Settings key={id} webhook={webhook} read={read} />
        </Tabs.Panel>
      </Tabs>
    </Panel>
  )
}

function Facts({ webhook }: { readonly webhook: Webhook }) {
  const { t } = useLingui()
  return (
    <dl className="facts">
      <dt>
        <Trans>State</Trans>
      </dt>
      <dd>
        <WebhookStatus webhook={webhook} />
      </dd>
      <dt>
        <Trans>Address</Trans>
      </dt>
      <dd>
        {webhook.url}
        <CopyButton text={webhook.url} label={t`Copy the address`} />
      </dd>
      {webhook.public_key && (
        <>
          <dt>
            <Trans>Public key</Trans>
          </dt>
          <dd>
            <code>{webhook.public_key}</code>
            <CopyButton text={webhook.public_key} label={t`Copy the public key`} />
          </dd>
        </>
      )}
      <dt>
        <Trans>Waiting</Trans>
      </dt>
      <dd className="numbers">{webhook.pending}</dd>
      <dt>
        <Trans>Last success</Trans>
      </dt>
      <dd>{webhook.last_success_at ? <When at={webhook.last_success_at} /> : <Trans>never</Trans>}</dd>
    </dl>
  )
}

function Settings({ webhook, read }: { readonly webhook: Webhook; readonly read: Stored }) {
  const { t } = useLingui()
  const patch = useWrite('PATCH /v3.0/webhooks/{id}', { changes })
  const fields = useWebhookFields(false)
  const { id } = webhook
  const [secret, setSecret] = useState<string | null>(null)
  return (
    <>
      <SchemaForm
        route="PATCH /v3.0/webhooks/{id}"
        params={{ id }}
        fields={fields}
        initial={valuesOf(webhook)}
        read={read}
        save={t`Save`}
        onSave={async (body, version) => {
          const { data } = await patch.mutateAsync({ params: { id }, body: { data: body }, ...version })
          // Another kind of signature made a new secret.
          if ('signing' in body && data.secret) setSecret(data.secret)
        }}
      />
      {secret !== null && (
        <ShownOnce
          title={t`New signing secret of ${nameOf(webhook)}`}
          secret={secret}
          onClose={() => setSecret(null)}
        />
      )}
    </>
  )
}

type Asked = 'resume' | 'rotate' | 'replay' | 'delete'

function Actions({ webhook }: { readonly webhook: Webhook }) {
  const { t } = useLingui()
  const { id, status } = webhook
  const [asked, setAsked] = useState<Asked | null>(null)
  const tell = useTell()
  const deliveries = 'GET /v3.0/webhooks/{id}/deliveries'
  const test = useWrite('POST /v3.0/webhooks/{id}/test', { changes: [...changes, deliveries] })
  const pause = useWrite('POST /v3.0/webhooks/{id}/pause', { changes })
  return (
    <div className="form-actions">
      <Button
        size="xs"
        variant="default"
        leftSection={<Sign name="send" size={14} />}
        loading={test.isPending}
        onClick={() => void tell(test.mutateAsync({ params: { id }, body: { data: {} } }), t`A test is on its way.`)}
      >
        <Trans>Send a test</Trans>
      </Button>
      {status === 'active' ? (
        <Button
          size="xs"
          variant="default"
          leftSection={<Sign name="pause" size={14} />}
          loading={pause.isPending}
          onClick={() => void tell(pause.mutateAsync({ params: { id } }), t`It is paused. Its place is kept.`)}
        >
          <Trans>Pause</Trans>
        </Button>
      ) : (
        <Button
          size="xs"
          variant="default"
          leftSection={<Sign name="play" size={14} />}
          onClick={() => setAsked('resume')}
        >
          <Trans>Resume</Trans>
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="default" rightSection={<Sign name="selector" size={14} />}>
            <Trans>More</Trans>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('replay')} leftSection={<Sign name="history" size={14} />}>
            <Trans>Send again what failed</Trans>
          </Menu.Item>
          <Menu.Item onClick={() => setAsked('rotate')} leftSection={<Sign name="refresh" size={14} />}>
            <Trans>Rotate the secret</Trans>
          </Menu.Item>
          <Menu.Item color="red" onClick={() => setAsked('delete')} leftSection={<Sign name="trash" size={14} />}>
            <Trans>Delete</Trans>
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <span className="grow" />
      <ApiButton
        isSmall
        calls={[
          { route: 'GET /v3.0/webhooks/{id}/deliveries', params: { id } },
          { route: 'POST /v3.0/webhooks/{id}/test', params: { id }, body: { data: {} } },
        ]}
      />
      {asked && <Question asked={asked} webhook={webhook} onClose={() => setAsked(null)} />}
    </div>
  )
}

interface QuestionProps {
  readonly asked: Asked
  readonly webhook: Webhook
  readonly onClose: () => void
}

function Question({ asked, webhook, onClose }: QuestionProps) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const { id } = webhook
  const name = nameOf(webhook)
  const deliveries = 'GET /v3.0/webhooks/{id}/deliveries'
  const resume = useWrite('POST /v3.0/webhooks/{id}/resume', { changes: [...changes, deliveries] })
  const replay = useWrite('POST /v3.0/webhooks/{id}/replay', { changes: [...changes, deliveries] })
  const remove = useWrite('DELETE /v3.0/webhooks/{id}', { changes })
  if (asked === 'resume') {
    return (
      <Confirm
        title={t`Resume ${name}?`}
        verb={t`Resume and catch up`}
        onClose={onClose}
        onConfirm={() => resume.mutateAsync({ params: { id }, body: { data: { catch_up: true } } })}
      >
        <Trans>Everything that happened since it stopped is sent now.</Trans>
      </Confirm>
    )
  }
  if (asked === 'replay') {
    const since = new Date(Date.now() - daySeconds * 1_000).toISOString()
    return (
      <Confirm
        title={t`Send again to ${name}?`}
        verb={t`Send again`}
        onClose={onClose}
        onConfirm={() => replay.mutateAsync({ params: { id }, body: { data: { failed_since: since } } })}
      >
        <Trans>Every delivery of the last 24 hours that failed is sent again, with the same ids.</Trans>
      </Confirm>
    )
  }
  if (asked === 'rotate') return <Rotation webhook={webhook} onClose={onClose} />
  return (
    <Confirm
      title={t`Delete ${name}?`}
      verb={t`Delete ${name}`}
      isDanger
      onClose={onClose}
      onConfirm={async () => {
        await remove.mutateAsync({ params: { id } })
        await navigate({ to: '/developers/webhooks', search: (before) => before })
      }}
    >
      <Trans>Nothing is sent to it any more, and its deliveries are gone.</Trans>
    </Confirm>
  )
}

/** The old secret signs too for a while, so that no request is refused; with a public key there is no secret to show. */
function Rotation({ webhook, onClose }: Omit<QuestionProps, 'asked'>) {
  const { t } = useLingui()
  const { id } = webhook
  const name = nameOf(webhook)
  const rotate = useWrite('POST /v3.0/webhooks/{id}/rotate_secret', { changes })
  const [seconds, setSeconds] = useState(String(daySeconds))
  const secret = rotate.data?.data.secret
  if (secret) return <ShownOnce title={t`New signing secret of ${name}`} secret={secret} onClose={onClose} />
  return (
    <Confirm
      title={t`Rotate the secret of ${name}?`}
      verb={t`Make the new secret`}
      onClose={onClose}
      onDone={() => {}}
      onConfirm={async () => {
        const { data } = await rotate.mutateAsync({
          params: { id },
          body: { data: { overlap_seconds: Number(seconds) } },
        })
        if (!data.secret) onClose()
      }}
    >
      <Select
        label={t`How long the old one signs too`}
        description={t`Requests carry both signatures meanwhile, so nothing is refused while you change it.`}
        data={[
          { value: '0', label: t`Not at all` },
          { value: '3600', label: t`1 hour` },
          { value: String(daySeconds), label: t`24 hours` },
          { value: String(7 * daySeconds), label: t`7 days` },
        ]}
        value={seconds}
        onChange={(value) => setSeconds(value ?? seconds)}
      />
    </Confirm>
  )
}
