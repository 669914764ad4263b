/** Lets in whoever is signed in, and shows the door to everybody else. */
import { useQuery } from '@tanstack/react-query'
import { Navigate, useLocation, useSearch } from '@tanstack/react-router'
import { Frame } from './frame.tsx'
import { LiveProvider } from './live.tsx'
import { Problem } from './kit/problem.tsx'
import { baseClient, isSignedOut, SessionProvider } from './session.tsx'

export const whoamiKey = ['whoami']

export function Gate() {
  const { org } = useSearch({ strict: false })
  const { href, pathname } = useLocation()
  const who = useQuery({
    queryKey: whoamiKey,
    queryFn: async ({ signal }) => (await baseClient.call('GET /v3.0/whoami', { signal })).data,
    // A session that ended elsewhere is noticed without a click.
    refetchInterval: 5 * 60_000,
  })
  if (isSignedOut(who.error)) {
    return <Navigate to="/sign-in" search={{ org: undefined, ...(pathname !== '/' && { to: href }) }} replace />
  }
  if (who.data) {
    return (
      <SessionProvider who={who.data} org={org}>
        <LiveProvider>
          <Frame />
        </LiveProvider>
      </SessionProvider>
    )
  }
  if (who.error) {
    return (
      <main className="portal-alone">
        <Problem error={who.error} onRetry={() => void who.refetch()} />
      </main>
    )
  }
  return <main className="portal-alone" aria-busy="true" />
}
