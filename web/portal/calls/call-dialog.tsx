/** Click-to-call: whose phone rings first, whether it answers by itself, and then how the call goes, as it goes. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiFailure, type Answer, type Input } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { Dialog } from '../kit/dialog.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { duration } from '../kit/when.tsx'
import { useRead, useWrite } from '../session.tsx'
import { CallTime } from './call-time.tsx'
import { statusLooks, useCauseWords, useStatusWords } from './call-words.ts'
import { type LiveCall, useLiveCall } from './live-calls.ts'
import { PhoneFields, usePhoneChoice } from './phone-choice.tsx'

type NewCall = Input<'PUT /v3.0/realtime/calls'>['body']['data']

export interface Callee {
  readonly name: string
  readonly to: Exclude<NewCall['to'], { readonly meeting_id: string }>
}

interface DialogProps {
  /** Null: a number is asked for. */
  readonly callee: Callee | null
  readonly onClose: () => void
}

export function CallDialog({ callee, onClose }: DialogProps) {
  const { t } = useLingui()
  const [placed, setPlaced] = useState<string | null>(null)
  const title = callee ? t`Call ${callee.name}` : t`Call a number`
  return (
    <Dialog onClose={onClose} title={title} isKept={placed !== null}>
      {placed === null ? (
        <Ask callee={callee} onPlaced={setPlaced} />
      ) : (
        <Progress callId={placed} callee={callee} onClose={onClose} onAgain={() => setPlaced(null)} />
      )}
    </Dialog>
  )
}

function Ask({ callee, onPlaced }: { readonly callee: Callee | null; readonly onPlaced: (callId: string) => void }) {
  const { t } = useLingui()
  // Not the one that is called.
  const phone = usePhoneChoice([callee && 'device_id' in callee.to ? callee.to.device_id : null])
  const [number, setNumber] = useState('')
  const place = useWrite('PUT /v3.0/realtime/calls', { changes: [] })
  const data: NewCall = {
    to: callee?.to ?? { number: number.trim() },
    ...(phone.target && { from: phone.target }),
    ...(phone.isAutoAnswer && { auto_answer: true }),
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    place.mutate({ body: { data } }, { onSuccess: (answer) => onPlaced(answer.data.call_id) })
  }
  const isReady = (callee !== null || number.trim() !== '') && phone.value !== null
  return (
    <form className="form-group" onSubmit={submit} noValidate>
      {!callee && (
        <TextInput
          label={t`Number`}
          description={t`As your phone would dial it: 1002, or +32 2 555 01 99.`}
          type="tel"
          autoComplete="off"
          data-autofocus
          value={number}
          onChange={({ currentTarget }) => setNumber(currentTarget.value)}
        />
      )}
      <PhoneFields choice={phone} label={t`Which phone rings first`} />
      {place.error && <Problem error={place.error} />}
      <div className="form-actions">
        <Button
          type="submit"
          disabled={!isReady}
          loading={place.isPending}
          leftSection={<Sign name="handset" size={16} />}
        >
          <Trans>Call</Trans>
        </Button>
        <span className="grow" />
        <ApiButton calls={[{ route: 'PUT /v3.0/realtime/calls', body: { data } }]} />
      </div>
    </form>
  )
}

interface ProgressProps {
  readonly callId: string
  readonly callee: Callee | null
  readonly onClose: () => void
  readonly onAgain: () => void
}

/** Closing it leaves the call alone. */
function Progress({ callId, callee, onClose, onAgain }: ProgressProps) {
  const { call, isRead, error } = useLiveCall(callId)
  // One that ended before anybody listened is not among those that go on, but has a record.
  const record = useRead(
    'GET /v3.0/calls_history/{id}',
    { params: { id: callId } },
    { enabled: (isRead || error !== null) && call === null },
  )
  const past = call ? undefined : record.data?.data
  const hangUp = useWrite('POST /v3.0/realtime/calls/{call_id}/hangup', { changes: [] })
  const isOver = call?.status === 'ended' || past !== undefined
  return (
    <div className="form-group">
      <div className="call-progress" role="status">
        {call ? (
          <Words call={call} callee={callee} />
        ) : past ? (
          <PastWords call={past} />
        ) : (
          <Trans>The call is being placed.</Trans>
        )}
      </div>
      {!past && record.error && !isNotFound(record.error) && (
        <Problem error={record.error} onRetry={() => void record.refetch()} />
      )}
      {hangUp.error && <Problem error={hangUp.error} />}
      <div className="form-actions">
        {!isOver && (
          <Button
            color="red"
            className="danger"
            loading={hangUp.isPending}
            leftSection={<Sign name="hangup" size={16} />}
            onClick={() => hangUp.mutate({ params: { call_id: callId }, body: { data: {} } })}
          >
            <Trans>Hang up</Trans>
          </Button>
        )}
        {isOver && (
          <Button onClick={onAgain} leftSection={<Sign name="handset" size={16} />}>
            <Trans>Call again</Trans>
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          <Trans>Close</Trans>
        </Button>
      </div>
    </div>
  )
}

/** It has no record as long as it goes on. */
const isNotFound = (error: Error) => error instanceof ApiFailure && error.status === 404

function PastWords({ call }: { readonly call: Answer<'GET /v3.0/calls_history/{id}'>['data'] }) {
  const words = useStatusWords()
  const causes = useCauseWords()
  return (
    <>
      <span className={`state ${statusLooks.ended}`}>
        <i aria-hidden="true" />
        {words.ended}
      </span>
      <span>{causes[call.hangup_cause]}</span>
      <span className="numbers">{duration(call.billing_seconds ?? 0)}</span>
    </>
  )
}

function Words({ call, callee }: { readonly call: LiveCall; readonly callee: Callee | null }) {
  const { t } = useLingui()
  const words = useStatusWords()
  const causes = useCauseWords()
  const name = callee?.name ?? call.callee?.name ?? call.called_number
  const hints = {
    started: t`The phone rings first here: take it.`,
    ringing: t`${name} is being called.`,
    answered: t`You talk with ${name}.`,
    held: '',
    parked: '',
    ended: call.hangup_cause ? causes[call.hangup_cause] : '',
  }
  return (
    <>
      <span className={`state ${statusLooks[call.status]}`}>
        <i aria-hidden="true" />
        {words[call.status]}
      </span>
      <span>{hints[call.status]}</span>
      <CallTime call={call} />
    </>
  )
}
