/** The front door: whoever administers signs in, whoever has a meeting's number joins it. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Alert, Button, PasswordInput, TextInput } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'
import { ApiFailure } from '../../../contract/client.ts'
import { Brand } from '../../kit/brand.tsx'
import { JoinBox } from '../join-box.tsx'
import { asError } from '../kit/failure.ts'
import { useFailureWords } from '../kit/problem.tsx'
import { i18n } from '../locales/activate.ts'
import { baseClient, queries } from '../session.tsx'
import { forgetTryIt } from '../try-it.ts'

export function SignInPage() {
  return (
    <main className="door-page">
      <div className="door-column">
        <Brand />
        <SignIn />
        <JoinBox />
        <p className="soft">
          <Trans>
            Building something? Read the <a href="/docs">API reference</a>.
          </Trans>
        </p>
      </div>
    </main>
  )
}

function SignIn() {
  const { t } = useLingui()
  const { to } = useSearch({ strict: false })
  const navigate = useNavigate()
  const [fault, setFault] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const words = useSignInWords()
  // However a session ended, this is where one comes to.
  useEffect(forgetTryIt, [])
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    setBusy(true)
    setFault(null)
    try {
      await baseClient.with({ language: i18n.locale, retries: 0 }).call('PUT /v3.0/auth/session', {
        body: { data: { username: String(data.get('username')), password: String(data.get('password')) } },
      })
      // What was read before, and that nobody was signed in, is of the past.
      queries.clear()
      await navigate({ href: localAddress(to), replace: true })
    } catch (error) {
      setFault(words(error))
      setBusy(false)
    }
  }
  return (
    <section className="door-card">
      <h1>
        <Trans>Sign in</Trans>
      </h1>
      <form onSubmit={(event) => void submit(event)}>
        <TextInput
          name="username"
          label={t`E-mail address or user name`}
          autoComplete="username"
          required
          withAsterisk={false}
          size="md"
          autoFocus
        />
        <PasswordInput
          name="password"
          label={t`Password`}
          autoComplete="current-password"
          required
          withAsterisk={false}
          size="md"
          visibilityToggleButtonProps={{ 'aria-label': t`Show password` }}
        />
        {fault && (
          <Alert color="red" variant="outline" role="alert">
            {fault}
          </Alert>
        )}
        <Button type="submit" size="md" fullWidth loading={isBusy}>
          <Trans>Sign in</Trans>
        </Button>
      </form>
    </section>
  )
}

function useSignInWords(): (error: unknown) => string {
  const { t } = useLingui()
  const words = useFailureWords()
  return (error) => {
    if (error instanceof ApiFailure && error.status === 401) return t`The name or the password is wrong.`
    if (error instanceof ApiFailure && error.status === 429) return t`That was too often. Wait a minute.`
    return words(asError(error))
  }
}

/** Where one was going, if that is a page of ours. */
function localAddress(to: string | undefined): string {
  return to?.startsWith('/') && !/^\/[/\\]/.test(to) ? to : '/'
}
