/** The people of the organisation: who they are, and whether they may sign in. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Answer } from '../../../contract/client.ts'
import { CallButton } from '../calls/call-button.tsx'
import { timeZones, useLanguages } from '../kit/choices.ts'
import { Confirm } from '../kit/confirm.tsx'
import { type Column, useListSearch } from '../kit/data-table.tsx'
import { ListPage } from '../kit/list-page.tsx'
import { More } from '../kit/more.tsx'
import { Panel } from '../kit/panel.tsx'
import { Problem } from '../kit/problem.tsx'
import { type FieldWish, SchemaForm } from '../kit/schema-form.tsx'
import { Toggle } from '../kit/toggle.tsx'
import { When } from '../kit/when.tsx'
import { useList, useRead, useWrite } from '../session.tsx'

type Person = Answer<'GET /v3.0/users'>['data'][number]

const nameOf = ({ first_name, last_name }: Person) => `${first_name} ${last_name}`.trim()
const changes = ['GET /v3.0/users', 'GET /v3.0/users/{id}'] as const

export function PeoplePage() {
  const { t } = useLingui()
  const { search, set } = useListSearch()
  const query = {
    ...(search.q && { search: search.q }),
    ...(search.role && { priv_level: search.role as 'admin' }),
    sort: (search.sort ?? 'name') as 'name',
  }
  const people = useList('GET /v3.0/users', query, (client, { page, signal }) =>
    client.call('GET /v3.0/users', { query: { ...query, ...page }, signal }),
  )
  const columns: readonly Column<Person>[] = [
    { id: 'name', title: t`Name`, cell: nameOf, sort: 'name' },
    { id: 'email', title: t`E-mail`, cell: ({ email, username }) => email ?? username ?? '—', isForWide: true },
    { id: 'role', title: t`Role`, cell: ({ priv_level }) => <Role level={priv_level} />, isForWide: true },
    {
      id: 'state',
      title: t`State`,
      isForWide: true,
      cell: (one) => <State person={one} />,
    },
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
      cell: (one) => <CallButton isSmall callee={{ name: nameOf(one), to: { user_id: one.id } }} />,
    },
  ]
  return (
    <ListPage
      title={t`People`}
      calls={[{ route: 'GET /v3.0/users', query }]}
      add={{ to: '/people/new', verb: t`Add a person` }}
      searchLabel={t`Search people`}
      filters={
        <Toggle isOn={search.role === 'admin'} onChange={(isOn) => set({ role: isOn ? 'admin' : undefined })}>
          <Trans>Administrators</Trans>
        </Toggle>
      }
      isNarrowed={Boolean(search.q || search.role)}
      nothingFound={t`Nobody is called so.`}
      nothingYet={t`People have phones and plan meetings. Add the first one.`}
      name="people"
      columns={columns}
      rows={people.rows}
      idOf={({ id }) => id}
      panel="/people/$id"
      error={people.error}
      onRetry={people.retry}
      order="name"
      foot={<More list={people} />}
    />
  )
}

function Role({ level }: { readonly level: Person['priv_level'] }) {
  return level === 'user' ? <Trans>Person</Trans> : <Trans>Administrator</Trans>
}

function State({ person: { enabled, do_not_disturb } }: { readonly person: Person }) {
  return (
    <span className={`state ${!enabled ? 'is-bad' : do_not_disturb ? 'is-waiting' : 'is-good'}`}>
      <i aria-hidden="true" />
      {!enabled ? <Trans>blocked</Trans> : do_not_disturb ? <Trans>do not disturb</Trans> : <Trans>active</Trans>}
    </span>
  )
}

function usePersonFields(person?: Person): readonly FieldWish[] {
  const { t } = useLingui()
  const languages = useLanguages(person?.language)
  return [
    { name: 'first_name', label: t`First name` },
    { name: 'last_name', label: t`Last name` },
    { name: 'email', label: t`E-mail address` },
    { name: 'username', label: t`User name` },
    {
      name: 'priv_level',
      label: t`Role`,
      help: '',
      options: [
        { value: 'user', label: t`Person` },
        { value: 'admin', label: t`Administrator` },
      ],
    },
    {
      name: 'password',
      label: t`Password`,
      isSecret: true,
      help: t`For signing in here: at least 10 characters. Left empty, it stays as it is.`,
    },
    { name: 'language', label: t`Language`, options: languages, isClearable: !person },
    {
      name: 'time_zone',
      label: t`Time zone`,
      help: '',
      options: timeZones(person?.time_zone),
      isClearable: !person,
    },
  ]
}

export function NewPersonPanel() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const create = useWrite('PUT /v3.0/users', { changes })
  const fields = usePersonFields()
  return (
    <Panel title={t`Add a person`} back="/people">
      <SchemaForm
        route="PUT /v3.0/users"
        fields={fields}
        initial={{ first_name: '', last_name: '', email: '', username: '', password: '', priv_level: 'user' }}
        save={t`Add`}
        onSave={async (data) => {
          const made = await create.mutateAsync({ body: { data: data as { first_name: string } } })
          await navigate({ to: '/people/$id', params: { id: made.data.id }, search: (before) => before })
        }}
      />
    </Panel>
  )
}

export function PersonPanel() {
  const { id } = useParams({ from: '/inside/people/$id' })
  const { t } = useLingui()
  const person = useRead('GET /v3.0/users/{id}', { params: { id } })
  const navigate = useNavigate()
  const [isLeaving, setLeaving] = useState(false)
  const patch = useWrite('PATCH /v3.0/users/{id}', { changes })
  const remove = useWrite('DELETE /v3.0/users/{id}', { changes })
  const fields = usePersonFields(person.data?.data)
  const own: readonly FieldWish[] = [
    ...fields,
    { name: 'enabled', label: t`May sign in and call`, help: t`Emergency numbers can be called in any case.` },
    { name: 'do_not_disturb', label: t`Do not disturb` },
    { name: 'call_waiting', label: t`Call waiting` },
    { name: 'call_forward.enabled', label: t`Forward all calls`, help: '' },
    { name: 'call_forward.number', label: t`Forward to` },
  ]
  const data = person.data?.data
  if (!data) {
    return (
      <Panel title={t`Person`} back="/people" rowId={id}>
        {person.error && <Problem error={person.error} onRetry={() => void person.refetch()} />}
      </Panel>
    )
  }
  const name = nameOf(data)
  return (
    <Panel
      title={name}
      back="/people"
      rowId={id}
      actions={
        <>
          <CallButton callee={{ name, to: { user_id: id } }} />
          <Button variant="subtle" color="red" size="xs" onClick={() => setLeaving(true)}>
            <Trans>Delete</Trans>
          </Button>
        </>
      }
    >
      <SchemaForm
        key={id}
        route="PATCH /v3.0/users/{id}"
        params={{ id }}
        fields={own}
        initial={{ ...data, password: '' }}
        read={person}
        save={t`Save`}
        onSave={(body, version) => patch.mutateAsync({ params: { id }, body: { data: body }, ...version })}
      />
      {isLeaving && (
        <Confirm
          title={t`Delete ${name}?`}
          verb={t`Delete ${name}`}
          isDanger
          onClose={() => setLeaving(false)}
          onConfirm={async () => {
            await remove.mutateAsync({ params: { id } })
            await navigate({ to: '/people', search: (before) => before })
          }}
        >
          <Trans>The meetings that this person planned are deleted too. Phones stay, without an owner.</Trans>
        </Confirm>
      )}
    </Panel>
  )
}
