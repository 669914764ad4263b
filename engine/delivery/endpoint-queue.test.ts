import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EndpointQueue, type Ordering } from './endpoint-queue.ts'
import { attemptDelaysMs, retryDelayMs } from './schedule.ts'

const plain = { random: 0.5, retryAfterMs: null }
const hour = 3_600_000
const fill = (queue: EndpointQueue, count: number, resource: (index: number) => string = () => 'call:1') => {
  for (let index = 0; index < count; index++)
    queue.add({ id: `d${index}`, resource: resource(index), attempts: 0, dueAt: 0 }, 0)
}

describe('the schedule', () => {
  it('is ten attempts over 75 hours and 35 minutes', () => {
    const queue = new EndpointQueue('none', 'nothing')
    fill(queue, 1)
    const times: number[] = []
    for (let now: number | null = 0; now !== null; ) {
      expect(queue.take(now - 1), 'not before its time').toBeNull()
      // An open breaker may hold it for a minute, not more.
      let at: number = now
      while (queue.take(at) === null) at += 1_000
      expect(at - now).toBeLessThanOrEqual(60_000)
      times.push(at)
      now = queue.failed('d0', at, plain)
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(times).toHaveLength(10)
    for (const [index, gap] of gaps.entries())
      expect(gap - (attemptDelaysMs[index + 1] ?? 0)).toBeLessThanOrEqual(60_000)
    expect((times.at(-1) ?? 0) / hour).toBeCloseTo(75.58, 0)
    expect(queue.size).toBe(0)
  })

  it('spreads what failed together by a tenth, and never ends before Retry-After', () => {
    for (const [made, delay] of attemptDelaysMs.entries()) {
      if (made === 0) continue
      expect(retryDelayMs(made, 0, null)).toBe(Math.round(delay * 0.9))
      expect(retryDelayMs(made, 1, null)).toBe(Math.round(delay * 1.1))
      expect(retryDelayMs(made, 0, 2 * hour)).toBeGreaterThanOrEqual(2 * hour)
    }
    expect(retryDelayMs(1, 0.5, 1e12)).toBe(24 * hour)
    expect(retryDelayMs(10, 0.5, null)).toBeNull()
  })
})

/** Sends everything to an endpoint that fails at random; what arrived, in its order, and when. */
function deliver(ordering: Ordering, count: number, resources: number, failures: readonly boolean[]) {
  const queue = new EndpointQueue(ordering, 'nothing')
  const resourceOf = (index: number) => `call:${index % resources}`
  fill(queue, count, resourceOf)
  const arrived: { index: number; at: number }[] = []
  const underWay: string[] = []
  const failed = new Map<string, number>()
  let now = 0
  let turn = 0
  while (queue.size > 0) {
    for (let id = queue.take(now); id !== null; id = queue.take(now)) {
      const lane = ordering === 'strict' ? '' : resourceOf(Number(id.slice(1)))
      const others = underWay.map((one) => (ordering === 'strict' ? '' : resourceOf(Number(one.slice(1)))))
      if (ordering !== 'none') expect(others, 'one of a lane at a time').not.toContain(lane)
      underWay.push(id)
    }
    const id = underWay.splice(turn % Math.max(1, underWay.length), 1)[0]
    if (id === undefined) {
      now = Math.max(now + 1, queue.wakeAt(now) ?? now + 1)
      continue
    }
    turn += 1
    const index = Number(id.slice(1))
    const made = failed.get(id) ?? 0
    // Never ten times: nothing is given up.
    const hasFailed = failures[turn % failures.length] === true && made < 6
    if (hasFailed) failed.set(id, made + 1)
    if (hasFailed) expect(queue.failed(id, now, plain)).not.toBeNull()
    else {
      queue.succeeded(id, now)
      arrived.push({ index, at: now })
    }
  }
  return arrived
}

describe('an ordering', () => {
  const world = {
    count: fc.integer({ min: 1, max: 60 }),
    resources: fc.integer({ min: 1, max: 8 }),
    failures: fc.array(fc.boolean(), { minLength: 2, maxLength: 12 }),
  }
  const property = (check: (count: number, resources: number, failures: boolean[]) => void) =>
    fc.assert(fc.property(world.count, world.resources, world.failures, check), { numRuns: 80 })

  it('`none` delivers everything once', () =>
    property((count, resources, failures) => {
      const arrived = deliver('none', count, resources, failures)
      expect(arrived.map(({ index }) => index).sort((a, b) => a - b)).toEqual(
        Array.from({ length: count }, (_, i) => i),
      )
    }))

  it('`per_resource` keeps the order of each resource, whatever fails', () =>
    property((count, resources, failures) => {
      const arrived = deliver('per_resource', count, resources, failures)
      expect(arrived).toHaveLength(count)
      for (const [, own] of Map.groupBy(arrived, ({ index }) => index % resources)) {
        expect(own.map(({ index }) => index)).toEqual(own.map(({ index }) => index).sort((a, b) => a - b))
      }
    }))

  it('`strict` keeps the order of all', () =>
    property((count, resources, failures) => {
      const arrived = deliver('strict', count, resources, failures)
      expect(arrived.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, i) => i))
    }))

  it('`per_resource`: what fails holds its own resource only', () => {
    const queue = new EndpointQueue('per_resource', 'nothing')
    fill(queue, 40, (index) => (index % 2 === 0 ? 'call:bad' : `call:${index}`))
    let accepted = 0
    for (let id = queue.take(0); id !== null; id = queue.take(0)) {
      if (Number(id.slice(1)) % 2 === 0) queue.failed(id, 0, plain)
      else {
        queue.succeeded(id, 0)
        accepted += 1
      }
    }
    expect(accepted).toBe(20)
    expect(queue.size).toBe(20)
    expect(queue.room(0), 'what is held does not keep others from being read').toBeGreaterThan(0)
  })
})

describe('the breaker', () => {
  const open = () => {
    const queue = new EndpointQueue('none', 'nothing')
    fill(queue, 20)
    while (!queue.isOpen) queue.failed(queue.take(0) ?? '', 0, plain)
    return queue
  }

  it('opens after five failures in a row: one at a time then, at most one a minute', () => {
    const queue = open()
    expect(queue.take(0)).toBeNull()
    let now = 0
    const probes: number[] = []
    while (probes.length < 10) {
      now = queue.wakeAt(now) ?? now
      const id = queue.take(now)
      if (id === null) continue
      expect(queue.take(now), 'one at a time').toBeNull()
      queue.failed(id, now, plain)
      probes.push(now)
    }
    expect(probes.slice(0, 4)).toEqual([5_000, 15_000, 35_000, 75_000])
    expect((probes[9] ?? 0) - (probes[8] ?? 0)).toBe(60_000)
  })

  it('closes with the first success, and then everything that waits is tried', () => {
    const queue = open()
    const id = queue.take(5_000) ?? ''
    queue.succeeded(id, 5_000)
    expect(queue.isOpen).toBe(false)
    const sent = new Set<string>()
    for (let next = queue.take(5_000); next !== null; next = queue.take(5_000)) {
      sent.add(next)
      queue.succeeded(next, 5_000)
    }
    expect(sent.size).toBe(19)
  })

  it('lets no more be read from the log than one event to try with', () => {
    const queue = open()
    expect(queue.room(1)).toBe(0)
    for (let id = queue.take(5_000); id !== null; id = queue.take(5_000)) queue.failed(id, 5_000, plain)
    expect(queue.room(5_001)).toBe(0)
    const idle = new EndpointQueue('none', 'nothing')
    fill(idle, 5)
    for (let index = 0; index < 5; index++) idle.failed(idle.take(0) ?? '', 0, { random: 0.5, retryAfterMs: null })
    expect(idle.isOpen).toBe(true)
    expect(idle.room(4_400)).toBe(0)
  })
})

it('what was not sent by our own fault is sent later, before what stands behind it', () => {
  const queue = new EndpointQueue('strict', 'success')
  fill(queue, 2)
  for (let times = 0; times < 10; times++) {
    expect(queue.take(times)).toBe('d0')
    queue.putBack('d0', times + 1, times)
    expect(queue.take(times)).toBeNull()
  }
  expect([queue.isOpen, queue.isProven, queue.inFlight]).toEqual([false, true, 0])
})

it('Retry-After holds the whole endpoint', () => {
  const queue = new EndpointQueue('none', 'nothing')
  fill(queue, 3)
  queue.failed(queue.take(0) ?? '', 0, { random: 0.5, retryAfterMs: 30_000 })
  expect([queue.take(29_999), queue.room(29_999), queue.wakeAt(0)]).toEqual([null, 0, 30_000])
  expect(queue.take(30_000)).not.toBeNull()
})

it('Retry-After holds it for a day at most', () => {
  const queue = new EndpointQueue('none', 'nothing')
  fill(queue, 2)
  queue.failed(queue.take(0) ?? '', 0, { random: 0.5, retryAfterMs: 999_999_999_000 })
  expect(queue.wakeAt(0)).toBe(24 * hour)
  expect(queue.take(24 * hour)).not.toBeNull()
})

it('what cannot be sent makes way, and says nothing of the endpoint', () => {
  const queue = new EndpointQueue('strict', 'success')
  fill(queue, 10)
  const room = queue.room(0)
  for (let index = 0; index < 9; index++) {
    expect(queue.take(0)).toBe(`d${index}`)
    queue.drop(`d${index}`, 0)
  }
  expect([queue.isOpen, queue.isProven, queue.inFlight, queue.size]).toEqual([false, true, 0, 1])
  expect(queue.room(0)).toBe(room + 9)
  expect(queue.take(0)).toBe('d9')
})

it('one that answers is sent more at a time, one that fails less', () => {
  const queue = new EndpointQueue('none', 'nothing')
  fill(queue, 400)
  const takeAll = () => {
    const ids: string[] = []
    for (let id = queue.take(0); id !== null; id = queue.take(0)) ids.push(id)
    return ids
  }
  const first = takeAll()
  expect(first).toHaveLength(4)
  for (const id of first) queue.succeeded(id, 0)
  const second = takeAll()
  expect(second).toHaveLength(8)
  queue.failed(second[0] ?? '', 0, plain)
  for (const id of second.slice(1)) queue.succeeded(id, 0)
  expect(queue.isProven).toBe(true)
  expect(new EndpointQueue('none', 'success').isProven).toBe(true)
  for (const heard of ['nothing', 'failure'] as const)
    expect(new EndpointQueue('none', heard).isProven, heard).toBe(false)
})
