/** The sides of a call that goes on, and what each of them can be made to do. People do it with their own side only. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Tooltip } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { type CallRights, type Leg, modeOf, nameOf, useCallRights } from './call-rights.ts'
import { type Command, useCommand } from './command.ts'
import { CommandProblem } from './command-problem.tsx'
import type { LiveCall } from './live-calls.ts'
import { ToMeeting } from './to-meeting.tsx'
import { Transfer } from './transfer.tsx'

export function CallSides({ call }: { readonly call: LiveCall }) {
  const rights = useCallRights(call)
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
            <LegState call={call} leg={leg} />
          </div>
          {modeOf(call, leg) !== null
            ? rights.mayListen && <Listening call={call} leg={leg} rights={rights} />
            : isSteered(call, leg, rights) && <Steering call={call} leg={leg} rights={rights} />}
        </li>
      ))}
    </ul>
  )
}

function LegState({ call, leg }: { readonly call: LiveCall; readonly leg: Leg }) {
  const mode = modeOf(call, leg)
  const listening = {
    monitor: <Trans>listens</Trans>,
    whisper: <Trans>whispers to one side</Trans>,
    barge: <Trans>speaks to all</Trans>,
  }
  const words = {
    calling: <Trans>waits</Trans>,
    dialling: <Trans>is being called</Trans>,
    ringing: <Trans>rings</Trans>,
    answered: leg.is_holding ? <Trans>holds the other side</Trans> : <Trans>is in the call</Trans>,
  }
  const isParked = call.status === 'parked' && leg.status === 'answered'
  const isLive = leg.status === 'answered' && !leg.is_holding && !isParked
  return (
    <span className={`state ${isLive ? 'is-live' : 'is-waiting'}`}>
      <i aria-hidden="true" />
      {leg.status !== 'answered' ? (
        words[leg.status]
      ) : isParked ? (
        <Trans>waits with music</Trans>
      ) : call.meeting_id ? (
        <Trans>is in the meeting</Trans>
      ) : mode ? (
        listening[mode]
      ) : (
        words.answered
      )}
      {leg.is_muted && (
        <>
          {' · '}
          <Trans>muted</Trans>
        </>
      )}
    </span>
  )
}

/** One that is called yet, or parked, does nothing. */
const isSteered = (call: LiveCall, leg: Leg, rights: CallRights): boolean =>
  rights.maySteer(leg) && (leg.status === 'ringing' || (leg.status === 'answered' && call.status !== 'parked'))

interface SideProps {
  readonly call: LiveCall
  readonly leg: Leg
  readonly rights: CallRights
}

function Steering({ call, leg, rights }: SideProps) {
  const { t } = useLingui()
  const [open, setOpen] = useState<'transfer' | 'meeting' | null>(null)
  const command = useCommand(call.id)
  const data = { leg_id: leg.id }
  const button = (asked: Command, words: ReactNode) => (
    <Button size="xs" variant="default" disabled={command.isPending} onClick={() => command.mutate(asked)}>
      {words}
    </Button>
  )
  const isAnswered = leg.status === 'answered'
  const isTalking = rights.talking.includes(leg)
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: no fields, but buttons that say the same on each side */}
      <div className="row" role="group" aria-label={nameOf(leg)}>
        {leg.status === 'ringing' && button({ verb: 'answer', data }, <Trans>Answer</Trans>)}
        {leg.status === 'ringing' && button({ verb: 'reject', data }, <Trans>Reject</Trans>)}
        {isTalking &&
          (leg.is_holding
            ? button({ verb: 'unhold', data }, <Trans>Go on talking</Trans>)
            : button({ verb: 'hold', data }, <Trans>Hold</Trans>))}
        {isAnswered &&
          (leg.is_muted
            ? button({ verb: 'unmute', data }, <Trans>Unmute</Trans>)
            : button({ verb: 'mute', data }, <Trans>Mute</Trans>))}
        {isTalking && (
          <Button size="xs" variant="default" disabled={command.isPending} onClick={() => setOpen('transfer')}>
            <Trans>Transfer</Trans>
          </Button>
        )}
        {rights.mayPark(leg) && (
          <Explained words={t`The other side waits with music, until somebody retrieves it.`}>
            {button({ verb: 'park', data }, <Trans>Park</Trans>)}
          </Explained>
        )}
        {rights.mayMoveToMeeting(leg) && (
          <Explained words={t`The other side goes on in a meeting, by telephone.`}>
            <Button size="xs" variant="default" disabled={command.isPending} onClick={() => setOpen('meeting')}>
              <Trans>To a meeting</Trans>
            </Button>
          </Explained>
        )}
      </div>
      {command.error && <CommandProblem error={command.error} />}
      {open === 'transfer' && <Transfer callId={call.id} leg={leg} onClose={() => setOpen(null)} />}
      {open === 'meeting' && <ToMeeting callId={call.id} leg={leg} onClose={() => setOpen(null)} />}
    </>
  )
}

const Explained = ({ words, children }: { readonly words: string; readonly children: ReactNode }) => (
  <Tooltip label={words} events={{ hover: true, focus: true, touch: false }} multiline maw={260}>
    {children}
  </Tooltip>
)

/** Whoever listens is named by the phone, however it was called: asked again the mode is changed. */
function Listening({ call, leg, rights }: SideProps) {
  const command = useCommand(call.id)
  const mode = modeOf(call, leg)
  const by = leg.device_id === null ? null : { device_id: leg.device_id }
  const button = (asked: Command, words: ReactNode, key?: string) => (
    <Button key={key} size="xs" variant="default" disabled={command.isPending} onClick={() => command.mutate(asked)}>
      {words}
    </Button>
  )
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: no fields, but buttons that say the same on each side */}
      <div className="row" role="group" aria-label={nameOf(leg)}>
        {by &&
          mode !== 'monitor' &&
          button({ verb: 'monitor', data: { by, mode: 'monitor' } }, <Trans>Listen only</Trans>)}
        {by &&
          rights.talking.map((one) =>
            button(
              { verb: 'monitor', data: { by, mode: 'whisper', leg_id: one.id } },
              <Trans>Whisper to {nameOf(one)}</Trans>,
              one.id,
            ),
          )}
        {by &&
          mode !== 'barge' &&
          button({ verb: 'monitor', data: { by, mode: 'barge' } }, <Trans>Speak to all</Trans>)}
        {button({ verb: 'hangup', data: { leg_id: leg.id } }, <Trans>Stop listening</Trans>)}
      </div>
      {command.error && <CommandProblem error={command.error} />}
    </>
  )
}
