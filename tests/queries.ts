/** Counts the prepared statements that sessions of this process ran. */
import pg from 'pg'
import { vi } from 'vitest'

const asked = vi.spyOn(pg.Client.prototype, 'query')

export const countOf = (name: string): number => asked.mock.calls.filter(([query]) => isNamed(query, name)).length

const isNamed = (query: unknown, name: string) =>
  typeof query === 'object' && query !== null && 'name' in query && query.name === name
