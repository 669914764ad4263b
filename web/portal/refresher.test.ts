import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Refresher } from './refresher.ts'

const key = ['account', 'GET /v3.0/calls_history']
let cache: QueryClient
let refresher: Refresher
/** Of each question that was asked: how it is answered. */
let asked: ((value: string) => void)[]
let given: number
let stop: () => void

beforeEach(() => {
  vi.useFakeTimers()
  cache = new QueryClient()
  refresher = new Refresher(cache)
  asked = []
  given = 0
  const queryFn = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<string>((resolve, reject) => {
      asked.push(resolve)
      signal.addEventListener('abort', () => reject(new Error('it was begun anew')))
    })
  const observer = new QueryObserver(cache, { queryKey: [...key, 'page'], queryFn, retry: false })
  stop = observer.subscribe(() => {})
})

afterEach(() => {
  refresher.stop()
  stop()
  cache.clear()
  vi.useRealTimers()
})

const answer = async (value: string) => {
  asked[given++]?.(value)
  await vi.advanceTimersByTimeAsync(0)
}
const shown = () => cache.getQueryData([...key, 'page'])

it('lets a question end on a busy account, and asks once more for what came meanwhile', async () => {
  await answer('first')
  refresher.see(key)
  await vi.advanceTimersByTimeAsync(400)
  expect(asked).toHaveLength(2)
  for (let event = 0; event < 20; event += 1) {
    refresher.see(key)
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(asked).toHaveLength(2)
  await answer('second')
  expect(shown()).toBe('second')
  await vi.advanceTimersByTimeAsync(400)
  expect(asked).toHaveLength(3)
  await answer('third')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(shown()).toBe('third')
  expect(asked).toHaveLength(3)
})

it('asks again when a question was on its way before the event', async () => {
  refresher.see(key)
  await vi.advanceTimersByTimeAsync(400)
  expect(asked).toHaveLength(1)
  await answer('old')
  await vi.advanceTimersByTimeAsync(400)
  expect(asked).toHaveLength(2)
  await answer('new')
  expect(shown()).toBe('new')
})

it('asks nothing any more when it was stopped', async () => {
  await answer('first')
  refresher.see(key)
  refresher.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(asked).toHaveLength(1)
})
