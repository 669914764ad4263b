/** What a person sets for this browser, and what the session is. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, SegmentedControl, Select, useMantineColorScheme } from '@mantine/core'
import { CopyButton } from '../kit/copy-button.tsx'
import { Page } from '../kit/page.tsx'
import { chooseLocale, localeNames, localeOf } from '../locales/activate.ts'
import { useSession } from '../session.tsx'
import { useSignOut } from '../sign-out.ts'

export function SettingsPage() {
  const { t, i18n } = useLingui()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Page title={t`Settings`}>
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
