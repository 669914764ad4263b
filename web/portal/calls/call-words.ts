/** What is said of calls. */
import { useLingui } from '@lingui/react/macro'
import type { Answer } from '../../../contract/client.ts'
import type { LiveCall } from './live-calls.ts'

type Cause = Answer<'GET /v3.0/calls_history/{id}'>['data']['hangup_cause']

export function useCauseWords(): Readonly<Record<Cause, string>> {
  const { t } = useLingui()
  return {
    ANSWERED: t`answered`,
    'NO ANSWER': t`nobody answered`,
    BUSY: t`busy`,
    FAILED: t`failed`,
    CANCEL: t`the caller gave up`,
    CONGESTION: t`no free line`,
  }
}

export function useStatusWords(): Readonly<Record<LiveCall['status'], string>> {
  const { t } = useLingui()
  return {
    started: t`calling`,
    ringing: t`ringing`,
    answered: t`talking`,
    held: t`on hold`,
    parked: t`parked`,
    ended: t`ended`,
  }
}

/** Where it goes on, counts more than how. */
export function useCallWords(): (call: LiveCall) => string {
  const { t } = useLingui()
  const words = useStatusWords()
  return (call) => (call.meeting_id ? t`in a meeting` : words[call.status])
}

/** The look of `.state`. */
export const statusLooks: Readonly<Record<LiveCall['status'], string>> = {
  started: 'is-waiting',
  ringing: 'is-waiting',
  answered: 'is-live',
  held: 'is-waiting',
  parked: 'is-waiting',
  ended: '',
}

type PastCall = Answer<'GET /v3.0/calls_history'>['data'][number]

/** Whom one calls back: whoever called from outside or called oneself, else whoever was called. */
export function otherPartyOf(call: PastCall, userId: string | null) {
  const isIn = call.call_direction === 'incoming' || (userId !== null && call.to_user_id === userId)
  return isIn
    ? { name: call.caller_id_name ?? call.caller_id_number, to: { number: call.caller_id_number } }
    : { name: call.callee_id_name ?? call.called_number, to: { number: call.called_number } }
}

/** Of a direction: the sign before a call. */
export const directionSigns = { incoming: 'incoming', outgoing: 'outgoing', internal: 'handset' } as const
