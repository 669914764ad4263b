/** The sides of a call that goes on, and what each of them can be made to do. People do it with their own side only. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import { Dialog } from '../kit/dialog.tsx'
import { Problem } from '../kit/problem.tsx'
import { useSession, useWrite } from '../session.tsx'
import { useMayCall } from './call-button.tsx'
import type { LiveCall } from './live-calls.ts'

type Leg = LiveCall['legs'][number]

export function CallSides({ call }: { readonly call: LiveCall }) {
  const { who, isAdmin, accountId, homeId } = useSession()
  const mayCall = useMayCall()
  const isOwn = (leg: Leg) => leg.user_id !== null && leg.user_id === who.user_id && accountId === homeId
  const maySteer = (leg: Leg) => mayCall && leg.trunk_id === null && (isAdmin || isOwn(leg))
  if (call.legs.length === 0) return null
  return (
    <ul className="lines">
      {call.legs.map((leg) => (
        <li key={leg.id} className="side-line">
          <div className="row">
            <span className="party">
              {leg.name ?? <bdi>{leg.number}</bdi>}
              {leg.name && <bdi className="soft numbers"> {leg.number}</bdi>}
            </span>
            <span className="grow" />
            <LegState leg={leg} />
          </div>
          {maySteer(leg) && <Steering callId={call.id} leg={leg} />}
        </li>
      ))}
    </ul>
  )
}

function LegState({ leg }: { readonly leg: Leg }) {
  const words = {
    calling: <Trans>waits</Trans>,
    dialling: <Trans>is being called</Trans>,
    ringing: <Trans>rings</Trans>,
    answered: leg.is_holding ? <Trans>holds the other side</Trans> : <Trans>is in the call</Trans>,
  }
  const isLive = leg.status === 'answered' && !leg.is_holding
  return (
    <span className={`state ${isLive ? 'is-live' : 'is-waiting'}`}>
      <i aria-hidden="true" />
      {words[leg.status]}
      {leg.is_muted && (
        <>
          {' · '}
          <Trans>muted</Trans>
        </>
      )}
    </span>
  )
}

const verbs = '/v3.0/realtime/calls/{call_id}'

function Steering({ callId, leg }: { readonly callId: string; readonly leg: Leg }) {
  const [isPassing, setPassing] = useState(false)
  const asked = { params: { call_id: callId }, body: { data: { leg_id: leg.id } } }
  const nothing = { changes: [] }
  const answer = useWrite(`POST ${verbs}/answer`, nothing)
  const reject = useWrite(`POST ${verbs}/reject`, nothing)
  const hold = useWrite(`POST ${verbs}/hold`, nothing)
  const unhold = useWrite(`POST ${verbs}/unhold`, nothing)
  const mute = useWrite(`POST ${verbs}/mute`, nothing)
  const unmute = useWrite(`POST ${verbs}/unmute`, nothing)
  const all = [answer, reject, hold, unhold, mute, unmute]
  const isBusy = all.some(({ isPending }) => isPending)
  const failure = all.find(({ error }) => error)?.error
  const button = (verb: typeof answer | typeof reject | typeof hold, words: ReactNode) => (
    <Button
      size="xs"
      variant="default"
      disabled={isBusy}
      onClick={() => {
        for (const one of all) one.reset()
        verb.mutate(asked)
      }}
    >
      {words}
    </Button>
  )
  return (
    <>
      <div className="row">
        {leg.status === 'ringing' && button(answer, <Trans>Answer</Trans>)}
        {leg.status === 'ringing' && button(reject, <Trans>Reject</Trans>)}
        {leg.status === 'answered' &&
          (leg.is_holding ? button(unhold, <Trans>Go on talking</Trans>) : button(hold, <Trans>Hold</Trans>))}
        {leg.status === 'answered' &&
          (leg.is_muted ? button(unmute, <Trans>Unmute</Trans>) : button(mute, <Trans>Mute</Trans>))}
        {leg.status === 'answered' && (
          <Button size="xs" variant="default" disabled={isBusy} onClick={() => setPassing(true)}>
            <Trans>Transfer</Trans>
          </Button>
        )}
      </div>
      {failure && <Problem error={failure} />}
      {isPassing && <Transfer callId={callId} leg={leg} onClose={() => setPassing(false)} />}
    </>
  )
}

interface TransferProps {
  readonly callId: string
  readonly leg: Leg
  readonly onClose: () => void
}

/** Blind: this side leaves at once. */
function Transfer({ callId, leg, onClose }: TransferProps) {
  const { t } = useLingui()
  const [number, setNumber] = useState('')
  const transfer = useWrite(`POST ${verbs}/transfer`, { changes: [] })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const data = { leg_id: leg.id, to: { number: number.trim() } }
    transfer.mutate({ params: { call_id: callId }, body: { data } }, { onSuccess: onClose })
  }
  return (
    <Dialog onClose={onClose} title={t`Pass the other side on`}>
      <form className="form-group" onSubmit={submit} noValidate>
        <TextInput
          label={t`To which number`}
          description={t`${leg.name ?? leg.number} leaves the call at once.`}
          type="tel"
          autoComplete="off"
          data-autofocus
          value={number}
          onChange={({ currentTarget }) => setNumber(currentTarget.value)}
        />
        {transfer.error && <Problem error={transfer.error} />}
        <div className="form-actions">
          <Button type="submit" disabled={number.trim() === ''} loading={transfer.isPending}>
            <Trans>Transfer</Trans>
          </Button>
          <Button variant="default" onClick={onClose}>
            <Trans>Cancel</Trans>
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
