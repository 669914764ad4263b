/**
 * An emergency number that is called within a call, or comes into one, by a consultation or a transfer, makes it an
 * emergency call for as long as it is there (T18): nobody listens to it, nothing records it, and it lasts as long as it
 * has to.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import { stopRecording } from './call-recording.ts'
import { dropSupervisions } from './supervise.ts'

/** Whatever listened before it was called does so no more. */
export function leaveUnheard(now: Instant, call: Call): void {
  const { recording, supervisions } = call.floor
  if (!recording && supervisions.length === 0) return
  if (recording) stopRecording(now, call, recording)
  dropSupervisions(now, call)
  call.writeSnapshot()
}
