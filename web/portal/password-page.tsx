/** Opening this page changes nothing, because mail scanners open links; its button does (S6). */
import { Trans, useLingui } from '@lingui/react/macro'
import { type FormEvent, useState } from 'react'
import { ApiFailure, createClient } from '../../contract/client.ts'
import { Brand } from '../kit/brand.tsx'
import { Button } from '../kit/button.tsx'

type Progress = 'asking' | 'sending' | 'done'

export function PasswordPage({ token }: { readonly token: string }) {
  const [password, setPassword] = useState('')
  const [isShown, setShown] = useState(false)
  const [progress, setProgress] = useState<Progress>('asking')
  const [fault, setFault] = useState<string | null>(null)
  const send = useSend(token)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setProgress('sending')
    const refusal = await send(password)
    setFault(refusal)
    setProgress(refusal === null ? 'done' : 'asking')
  }
  if (progress === 'done') return <Done />
  return (
    <main className="centre">
      <div className="card">
        <Brand />
        <h1>
          <Trans>Choose your password</Trans>
        </h1>
        <form className="field" onSubmit={(event) => void submit(event)}>
          <label htmlFor="password">
            <Trans>New password</Trans>
          </label>
          <input
            id="password"
            type={isShown ? 'text' : 'password'}
            autoComplete="new-password"
            required
            value={password}
            aria-invalid={fault !== null}
            aria-describedby={fault ? 'fault' : undefined}
            onChange={(event) => setPassword(event.target.value)}
          />
          {fault && (
            <p id="fault" className="fault" role="alert">
              {fault}
            </p>
          )}
          <label className="check">
            <input type="checkbox" checked={isShown} onChange={(event) => setShown(event.target.checked)} />
            <Trans>Show password</Trans>
          </label>
          <Button type="submit" look="primary" isWide disabled={progress === 'sending' || password === ''}>
            <Trans>Set password</Trans>
          </Button>
        </form>
        <p className="soft">
          <Trans>The link works once. Nothing happens until you press the button.</Trans>
        </p>
      </div>
    </main>
  )
}

/** Null when it was set, else why not, in the reader's language as the server says it. */
function useSend(token: string): (password: string) => Promise<string | null> {
  const { t, i18n } = useLingui()
  return async (password) => {
    try {
      const client = createClient({ language: i18n.locale, retries: 0 })
      await client.call('POST /api/v6/link', { body: { token, password } })
      return null
    } catch (error) {
      if (error instanceof ApiFailure) return error.message
      return t`The server cannot be reached. Try again.`
    }
  }
}

function Done() {
  return (
    <main className="centre">
      <div className="card">
        <Brand />
        <h1>
          <Trans>Your password is set</Trans>
        </h1>
        <p className="soft">
          <Trans>Use it with your e-mail address from now on. You can close this page.</Trans>
        </p>
        <a className="button" href="/">
          <Trans>Join a meeting</Trans>
        </a>
      </div>
    </main>
  )
}
