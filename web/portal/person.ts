/** A person by id, for names beside ids. */
import { useQuery } from '@tanstack/react-query'
import type { Answer } from '../../contract/client.ts'
import { baseClient } from './session.tsx'

type Person = Answer<'GET /v3.0/users/{id}'>['data']

/** Whoever is signed in, in their own organisation whichever is looked at. */
export function usePerson(id: string | null): Person | undefined {
  const { data } = useQuery({
    queryKey: ['person', id],
    enabled: id !== null,
    queryFn: ({ signal }) => baseClient.call('GET /v3.0/users/{id}', { params: { id: id ?? '' }, signal }),
    staleTime: 5 * 60_000,
  })
  return data?.data
}
