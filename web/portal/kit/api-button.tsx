/** The call that does what the page does, ready for a shell. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Route } from '../../../contract/client.ts'
import { useSession } from '../session.tsx'
import { CopyButton } from './copy-button.tsx'
import { Dialog } from './dialog.tsx'
import { Sign } from './sign.tsx'

export interface ApiCall {
  readonly route: Route
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

interface ApiButtonProps {
  readonly calls: readonly ApiCall[]
  readonly isSmall?: boolean
}

export function ApiButton({ calls, isSmall = false }: ApiButtonProps) {
  const { t } = useLingui()
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <>
      <Button
        variant="default"
        px="sm"
        size={isSmall ? 'xs' : 'sm'}
        onClick={dialog.open}
        leftSection={<Sign name="code" size={16} />}
      >
        API
      </Button>
      {isOpen && (
        <Dialog onClose={dialog.close} title={t`The same by the API`} size="lg">
          <Calls calls={calls} />
        </Dialog>
      )}
    </>
  )
}

function Calls({ calls }: { readonly calls: readonly ApiCall[] }) {
  const { t } = useLingui()
  const { accountId, homeId } = useSession()
  const elsewhere = accountId === homeId ? null : accountId
  return (
    <div className="api-calls">
      {calls.map((call) => {
        const text = curlOf(call, elsewhere)
        return (
          <div key={text} className="code-block">
            <CopyButton text={text} label={t`Copy`} />
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
            <pre tabIndex={0}>{text}</pre>
          </div>
        )
      })}
      <p className="soft">
        <Trans>
          Put a key of yours in <code>CARILLON_KEY</code>. All operations are in the <a href="/docs">API reference</a>.
        </Trans>
      </p>
    </div>
  )
}

function curlOf({ route, params, query, body }: ApiCall, accountId: string | null): string {
  const [method = '', path = ''] = route.split(' ')
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params?.[name] ?? `{${name}}`))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {}))
    if (value != null && value !== '') search.set(name, String(value))
  const url = `${location.origin}${filled}${search.size > 0 ? `?${search}` : ''}`
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(url)}`,
    `-H "X-API-Key: $CARILLON_KEY"`,
    ...(accountId ? [`-H 'X-Account-ID: ${accountId}'`] : []),
    ...(body === undefined
      ? []
      : [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body, null, 2))}`]),
  ]
  return lines.join(' \\\n  ')
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`
