/** Lets in whoever is signed in, and shows the door to everybody else. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Frame } from './frame.tsx'
import { LiveProvider } from './live.tsx'
import { Problem } from './kit/problem.tsx'
import { baseClient, isSignedOut, SessionProvider, whoamiKey } from './session.tsx'
import { forgetTryIt } from './try-it.ts'

export function Gate() {
  const { org } = useSearch({ strict: false })
  const who = useQuery({
    queryKey: whoamiKey,
    queryFn: async ({ signal }) => (await baseClient.call('GET /v3.0/whoami', { signal })).data,
    // A session that ended elsewhere is noticed without a click.
    refetchInterval: 5 * 60_000,
  })
  const person = who.data?.user_id
  // Somebody else may have signed in beside this page.
  useEffect(() => (person === undefined ? undefined : forgetTryIt), [person])
  if (isSignedOut(who.error)) return <ToTheDoor />
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

/** Once: the address changes by it, and must not become what one comes back to. */
function ToTheDoor() {
  const navigate = useNavigate()
  useEffect(() => {
    const { pathname, search } = location
    const to = pathname === '/' ? {} : { to: pathname + search }
    void navigate({ to: '/sign-in', search: { org: undefined, ...to }, replace: true })
  }, [navigate])
  return null
}
