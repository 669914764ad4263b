/** Phones: whose they are, where they are registered and what they do, as it changes. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { CallButton } from '../calls/call-button.tsx'
import { Confirm } from '../kit/confirm.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { type Column, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { More } from '../kit/more.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { type FieldWish, SchemaForm } from '../kit/schema-form.tsx'
import { ShownOnce } from '../kit/shown-once.tsx'
import { When } from '../kit/when.tsx'
import { useList, useRead, useWrite } from '../session.tsx'

type Device = Answer<'GET /v3.0/devices'>['data'][number]
type Status = Answer<'GET /v3.0/devices/status'>['data'][string]

const changes = ['GET /v3.0/devices', 'GET /v3.0/devices/{id}', 'GET /v3.0/devices/status'] as const

export function PhonesPage() {
  const { t } = useLingui()
  const { search } = useListSearch()
  const query = { ...(search.q && { search: search.q }), sort: (search.sort ?? 'name') as 'name' }
  const devices = useList('GET /v3.0/devices', query, (client, { page, signal }) =>
    client.call('GET /v3.0/devices', { query: { ...query, ...page }, signal }),
  )
  const status = useRead('GET /v3.0/devices/status', {})
  const people = usePeople()
  const columns: readonly Column<Device>[] = [
    { id: 'name', title: t`Name`, cell: ({ name }) => name, sort: 'name' },
    {
      id: 'state',
      title: t`State`,
      cell: ({ id, enabled }) => <State status={status.data?.data[id]} isEnabled={enabled} />,
    },
    { id: 'owner', title: t`Owner`, cell: ({ owner_id }) => people.get(owner_id ?? '') ?? '—', isForWide: true },
    { id: 'username', title: t`SIP user name`, cell: ({ username }) => <code>{username}</code>, isForWide: true },
    {
      id: 'created',
      title: t`Added`,
      sort: 'created',
      isAtEnd: true,
      isForWide: true,
      cell: ({ created }) => <When at={created} />,
    },
    {
      id: 'call',
      title: t`Call`,
      isAtEnd: true,
      cell: ({ id, name }) => <CallButton isSmall callee={{ name, to: { device_id: id } }} />,
    },
  ]
  return (
    <ListPage
      title={t`Phones`}
      calls={[{ route: 'GET /v3.0/devices', query }, { route: 'GET /v3.0/devices/status' }]}
      add={{ to: '/phones/new', verb: t`Add a phone` }}
      searchLabel={t`Search phones`}
      isNarrowed={Boolean(search.q)}
      nothingFound={t`No phone is called so.`}
      nothingYet={t`A phone is whatever speaks SIP: on a desk, in a browser, in a pocket. Add the first one.`}
      name="phones"
      columns={columns}
      rows={devices.rows}
      idOf={({ id }) => id}
      panel="/phones/$id"
      error={devices.error}
      onRetry={devices.retry}
      order="name"
      foot={<More list={devices} />}
    />
  )
}

interface StateProps {
  readonly status: Status | undefined
  readonly isEnabled: boolean
}

function State({ status, isEnabled }: StateProps) {
  if (!isEnabled) {
    return (
      <span className="state is-bad">
        <i aria-hidden="true" />
        <Trans>blocked</Trans>
      </span>
    )
  }
  const state = status?.state ?? 'offline'
  const words = {
    offline: <Trans>not registered</Trans>,
    idle: <Trans>registered</Trans>,
    ringing: <Trans>ringing</Trans>,
    in_call: <Trans>talking</Trans>,
  }
  const looks = { offline: '', idle: 'is-good', ringing: 'is-waiting', in_call: 'is-live' }
  return (
    <span className={`state ${looks[state]}`}>
      <i aria-hidden="true" />
      {words[state]}
    </span>
  )
}

/** Names by id. */
function usePeople(): ReadonlyMap<string, string> {
  const people = useRead('GET /v3.0/users', { query: {} }, { staleTime: 60_000 })
  return new Map(
    people.data?.data.map(({ id, first_name, last_name }) => [id, `${first_name} ${last_name}`.trim()] as const),
  )
}

function useDeviceFields(): readonly FieldWish[] {
  const { t } = useLingui()
  const people = [...usePeople()].map(([value, label]) => ({ value, label }))
  return [
    { name: 'name', label: t`Name`, help: '' },
    { name: 'owner_id', label: t`Owner`, options: people, isClearable: true },
    { name: 'username', label: t`SIP user name` },
    {
      name: 'password',
      label: t`SIP password`,
      isSecret: true,
      help: t`At least 8 characters. Left empty, a new phone gets a random one, and an old one keeps its own.`,
    },
  ]
}

export function NewPhonePanel() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const create = useWrite('PUT /v3.0/devices', { changes })
  const fields = useDeviceFields()
  const [made, setMade] = useState<Device | null>(null)
  const show = (id: string) => navigate({ to: '/phones/$id', params: { id }, search: (before) => before })
  return (
    <Panel title={t`Add a phone`} back="/phones">
      <SchemaForm
        route="PUT /v3.0/devices"
        fields={fields}
        initial={{ name: '', owner_id: null, username: '', password: '' }}
        save={t`Add`}
        onSave={async (data) => {
          const { data: device } = await create.mutateAsync({ body: { data: data as { name: string } } })
          if (device.password && !data.password) setMade(device)
          else await show(device.id)
        }}
      />
      {made && (
        <ShownOnce title={t`Password of ${made.name}`} secret={made.password ?? ''} onClose={() => void show(made.id)}>
          <Account device={made} />
        </ShownOnce>
      )}
    </Panel>
  )
}

/** What is typed into the phone. */
function Account({ device }: { readonly device: Device }) {
  const { t } = useLingui()
  return (
    <dl className="facts">
      <dt>
        <Trans>User name</Trans>
      </dt>
      <dd>
        <code>{device.username}</code>
        <CopyButton text={device.username} label={t`Copy the user name`} />
      </dd>
      <dt>
        <Trans>Server</Trans>
      </dt>
      <dd>
        <code>{location.hostname}</code>
        <CopyButton text={location.hostname} label={t`Copy the server`} />
      </dd>
      <dt>
        <Trans>Realm</Trans>
      </dt>
      <dd>
        <code>{device.realm}</code>
        <CopyButton text={device.realm} label={t`Copy the realm`} />
      </dd>
    </dl>
  )
}

export function PhonePanel() {
  const { id } = useParams({ from: '/inside/phones/$id' })
  const { t } = useLingui()
  const device = useRead('GET /v3.0/devices/{id}', { params: { id } })
  const navigate = useNavigate()
  const [isLeaving, setLeaving] = useState(false)
  const patch = useWrite('PATCH /v3.0/devices/{id}', { changes })
  const remove = useWrite('DELETE /v3.0/devices/{id}', { changes })
  const fields: readonly FieldWish[] = [
    ...useDeviceFields(),
    { name: 'enabled', label: t`In use`, help: t`Otherwise it can neither register, call nor be called.` },
    { name: 'do_not_disturb', label: t`Do not disturb` },
    { name: 'call_forward.enabled', label: t`Forward all calls`, help: '' },
    { name: 'call_forward.number', label: t`Forward to` },
  ]
  const data = device.data?.data
  if (!data) {
    return (
      <Panel title={t`Phone`} back="/phones" rowId={id}>
        {device.error && <Problem error={device.error} onRetry={() => void device.refetch()} />}
      </Panel>
    )
  }
  return (
    <Panel
      title={data.name}
      back="/phones"
      rowId={id}
      actions={
        <>
          <CallButton callee={{ name: data.name, to: { device_id: id } }} />
          <Button variant="subtle" color="red" size="xs" onClick={() => setLeaving(true)}>
            <Trans>Delete</Trans>
          </Button>
        </>
      }
    >
      <Registrations deviceId={id} isEnabled={data.enabled} />
      <Account device={data} />
      <SchemaForm
        key={id}
        route="PATCH /v3.0/devices/{id}"
        params={{ id }}
        fields={fields}
        initial={{ ...data, password: '' }}
        read={device}
        save={t`Save`}
        onSave={(body, version) => patch.mutateAsync({ params: { id }, body: { data: body }, ...version })}
      />
      {isLeaving && (
        <Confirm
          title={t`Delete ${data.name}?`}
          verb={t`Delete ${data.name}`}
          isDanger
          onClose={() => setLeaving(false)}
          onConfirm={async () => {
            await remove.mutateAsync({ params: { id } })
            await navigate({ to: '/phones', search: (before) => before })
          }}
        >
          <Trans>The phone is signed out, and can neither call nor be called.</Trans>
        </Confirm>
      )}
    </Panel>
  )
}

function Registrations({ deviceId, isEnabled }: { readonly deviceId: string; readonly isEnabled: boolean }) {
  const status = useRead('GET /v3.0/devices/status', {})
  const registrations = useRead('GET /v3.0/devices/registrations', { query: { device_id: deviceId } })
  return (
    <section className="box">
      <State status={status.data?.data[deviceId]} isEnabled={isEnabled} />
      {registrations.data?.data.map(({ contact, contact_ip, contact_port, transport, user_agent, expires_at }) => (
        <dl className="facts" key={contact}>
          <dt>
            <Trans>From</Trans>
          </dt>
          <dd>
            <code>
              {contact_ip}:{contact_port}
            </code>{' '}
            {transport.toUpperCase()}
          </dd>
          <dt>
            <Trans>Phone</Trans>
          </dt>
          <dd>{user_agent ?? '—'}</dd>
          <dt>
            <Trans>Until</Trans>
          </dt>
          <dd>
            <When at={expires_at} />
          </dd>
        </dl>
      ))}
    </section>
  )
}
