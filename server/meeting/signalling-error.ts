/** A refusal of a frame: the page shows the sentence or acts on the code. */
import { type SignallingErrorCode, signallingErrors } from '../../contract/signalling.ts'

export class SignallingError extends Error {
  override name = 'SignallingError'
  readonly code: SignallingErrorCode

  constructor(code: SignallingErrorCode, detail?: string) {
    super(detail ?? signallingErrors[code])
    this.code = code
  }
}
