/** What the filter finds, whole, as a file that the browser keeps. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, Menu } from '@mantine/core'
import type { Input } from '../../../contract/client.ts'
import { Sign } from '../kit/sign.tsx'
import { useTell } from '../kit/tell.ts'
import { useSession } from '../session.tsx'

type Filter = Omit<NonNullable<Input<'GET /v3.0/events/export'>['query']>, 'format'>
type Format = 'ndjson' | 'csv'

export function ExportMenu({ filter }: { readonly filter: Filter }) {
  const { t } = useLingui()
  const { client, accountId, homeId } = useSession()
  const tell = useTell()
  const isElsewhere = accountId !== homeId
  const read = async (format: Format) => {
    const response = await client.response('GET /v3.0/events/export', { query: { ...filter, format } })
    keep(await response.blob(), `events.${format}`)
  }
  const item = (format: Format) => {
    // The cookie asks for it, and a link says no header: the organisation is one of the filter. Of one and all below it that
    // are not the own ones only the client can ask; the file is in memory then.
    if (isElsewhere && filter.account === 'tree') {
      return {
        component: 'button' as const,
        onClick: () => void tell(read(format), t`The file is among your downloads.`),
      }
    }
    const wanted = { ...filter, ...(isElsewhere && { account: accountId }), format }
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) search.set(name, String(value))
    return { component: 'a' as const, href: `/v3.0/events/export?${search}`, download: `events.${format}` }
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" px="sm" leftSection={<Sign name="download" size={16} />}>
          <Trans>Export</Trans>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item {...item('ndjson')}>NDJSON</Menu.Item>
        <Menu.Item {...item('csv')}>CSV</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function keep(file: Blob, name: string): void {
  const address = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // Some browsers begin to read it only after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
