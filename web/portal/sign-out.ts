import { useNavigate } from '@tanstack/react-router'
import { baseClient, isSignedOut, queries } from './session.tsx'

/** Gives the session back; nothing that was read stays in the page. */
export function useSignOut(): () => Promise<void> {
  const navigate = useNavigate()
  return async () => {
    await baseClient.call('DELETE /v3.0/auth/session').catch((error: unknown) => {
      if (!isSignedOut(error)) throw error // it had ended already
    })
    sessionStorage.clear()
    await navigate({ to: '/sign-in', search: { org: undefined } })
    queries.clear()
  }
}
