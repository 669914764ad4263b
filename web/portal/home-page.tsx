import { Trans, useLingui } from '@lingui/react/macro'
import { type FormEvent, useState } from 'react'
import { Brand } from '../kit/brand.tsx'
import { Button } from '../kit/button.tsx'
import { meetingAddressOf } from './meeting-address.ts'

/** For whoever has a number or a link, and for whoever builds on the API. */
export function HomePage() {
  const { t } = useLingui()
  const [text, setText] = useState('')
  const [isWrong, setWrong] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const address = meetingAddressOf(text)
    if (address) location.assign(address)
    else setWrong(true)
  }
  return (
    <main className="centre">
      <div className="card">
        <Brand />
        <h1>
          <Trans>Join a meeting</Trans>
        </h1>
        <form className="field" onSubmit={submit} noValidate>
          <label htmlFor="meeting">
            <Trans>Meeting number or link</Trans>
          </label>
          <input
            id="meeting"
            className="numbers"
            inputMode="text"
            autoComplete="off"
            placeholder="1234-5678-9012-3456"
            value={text}
            aria-invalid={isWrong}
            aria-describedby={isWrong ? 'wrong' : undefined}
            onChange={(event) => {
              setText(event.target.value)
              setWrong(false)
            }}
          />
          {isWrong && (
            <p id="wrong" className="fault" role="alert">
              {t`A meeting has sixteen digits. Paste the number or the whole link from the invitation.`}
            </p>
          )}
          <Button type="submit" look="primary" isWide>
            <Trans>Go to the meeting</Trans>
          </Button>
        </form>
        <p className="soft">
          <Trans>
            Building something? Read the <a href="/docs">API reference</a>.
          </Trans>
        </p>
      </div>
    </main>
  )
}
