/** Says in a corner that something was done, or why not. */
import { useLingui } from '@lingui/react/macro'
import { notifications } from '@mantine/notifications'
import { asError } from './failure.ts'
import { useFailureWords } from './problem.tsx'

export function useTell(): (work: Promise<unknown>, words: string) => Promise<void> {
  const { t } = useLingui()
  const failureWords = useFailureWords()
  return async (work, message) => {
    const closeButtonProps = { 'aria-label': t`Close` }
    try {
      await work
      notifications.show({ message, closeButtonProps })
    } catch (error) {
      notifications.show({ color: 'red', message: failureWords(asError(error)), closeButtonProps })
    }
  }
}

/** One after the other, all of them, also when one fails; then throws the first failure. */
export async function forEach<T>(rows: readonly T[], act: (row: T) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = []
  for (const row of rows) await act(row).catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}
