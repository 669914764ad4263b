/** Where one can go, by what people own. The navigation and the palette show the same. */
import { useLingui } from '@lingui/react/macro'
import type { SignName } from './kit/sign.tsx'
import { useSession } from './session.tsx'

export interface Place {
  readonly to: '/' | '/people' | '/phones' | '/developers/keys' | '/settings'
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
    { to: '/developers/keys', name: t`Keys`, sign: 'key', group: 'developers', isForAdmins: true },
    { to: '/settings', name: t`Settings`, sign: 'settings', group: 'rest' },
  ]
  return places.filter((place) => isAdmin || !place.isForAdmins)
}
