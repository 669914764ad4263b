/** The caller's fault. `detail` names the field and the remedy; it is shown to the caller, so it holds nothing secret. */
import type { ErrorCode } from '../contract/errors.ts'

export class ApiError extends Error {
  override name = 'ApiError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, detail: string, details: Readonly<Record<string, unknown>> = {}) {
    super(detail)
    this.code = code
    this.details = details
  }
}
