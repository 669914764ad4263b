import { Trans, useLingui } from '@lingui/react/macro'
import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { meetingAddressOf } from './meeting-address.ts'

/** For whoever has a number or a link. */
export function JoinBox() {
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
    <section className="door-card">
      <h2>
        <Trans>Join a meeting</Trans>
      </h2>
      <form onSubmit={submit} noValidate>
        <TextInput
          className="numbers"
          label={t`Meeting number or link`}
          autoComplete="off"
          size="md"
          placeholder="1234-5678-9012-3456"
          value={text}
          error={isWrong && t`A meeting has sixteen digits. Paste the number or the whole link from the invitation.`}
          onChange={({ currentTarget }) => {
            setText(currentTarget.value)
            setWrong(false)
          }}
        />
        <Button type="submit" variant="default" size="md" fullWidth>
          <Trans>Go to the meeting</Trans>
        </Button>
      </form>
    </section>
  )
}
