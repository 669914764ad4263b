/** Why a command came to nothing: the usual reasons in the reader's words, the others in the server's. */
import { useLingui } from '@lingui/react/macro'
import type { ReactNode } from 'react'
import { ApiFailure } from '../../../contract/client.ts'
import { CommandFailure } from '../kit/failure.ts'
import { Problem, useFailureWords } from '../kit/problem.tsx'

export function CommandProblem({ error, what }: { readonly error: Error; readonly what?: ReactNode }) {
  const words = useFailureWords()
  const reasons = useReasons()
  const isReason = error instanceof ApiFailure || error instanceof CommandFailure
  // The field that a refusal names first is the API's word.
  const reason = error.message.replace(/^data\.[\w.]+: /, '')
  const why = isReason ? (reasons.get(reason.toLowerCase()) ?? sentence(reason)) : words(error)
  return <Problem error={error} what={what} why={why} />
}

/** What phones and carriers say (RFC 3261 §21), and the end of a call. */
function useReasons(): ReadonlyMap<string, string> {
  const { t } = useLingui()
  const declined = t`The phone is busy, or declined the call.`
  const unanswered = t`Nobody answered.`
  const over = t`The call has ended.`
  return new Map([
    ['busy here', declined],
    ['decline', declined],
    ['declined', declined],
    ['rejected', declined],
    ['no answer', unanswered],
    ['request timeout', unanswered],
    ['temporarily unavailable', unanswered],
    ['the call ended.', over],
    ['the call has ended.', over],
  ])
}

const sentence = (words: string): string =>
  `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? '' : '.'}`
