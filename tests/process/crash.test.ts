/** kill -9 in the middle of a thousand concurrent calls: what was answered exists, with exactly one event. */
import { afterAll, expect, it } from 'vitest'
import { Carillon, kill, until } from '../carillon.ts'

const calls = 1_000
const carillon = await Carillon.start()
afterAll(() => carillon.destroy())

it.each(['api', 'postgres'] as const)(
  'answered meetings survive a kill -9 of %s',
  async (victim) => {
    const { userId } = await carillon.account()
    const answered = new Set<string>()
    let isKilled = false
    const schedule = async (index: number) => {
      const body = { topic: `Meeting ${index}`, startTime: new Date().toISOString(), duration: 60 }
      const answer = await carillon.call('POST', '/api/v6/meeting', body, { 'x-user-id': userId }).catch(() => null)
      if (answer?.status === 200) answered.add(answer.data.id)
      // In the middle: some are answered, some are being carried out, some wait.
      if (answered.size < calls / 5 || isKilled) return
      isKilled = true
      kill(carillon.pids[victim])
    }
    await Promise.all(Array.from({ length: calls }, (_, index) => schedule(index)))
    expect(isKilled).toBe(true)
    await until(async () => (await carillon.ready()) === 200, 'ready again', 60_000)

    // A connection of before may break at its next use.
    const kept = await until(async () => {
      const list = carillon.call('GET', '/api/v6/meeting?limit=10000', undefined, { 'x-user-id': userId })
      const answer = await list.catch(() => null)
      return answer?.status === 200 ? answer : null
    }, 'the list of meetings')
    const keptIds = new Set<string>(kept.data.map(({ id }: { id: string }) => id))
    expect([...answered].filter((id) => !keptIds.has(id))).toEqual([])
    const eventIds = await until(async () => {
      const events = await carillon.events('meeting.scheduled').catch(() => [])
      const ids = events.map((event) => String(event.resource.id)).filter((id) => keptIds.has(id))
      return ids.length >= keptIds.size ? ids : null
    }, 'an event for each')
    expect(new Set(eventIds)).toEqual(keptIds)
    expect(eventIds).toHaveLength(keptIds.size)
  },
  180_000,
)
