/** Who is signed in, which organisation they look at, and the client of both: the same API that everybody has. */
import { createContext, type ReactNode, use, useMemo } from 'react'
import { useLingui } from '@lingui/react'
import {
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  type QueryKey,
  type UseQueryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import {
  ApiFailure,
  type Answer,
  type Answered,
  type CallOptions,
  type Client,
  createClient,
  type Input,
  type Route,
} from '../../contract/client.ts'

/** Two tries more, so that a restart of the server is not seen, and a fault is seen soon. */
export const baseClient = createClient({ cookie: true, retries: 2 })

export const whoamiKey = ['whoami']

/** A session that ended, by time or elsewhere, is noticed by whatever is asked first; the gate then shows the door. */
const onError = (error: unknown) => {
  if (isSignedOut(error)) void queries.refetchQueries({ queryKey: whoamiKey })
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => {
      if (queryKey[0] !== whoamiKey[0]) onError(error)
    },
  }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    // The client repeats what may be repeated; what is live says itself that it changed.
    queries: { retry: false, staleTime: 15_000, refetchOnWindowFocus: true },
    // A new secret does not stay in memory when its page is left.
    mutations: { retry: false, gcTime: 0 },
  },
})

type Whoami = Answer<'GET /v3.0/whoami'>['data']

export interface Session {
  readonly who: Whoami
  /** Acts in the organisation that was chosen. */
  readonly client: Client
  /** The organisation that is looked at; `home` is the one that the person belongs to. */
  readonly accountId: string
  readonly homeId: string
  readonly isAdmin: boolean
}

const SessionContext = createContext<Session | null>(null)

interface ProviderProps {
  readonly who: Whoami
  readonly org: string | undefined
  readonly children: ReactNode
}

export function SessionProvider({ who, org, children }: ProviderProps) {
  const { i18n } = useLingui()
  const language = i18n.locale
  const session = useMemo<Session>(() => {
    const isElsewhere = org !== undefined && org !== who.account_id
    return {
      who,
      client: baseClient.with(isElsewhere ? { accountId: org, language } : { language }),
      accountId: isElsewhere ? org : who.account_id,
      homeId: who.account_id,
      isAdmin: who.role !== 'user',
    }
  }, [who, org, language])
  return <SessionContext value={session}>{children}</SessionContext>
}

export function useSession(): Session {
  const session = use(SessionContext)
  if (!session) throw new Error('nobody is signed in')
  return session
}

export type ReadRoute = Extract<Route, `GET ${string}`>

/** What a read is remembered by; everything that starts so is read again by `useRefresh`. */
export const keyOf = (accountId: string, route: Route, input?: unknown): QueryKey =>
  input === undefined ? [accountId, route] : [accountId, route, input]

type ReadOptions<R extends ReadRoute> = Pick<
  UseQueryOptions<Read<R>, Error>,
  'enabled' | 'refetchInterval' | 'staleTime' | 'placeholderData'
>

/** An answer, and the version of what it shows: what is changed by it says so (`If-Match`). */
type Read<R extends ReadRoute> = Answer<R> & { readonly etag: string | null }

export function useRead<R extends ReadRoute>(route: R, input: Input<R>, options: ReadOptions<R> = {}) {
  const { client, accountId } = useSession()
  return useQuery<Read<R>, Error>({
    queryKey: keyOf(accountId, route, input),
    async queryFn({ signal }) {
      const { body, etag } = await answerWith(client, route, input, { signal })
      return { ...(body as object), etag } as Read<R>
    },
    ...options,
  })
}

/** The client's argument may be left out where an operation needs nothing; given always, it is the same for all. */
export const answerWith = <R extends Route>(client: Client, route: R, input: Input<R>, options: CallOptions = {}) =>
  (client.answer as (route: R, input: Input<R> & CallOptions) => Promise<Answered<Answer<R>>>).call(client, route, {
    ...input,
    ...options,
  })

/** Of what a change is about: refused when it is another one by now. */
export type Version = Pick<CallOptions, 'ifMatch'>

interface WriteOptions<R extends Route> {
  /** What is read again afterwards. */
  readonly changes: readonly ReadRoute[]
  readonly onDone?: (answer: Answer<R>) => void
}

export function useWrite<R extends Route>(route: R, { changes, onDone }: WriteOptions<R>) {
  const { client, accountId } = useSession()
  const cache = useQueryClient()
  return useMutation<Answer<R>, Error, Input<R> & Version>({
    mutationFn: async (input) => (await answerWith(client, route, input)).body,
    async onSuccess(answer) {
      await Promise.all(changes.map((one) => cache.invalidateQueries({ queryKey: keyOf(accountId, one) })))
      onDone?.(answer)
    },
  })
}

export const isSignedOut = (error: unknown): boolean => error instanceof ApiFailure && error.status === 401

interface Part<T> {
  readonly data: readonly T[]
  readonly next?: string | undefined
}

interface AskedPart {
  readonly page: { readonly limit: number; readonly cursor?: string }
  readonly signal: AbortSignal
}

/** A list that is read by pages; `more` is null at its end. */
export function useList<T>(
  route: ReadRoute,
  query: unknown,
  read: (client: Client, asked: AskedPart) => Promise<Part<T>>,
) {
  const { client, accountId } = useSession()
  const list = useInfiniteQuery({
    queryKey: keyOf(accountId, route, ['pages', query]),
    initialPageParam: '',
    queryFn: ({ signal, pageParam: cursor }) =>
      read(client, { page: { limit: pageSize, ...(cursor !== '' && { cursor }) }, signal }),
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  })
  return {
    rows: list.data?.pages.flatMap(({ data }) => data),
    error: list.error,
    isReading: list.isFetching,
    retry: () => void list.refetch(),
    more: list.hasNextPage ? () => void list.fetchNextPage() : null,
    isLoadingMore: list.isFetchingNextPage,
  }
}

const pageSize = 100
