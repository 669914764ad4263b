/** Whatever was thrown, as an error that can be shown. */
export const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))

/** A command came to nothing; the message is a sentence for people. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
}
