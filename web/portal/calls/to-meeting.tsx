/** The other side goes on in a meeting that can be joined now; this side leaves. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Select } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { Problem } from '../kit/problem.tsx'
import { useRead, useSession } from '../session.tsx'
import { type Leg, nameOf } from './call-rights.ts'
import { useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'

interface ToMeetingProps {
  readonly callId: string
  readonly leg: Leg
  readonly onClose: () => void
}

export function ToMeeting({ callId, leg, onClose }: ToMeetingProps) {
  const { t } = useLingui()
  const { accountId } = useSession()
  const [chosen, setChosen] = useState<string | null>(null)
  const [text, setText] = useState('')
  // Of the organisation all, for administrators.
  const meetings = useRead('GET /api/v6/meeting', { query: { accountId, isClosed: 'false' } })
  const command = useCommand(callId)
  const open = meetings.data?.data.filter(({ isOpen }) => isOpen)
  const options = open?.map(({ id, topic }) => ({ value: id, label: topic })) ?? []
  // Of somebody else one may know the number alone.
  const number = /^\d{4}(-?\d{4}){3}$/.exec(text.trim())?.[0]
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (chosen === null) return
    command.mutate({ verb: 'to_meeting', data: { leg_id: leg.id, meeting_id: chosen } }, { onSuccess: onClose })
  }
  return (
    <Dialog onClose={onClose} title={t`Take the other side into a meeting`}>
      <form className="form-group" onSubmit={submit} noValidate>
        <p className="soft">
          <Trans>{nameOf(leg)} leaves the call. The other side hears everybody there, and is heard.</Trans>
        </p>
        <Select
          label={t`Which meeting`}
          placeholder={t`Topic or number`}
          data={number ? [...options, { value: number, label: number }] : options}
          nothingFoundMessage={open && <Trans>No meeting of this name can be joined now.</Trans>}
          searchable
          openOnFocus={false}
          searchValue={text}
          onSearchChange={setText}
          value={chosen}
          onChange={setChosen}
          data-autofocus
        />
        {meetings.error && <Problem error={meetings.error} onRetry={() => void meetings.refetch()} />}
        {command.error && <CommandProblem what={t`The call stays as it was.`} error={command.error} />}
        <div className="form-actions">
          <Button type="submit" disabled={chosen === null} loading={command.isPending}>
            <Trans>Move to the meeting</Trans>
          </Button>
          <Button variant="default" onClick={onClose}>
            <Trans>Cancel</Trans>
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
