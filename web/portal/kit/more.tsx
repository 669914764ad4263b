import { Trans } from '@lingui/react/macro'
import { Button } from '@mantine/core'

interface MoreProps {
  readonly list: { readonly more: (() => void) | null; readonly isLoadingMore: boolean }
}

/** The next page of a list, under it. */
export function More({ list }: MoreProps) {
  if (!list.more) return null
  return (
    <Button variant="default" size="xs" onClick={list.more} loading={list.isLoadingMore}>
      <Trans>Show more</Trans>
    </Button>
  )
}
