/** The organisation that is looked at: the own one, or one below it. It stands in the address, so a link keeps it. */
import { Trans, useLingui } from '@lingui/react/macro'
import { Menu, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Sign } from './kit/sign.tsx'
import { baseClient, keyOf, useSession } from './session.tsx'

/** More are found by their name. */
const shown = 50

export function OrganisationSwitcher() {
  const { who, accountId, homeId } = useSession()
  const { t } = useLingui()
  const [text, setText] = useState('')
  const navigate = useNavigate()
  const children = useChildren()
  const refresh = useRefreshChildren()
  const chosen = children.find(({ id }) => id === accountId)
  const name = accountId === homeId ? who.account_name : (chosen?.name ?? accountId)
  if (children.length === 0 && accountId === homeId) return <span className="org org-only">{name}</span>
  const all = [{ id: homeId, name: who.account_name }, ...children]
  const wanted = text.trim().toLowerCase()
  const found = all.filter((one) => one.name.toLowerCase().includes(wanted))
  return (
    <Menu position="bottom-start" width={280} onOpen={refresh} onClose={() => setText('')}>
      <Menu.Target>
        <button type="button" className="org" aria-label={t`Organisation: ${name}`}>
          <span>{name}</span>
          <Sign name="selector" size={16} />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {all.length > 8 && (
          <TextInput
            m={4}
            size="xs"
            value={text}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
            placeholder={t`Find an organisation`}
            aria-label={t`Find an organisation`}
            data-autofocus
          />
        )}
        {found.slice(0, shown).map(({ id, name }) => (
          <Menu.Item
            key={id}
            rightSection={id === accountId ? <Sign name="check" size={16} /> : null}
            onClick={() => void navigate({ to: '/', search: { org: id === homeId ? undefined : id } })}
          >
            {name}
            {id === homeId && (
              <small className="soft">
                {' '}
                <Trans>your own</Trans>
              </small>
            )}
          </Menu.Item>
        ))}
        {found.length > shown && (
          <Menu.Label>
            <Trans>Type a name to find the others.</Trans>
          </Menu.Label>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

const route = 'GET /v3.0/accounts/{id}/children'

const askedAgainMs = 15_000

/**
 * Those below the own organisation; nobody but its administrators acts there. One that was just made tells of itself in its
 * own log, which is not listened to here: few are asked for again and again, many when the menu opens.
 */
export function useChildren(): readonly { readonly id: string; readonly name: string }[] {
  const { homeId, isAdmin, who } = useSession()
  const input = { params: { id: homeId } }
  const { data } = useQuery({
    queryKey: keyOf(homeId, route, input),
    enabled: isAdmin && who.scopes.includes('subaccounts'),
    queryFn: ({ signal }) => baseClient.call(route, { ...input, signal }),
    staleTime: 60_000,
    refetchInterval: ({ state }) => ((state.data?.data.length ?? 0) < shown ? askedAgainMs : false),
  })
  return data?.data ?? []
}

function useRefreshChildren(): () => void {
  const { homeId } = useSession()
  const cache = useQueryClient()
  return () => void cache.invalidateQueries({ queryKey: keyOf(homeId, route) }, { cancelRefetch: false })
}
