/** Whatever was thrown, as an error that can be shown. */
export const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
