/**
 * The caller is answered: once `call.answered` is durable it gets its 200 (T2), and what joins the two is done just before.
 * A caller that was answered already is only joined.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import { notAcceptable } from './outcome.ts'
import { retrieved } from './park.ts'
import { transferred } from './transfer.ts'

export function answerCaller(now: Instant, call: Call, then: (now: Instant) => void): void {
  const { caller, ledger } = call
  if (caller.answeredAt !== null) {
    // A click-to-call that a callflow answers.
    if (ledger.answeredAt === null) {
      ledger.answeredAt = now
      call.tell(now, 'call.answered', null)
    }
    return then(now)
  }
  const sdp = call.media.answerCaller(call)
  if (sdp === null) return call.end(now, { by: 'system', outcome: notAcceptable })
  ledger.answeredAt = now
  caller.answeringAt = now
  // Our phones are shown who answered; a carrier is not (T19).
  const identity = caller.facts.isOutside ? null : (call.callee?.party.identity ?? null)
  const answer = { sdp, ...(identity ? { identity } : {}) }
  // T5: whoever has its 200 is in what was written before.
  caller.dialog = call.services.host.dialogWith(now, caller.id, answer)
  caller.isDialogWritten = caller.isListening
  const records = [ledger.event('call.answered', now, call.callee), call.snapshotRecord()]
  call.services.write(call.id, records, (at) => {
    if (call.isOver || caller.isOver) return
    caller.answered(at)
    // The media is joined before the caller can say its first word.
    then(at)
    call.command({ type: 'answer', leg: caller.id, ...answer })
  })
}

/** The caller was answered before: by a callflow, or by whoever hands it on. */
export function connectAnswered(now: Instant, call: Call): void {
  const { ledger } = call
  ledger.answeredAt ??= now
  call.connect(now)
  if (call.transfer) transferred(now, call)
  else if (!retrieved(now, call)) call.services.write(call.id, [ledger.event('call.answered', now, call.callee)])
  call.introduce()
  call.writeSnapshot()
}
