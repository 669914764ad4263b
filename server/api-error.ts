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

/** Data that is not valid (-4), with the field it concerns in words and for programs. */
export const invalidField = (field: string, message: string): ApiError =>
  new ApiError('invalid_request', `${field}: ${message}`, { issues: [{ field, message }] })
