/** The reference of both APIs, tried with a key of one's own that is made for it and ends by itself. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Button, useComputedColorScheme } from '@mantine/core'
import { useState } from 'react'
import { Page } from '../kit/page.tsx'
import { Problem } from '../kit/problem.tsx'
import { Sign } from '../kit/sign.tsx'
import { useSession, useWrite } from '../session.tsx'
import { hasTryIt, keepTryIt } from '../try-it.ts'

const lifeMs = 8 * 3_600_000

export function ReferencePage() {
  const { t } = useLingui()
  const { isAdmin } = useSession()
  const scheme = useComputedColorScheme()
  const [name, setName] = useState<string | null>(null)
  const create = useWrite('PUT /v3.0/keys', { changes: ['GET /v3.0/keys'] })
  const make = () => {
    const expires_at = new Date(Date.now() + lifeMs).toISOString()
    create.mutate(
      { body: { data: { name: t`Trying the API`, expires_at } } },
      {
        onSuccess({ data }) {
          keepTryIt(data.key ?? '')
          setName(data.id)
        },
      },
    )
  }
  return (
    <Page
      title={t`API reference`}
      actions={
        <>
          {isAdmin && (
            <Button onClick={make} loading={create.isPending} leftSection={<Sign name="key" size={16} />}>
              <Trans>Try with a key of mine</Trans>
            </Button>
          )}
          <Button
            component="a"
            href="/docs"
            target="_blank"
            variant="default"
            rightSection={<Sign name="external" size={16} />}
          >
            <Trans>Open alone</Trans>
          </Button>
        </>
      }
    >
      {create.error && <Problem error={create.error} />}
      <p className="soft">
        {name || hasTryIt() ? (
          <Trans>Calls are made with a key that ends after eight hours. It is among your keys.</Trans>
        ) : (
          <Trans>Both APIs, whole. Each call can be tried from here.</Trans>
        )}
      </p>
      <iframe key={name} className="reference" src={`/docs?theme=${scheme}`} title={t`API reference`} />
    </Page>
  )
}
