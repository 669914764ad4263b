/** Keys of the API and what each may do. A key is seen once, when it is made. */
import { Trans, useLingui } from '@lingui/react/macro'
import contract from 'virtual:contract'
import { Button, Checkbox } from '@mantine/core'
import { useNavigate, useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { Confirm } from '../kit/confirm.tsx'
import { useContractWords } from '../kit/contract-words.tsx'
import { CopyButton } from '../kit/copy-button.tsx'
import { type Column, sorted, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { SchemaForm } from '../kit/schema-form.tsx'
import { ShownOnce } from '../kit/shown-once.tsx'
import { Sign } from '../kit/sign.tsx'
import { When } from '../kit/when.tsx'
import { useRead, useSession, useWrite } from '../session.tsx'

type Key = Answer<'GET /v3.0/keys'>['data'][number]
type Scope = Key['scopes'][number]

const changes = ['GET /v3.0/keys'] as const

export function KeysPage() {
  const { t } = useLingui()
  const { search } = useListSearch()
  const keys = useRead('GET /v3.0/keys', {})
  const wanted = search.q?.toLowerCase() ?? ''
  const found = keys.data?.data.filter(({ name, id }) => name.toLowerCase().includes(wanted) || id === wanted)
  const rows =
    found &&
    sorted(found, search.sort ?? 'name', {
      name: ({ name }) => name,
      created: ({ created }) => created,
      used: ({ last_used_at }) => last_used_at ?? '',
    })
  const columns: readonly Column<Key>[] = [
    { id: 'name', title: t`Name`, cell: ({ name }) => name, sort: 'name' },
    { id: 'scopes', title: t`May`, cell: ({ scopes }) => <Scopes scopes={scopes} />, isForWide: true },
    {
      id: 'used',
      title: t`Last used`,
      sort: 'used',
      isAtEnd: true,
      cell: ({ last_used_at }) => (last_used_at ? <When at={last_used_at} /> : <Trans>never</Trans>),
    },
    {
      id: 'expires',
      title: t`Expires`,
      isAtEnd: true,
      isForWide: true,
      cell: ({ expires_at }) => (expires_at ? <When at={expires_at} /> : <Trans>never</Trans>),
    },
    {
      id: 'created',
      title: t`Made`,
      sort: 'created',
      isAtEnd: true,
      isForWide: true,
      cell: ({ created }) => <When at={created} />,
    },
  ]
  return (
    <ListPage
      title={t`Keys`}
      calls={[{ route: 'GET /v3.0/keys' }]}
      add={{ to: '/developers/keys/new', verb: t`Make a key` }}
      searchLabel={t`Search keys`}
      isNarrowed={wanted !== ''}
      nothingFound={t`No key is called so.`}
      nothingYet={t`A program of yours shows a key with each call. Give each program one of its own.`}
      name="keys"
      columns={columns}
      rows={rows}
      idOf={({ id }) => id}
      panel="/developers/keys/$id"
      error={keys.error}
      onRetry={() => void keys.refetch()}
      order="name"
    />
  )
}

/** The first few; the panel has them all. */
function Scopes({ scopes }: { readonly scopes: readonly string[] }) {
  const shown = scopes.slice(0, 3)
  return (
    <span className="tags">
      {shown.map((scope) => (
        <code key={scope} className="tag">
          {scope}
        </code>
      ))}
      {scopes.length > shown.length && <span className="soft">+{scopes.length - shown.length}</span>}
    </span>
  )
}

export function NewKeyPanel() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const { who } = useSession()
  const words = useContractWords()
  const create = useWrite('PUT /v3.0/keys', { changes })
  const [made, setMade] = useState<Key | null>(null)
  const mayGive = Object.entries(contract.scopes).filter(([scope]) => who.scopes.includes(scope as Scope))
  return (
    <Panel title={t`Make a key`} back="/developers/keys">
      <SchemaForm
        route="PUT /v3.0/keys"
        initial={{ name: '', scopes: ['telephony:read', 'events'], networks: [], expires_at: '' }}
        save={t`Make the key`}
        onSave={async (data) => {
          const answer = await create.mutateAsync({ body: { data: data as { name: string } } })
          setMade(answer.data)
        }}
        fields={[
          { name: 'name', label: t`Name`, placeholder: t`The program that uses it` },
          {
            name: 'scopes',
            label: t`May`,
            render: ({ value, onChange, error }) => (
              <Checkbox.Group
                label={t`What it may do`}
                value={value as string[]}
                onChange={onChange}
                error={error ?? ((value as string[]).length === 0 && t`Choose one at least.`)}
              >
                <div className="checks">
                  {mayGive.map(([scope, english]) => (
                    <Checkbox key={scope} value={scope} label={<code>{scope}</code>} description={words(english)} />
                  ))}
                </div>
              </Checkbox.Group>
            ),
          },
          { name: 'networks', label: t`Only from these networks`, placeholder: '192.0.2.0/24' },
          {
            name: 'expires_at',
            label: t`Expires`,
            render: ({ value, onChange, error }) => (
              <Expiry value={value as string} onChange={onChange} error={error} />
            ),
          },
        ]}
      />
      {made && (
        <ShownOnce
          title={t`The key ${made.name}`}
          secret={made.key ?? ''}
          onClose={() =>
            void navigate({ to: '/developers/keys/$id', params: { id: made.id }, search: (before) => before })
          }
        />
      )}
    </Panel>
  )
}

const days = [7, 30, 90, 365]
const dayMs = 86_400_000

interface ExpiryProps {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly error: ReactNode
}

function Expiry({ value, onChange, error }: ExpiryProps) {
  const { t } = useLingui()
  const chosen = days.find((one) => value !== '' && Math.abs(Date.parse(value) - Date.now() - one * dayMs) < dayMs / 2)
  return (
    <div>
      <div className="label" id="expiry">
        {t`Expires`}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: buttons that are pressed, not fields */}
      <div className="row" role="group" aria-labelledby="expiry">
        <Button size="xs" variant="default" aria-pressed={value === ''} onClick={() => onChange('')}>
          <Trans>Never</Trans>
        </Button>
        {days.map((one) => (
          <Button
            key={one}
            size="xs"
            variant="default"
            aria-pressed={chosen === one}
            onClick={() => onChange(new Date(Date.now() + one * dayMs).toISOString())}
          >
            {t`In ${one} days`}
          </Button>
        ))}
      </div>
      {error && <p className="fault">{error}</p>}
    </div>
  )
}

export function KeyPanel() {
  const { id } = useParams({ from: '/inside/developers/keys/$id' })
  const { t } = useLingui()
  const navigate = useNavigate()
  const words = useContractWords()
  const keys = useRead('GET /v3.0/keys', {})
  const rotate = useWrite('POST /v3.0/keys/{id}/rotate', { changes })
  const remove = useWrite('DELETE /v3.0/keys/{id}', { changes })
  const [asks, setAsks] = useState<'rotate' | 'delete' | null>(null)
  const [made, setMade] = useState<Key | null>(null)
  const key = keys.data?.data.find((one) => one.id === id)
  if (!key) {
    return (
      <Panel title={t`Key`} back="/developers/keys" rowId={id}>
        {keys.error && <Problem error={keys.error} onRetry={() => void keys.refetch()} />}
        {keys.data && (
          <p className="soft">
            <Trans>This key is not there any more.</Trans>
          </p>
        )}
      </Panel>
    )
  }
  const show = (other: string) =>
    navigate({ to: '/developers/keys/$id', params: { id: other }, search: (before) => before })
  return (
    <Panel title={key.name} back="/developers/keys" rowId={id}>
      <dl className="facts">
        <dt>
          <Trans>Id</Trans>
        </dt>
        <dd>
          <code>{key.id}</code>
          <CopyButton text={key.id} label={t`Copy the id`} />
        </dd>
        <dt>
          <Trans>Last used</Trans>
        </dt>
        <dd>{key.last_used_at ? <When at={key.last_used_at} /> : <Trans>never</Trans>}</dd>
        <dt>
          <Trans>Made</Trans>
        </dt>
        <dd>
          <When at={key.created} />
        </dd>
        <dt>
          <Trans>Expires</Trans>
        </dt>
        <dd>{key.expires_at ? <When at={key.expires_at} /> : <Trans>never</Trans>}</dd>
        <dt>
          <Trans>Networks</Trans>
        </dt>
        <dd>{key.networks.length > 0 ? <code>{key.networks.join(', ')}</code> : <Trans>all</Trans>}</dd>
      </dl>
      <section>
        <h3>
          <Trans>What it may do</Trans>
        </h3>
        <dl className="scopes">
          {key.scopes.map((scope) => (
            <div key={scope}>
              <dt>
                <code>{scope}</code>
              </dt>
              <dd>{words(contract.scopes[scope] ?? '')}</dd>
            </div>
          ))}
        </dl>
      </section>
      <div className="form-actions">
        <Button variant="default" onClick={() => setAsks('rotate')} leftSection={<Sign name="refresh" size={16} />}>
          <Trans>Rotate</Trans>
        </Button>
        <Button variant="outline" color="red" onClick={() => setAsks('delete')}>
          <Trans>Delete</Trans>
        </Button>
        <span className="grow" />
        <ApiButton
          calls={[
            { route: 'POST /v3.0/keys/{id}/rotate', params: { id }, body: { data: { overlap_seconds: 86_400 } } },
            { route: 'DELETE /v3.0/keys/{id}', params: { id } },
          ]}
        />
      </div>
      {asks === 'rotate' && (
        <Confirm
          title={t`Rotate ${key.name}?`}
          verb={t`Make the new key`}
          onClose={() => setAsks(null)}
          onConfirm={async () => {
            setMade((await rotate.mutateAsync({ params: { id }, body: { data: { overlap_seconds: 86_400 } } })).data)
          }}
        >
          <Trans>A new key takes its place. The old one works for one more day.</Trans>
        </Confirm>
      )}
      {asks === 'delete' && (
        <Confirm
          title={t`Delete ${key.name}?`}
          verb={t`Delete ${key.name}`}
          isDanger
          onClose={() => setAsks(null)}
          onConfirm={async () => {
            await remove.mutateAsync({ params: { id } })
            await navigate({ to: '/developers/keys', search: (before) => before })
          }}
        >
          <Trans>Programs that use it are refused from then on.</Trans>
        </Confirm>
      )}
      {made && (
        <ShownOnce
          title={t`The key ${made.name}`}
          secret={made.key ?? ''}
          onClose={() => void show(made.id).then(() => setMade(null))}
        />
      )}
    </Panel>
  )
}
