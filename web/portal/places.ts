/** Where one can go, by what people own. The navigation and the palette show the same. */
import { useLingui } from '@lingui/react/macro'
import type { SignName } from './kit/sign.tsx'
import { useSession } from './session.tsx'

export interface Place {
  readonly to:
    | '/'
    | '/people'
    | '/phones'
    | '/meetings'
    | '/history'
    | '/developers/events'
    | '/developers/webhooks'
    | '/developers/keys'
    | '/developers/reference'
    | '/settings'
  readonly name: string
  readonly sign: SignName
  readonly group: 'own' | 'developers' | 'rest'
  /** Administrators only. */
  readonly isForAdmins?: boolean
}

export function usePlaces(): readonly Place[] {
  const { t } = useLingui()
  const { isAdmin } = useSession()
  const places: readonly Place[] = [
    { to: '/', name: t`Home`, sign: 'home', group: 'own' },
    { to: '/people', name: t`People`, sign: 'people', group: 'own', isForAdmins: true },
    { to: '/phones', name: t`Phones`, sign: 'phone', group: 'own', isForAdmins: true },
    { to: '/meetings', name: t`Meetings`, sign: 'video', group: 'own' },
    { to: '/history', name: t`History`, sign: 'history', group: 'own' },
    { to: '/developers/events', name: t`Events`, sign: 'activity', group: 'developers' },
    { to: '/developers/webhooks', name: t`Webhooks`, sign: 'webhook', group: 'developers', isForAdmins: true },
    { to: '/developers/keys', name: t`Keys`, sign: 'key', group: 'developers', isForAdmins: true },
    { to: '/developers/reference', name: t`API reference`, sign: 'book', group: 'developers' },
    { to: '/settings', name: t`Settings`, sign: 'settings', group: 'rest' },
  ]
  return places.filter((place) => isAdmin || !place.isForAdmins)
}
