/** What a person sets for this browser, and what the session is. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, SegmentedControl, Select, Skeleton, useMantineColorScheme } from '@mantine/core'
import { timeZones } from '../kit/choices.ts'
import { CopyButton } from '../kit/copy-button.tsx'
import { Page } from '../kit/page.tsx'
import { Problem } from '../kit/problem.tsx'
import { SchemaForm } from '../kit/schema-form.tsx'
import { chooseLocale, localeNames, localeOf } from '../locales/activate.ts'
import { useRead, useSession, useWrite } from '../session.tsx'
import { useSignOut } from '../sign-out.ts'

export function SettingsPage() {
  const { t, i18n } = useLingui()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Page title={t`Settings`}>
      <OwnCalls />
      <div className="form">
        <div className="form-group">
          <h2>
            <Trans>This browser</Trans>
          </h2>
          <Select
            label={t`Language`}
            data={Object.entries(localeNames).map(([value, label]) => ({ value, label }))}
            value={i18n.locale}
            onChange={(value) => void chooseLocale(localeOf([value]))}
          />
          <div>
            <div className="label" id="theme">
              <Trans>Appearance</Trans>
            </div>
            <SegmentedControl
              aria-labelledby="theme"
              value={colorScheme}
              onChange={(value) => setColorScheme(value as 'light' | 'dark' | 'auto')}
              data={[
                { value: 'light', label: t`Light` },
                { value: 'dark', label: t`Dark` },
                { value: 'auto', label: t`As the system` },
              ]}
            />
          </div>
        </div>
        <SessionFacts />
      </div>
    </Page>
  )
}

/** What people decide themselves about being called; in their own organisation. */
function OwnCalls() {
  const { who, accountId, homeId } = useSession()
  const { user_id: id } = who
  return id !== null && accountId === homeId ? <OwnCallsForm id={id} /> : null
}

function OwnCallsForm({ id }: { readonly id: string }) {
  const { t } = useLingui()
  const person = useRead('GET /v3.0/users/{id}', { params: { id } })
  const patch = useWrite('PATCH /v3.0/users/{id}', { changes: ['GET /v3.0/users', 'GET /v3.0/users/{id}'] })
  const data = person.data?.data
  // What is being written stays when it cannot be read again.
  if (!data && person.error) return <Problem error={person.error} onRetry={() => void person.refetch()} />
  if (!data) return <Skeleton height={180} maw={520} aria-busy="true" />
  const { do_not_disturb, call_forward, mobile_number, time_zone } = data
  const group = t`Your calls`
  return (
    <SchemaForm
      route="PATCH /v3.0/users/{id}"
      params={{ id }}
      fields={[
        { group, name: 'do_not_disturb', label: t`Do not disturb`, help: t`None of your phones rings.` },
        { group, name: 'call_forward.enabled', label: t`Forward all calls`, help: '' },
        { group, name: 'call_forward.number', label: t`Forward to` },
        { group, name: 'mobile_number', label: t`Mobile number`, help: t`Colleagues find you by it.` },
        { group, name: 'time_zone', label: t`Time zone`, help: '', options: timeZones(time_zone) },
      ]}
      initial={{ do_not_disturb, call_forward: { ...call_forward }, mobile_number, time_zone }}
      read={person}
      save={t`Save`}
      onSave={(body, version) => patch.mutateAsync({ params: { id }, body: { data: body }, ...version })}
    />
  )
}

function SessionFacts() {
  const { t } = useLingui()
  const { who, accountId } = useSession()
  const signOut = useSignOut()
  const roles = { user: t`Person`, admin: t`Administrator`, instance: t`Operator` }
  return (
    <div className="form-group">
      <h2>
        <Trans>Your session</Trans>
      </h2>
      <dl className="facts">
        <dt>
          <Trans>Role</Trans>
        </dt>
        <dd>{roles[who.role]}</dd>
        <dt>
          <Trans>Organisation id</Trans>
        </dt>
        <dd>
          <code>{accountId}</code>
          <CopyButton text={accountId} label={t`Copy the organisation id`} />
        </dd>
        {who.user_id && (
          <>
            <dt>
              <Trans>Your id</Trans>
            </dt>
            <dd>
              <code>{who.user_id}</code>
              <CopyButton text={who.user_id} label={t`Copy your id`} />
            </dd>
          </>
        )}
      </dl>
      <div>
        <Button variant="default" onClick={() => void signOut()}>
          <Trans>Sign out</Trans>
        </Button>
      </div>
    </div>
  )
}
