/** Click-to-call: whose phone rings first, whether it answers by itself, and then how the call goes, as it goes. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Select, Switch, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiFailure, type Answer, type Input } from '../../../contract/client.ts'
import { ApiButton } from '../kit/api-button.tsx'
import { Dialog } from '../kit/dialog.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { duration } from '../kit/when.tsx'
import { useRead, useSession, useWrite } from '../session.tsx'
import { CallTime } from './call-time.tsx'
import { statusLooks, useCauseWords, useStatusWords } from './call-words.ts'
import { type LiveCall, useLiveCall } from './live-calls.ts'

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

const own = 'own'

function Ask({ callee, onPlaced }: { readonly callee: Callee | null; readonly onPlaced: (callId: string) => void }) {
  const { t } = useLingui()
  const { accountId, homeId } = useSession()
  const isHome = accountId === homeId
  const phones = usePhones(callee)
  const [number, setNumber] = useState('')
  const [from, setFrom] = useState<string | null>(isHome ? own : null)
  const [isAutoAnswer, setAutoAnswer] = useState(false)
  const place = useWrite('PUT /v3.0/realtime/calls', { changes: [] })
  const data: NewCall = {
    to: callee?.to ?? { number: number.trim() },
    ...(from !== null && from !== own && { from: { device_id: from } }),
    ...(isAutoAnswer && { auto_answer: true }),
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    place.mutate({ body: { data } }, { onSuccess: (answer) => onPlaced(answer.data.call_id) })
  }
  const isReady = (callee !== null || number.trim() !== '') && from !== null
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
      {phones?.length === 0 && (
        <p className="soft">
          <Trans>No phone is registered that could ring first. One that is appears here.</Trans>
        </p>
      )}
      {phones && phones.length > 0 && (
        <Select
          label={t`Which phone rings first`}
          data={[...(isHome ? [{ value: own, label: t`All of mine` }] : []), ...phones]}
          value={from}
          onChange={setFrom}
          searchable={phones.length > 8}
        />
      )}
      <Switch
        label={t`That phone answers by itself`}
        description={t`Where the phone can: it is on its loudspeaker at once. Otherwise it rings, and you take it.`}
        checked={isAutoAnswer}
        onChange={({ currentTarget }) => setAutoAnswer(currentTarget.checked)}
      />
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

/** Administrators may let any phone ring first, but not the one that is called. Undefined: it is not known which there are. */
function usePhones(callee: Callee | null) {
  const { isAdmin } = useSession()
  const devices = useRead('GET /v3.0/devices', { query: {} }, { enabled: isAdmin })
  const status = useRead('GET /v3.0/devices/status', {}, { enabled: isAdmin })
  const called = callee && 'device_id' in callee.to ? callee.to.device_id : null
  const states = status.data?.data
  if (!devices.data || !states) return undefined
  return devices.data.data
    .filter(({ id }) => id !== called && states[id]?.registered)
    .map(({ id, name }) => ({ value: id, label: name }))
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
