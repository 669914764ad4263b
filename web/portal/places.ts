/** Where one can go, by what people own. The navigation and the palette show the same. */
import { useLingui } from '@lingui/react/macro'
import type { SignName } from './kit/sign.tsx'
import { type Session, useSession } from './session.tsx'

type Scope = Session['who']['scopes'][number]

/** Each by what is asked there first: whom it is for, and the scope that is needed. */
const all = [
  { to: '/', sign: 'home', group: 'own' },
  { to: '/people', sign: 'people', group: 'own', isForAdmins: true, scope: 'telephony:read' },
  { to: '/phones', sign: 'phone', group: 'own', isForAdmins: true, scope: 'telephony:read' },
  { to: '/meetings', sign: 'video', group: 'own', scope: 'meeting' },
  { to: '/history', sign: 'history', group: 'own', scope: 'telephony:read' },
  { to: '/developers/events', sign: 'activity', group: 'developers', scope: 'events' },
  { to: '/developers/webhooks', sign: 'webhook', group: 'developers', isForAdmins: true, scope: 'webhooks' },
  { to: '/developers/keys', sign: 'key', group: 'developers', isForAdmins: true, scope: 'account' },
  { to: '/developers/reference', sign: 'book', group: 'developers' },
  { to: '/settings', sign: 'settings', group: 'rest' },
] as const satisfies readonly PlaceOf[]

interface PlaceOf {
  readonly to: string
  readonly sign: SignName
  readonly group: 'own' | 'developers' | 'rest'
  readonly isForAdmins?: boolean
  readonly scope?: Scope
}

export type Place = Omit<PlaceOf, 'to'> & { readonly to: (typeof all)[number]['to']; readonly name: string }

export function usePlaces(): readonly Place[] {
  const { t } = useLingui()
  const { isAdmin, who } = useSession()
  const names: Readonly<Record<Place['to'], string>> = {
    '/': t`Home`,
    '/people': t`People`,
    '/phones': t`Phones`,
    '/meetings': t`Meetings`,
    '/history': t`History`,
    '/developers/events': t`Events`,
    '/developers/webhooks': t`Webhooks`,
    '/developers/keys': t`Keys`,
    '/developers/reference': t`API reference`,
    '/settings': t`Settings`,
  }
  const isTheirs = ({ isForAdmins = false, scope }: PlaceOf) =>
    (isAdmin || !isForAdmins) && (scope === undefined || who.scopes.includes(scope))
  return all.filter(isTheirs).map((place) => ({ ...place, name: names[place.to] }))
}

/** Also below it. */
export const isForAdmins = (pathname: string): boolean =>
  all.some((place) => 'isForAdmins' in place && (pathname === place.to || pathname.startsWith(`${place.to}/`)))
