import { describe, expect, it } from 'vitest'
import type { LegEvent, LegId } from '../call/leg.ts'
import { drawInteger } from '../testing/random.ts'
import { nothing, type SipNode, SipWorld, type Weather } from '../testing/sip-world.ts'
import { Timer } from '../timer-queue.ts'

/** Whoever looks at the clock in this world. */
class Alarm extends Timer {
  readonly #ring: () => void
  constructor(ring: () => void) {
    super()
    this.#ring = ring
  }
  override wake(): void {
    this.#ring()
  }
}

const calls = 200
const isLast = (event: LegEvent) => event.type === 'failed' || event.type === 'ended' || event.type === 'cancelled'

/**
 * Two nodes call each other, by chance one way or the other; the callee refuses, or rings and answers after a while; the
 * caller may hang up before; in a call either side may make an offer; then either side hangs up.
 */
function evening(weather: Weather & { seed: number }) {
  const world = new SipWorld(weather)
  const nodes = [world.node('a', '192.0.2.1'), world.node('b', '192.0.2.2')] as const
  const { random } = world
  const after = (ms: number, act: () => void) => world.queue.set(new Alarm(act), world.now + ms)
  const counts = { dialled: 0, answered: 0, refused: 0, offers: 0, results: 0 }
  /** Incoming legs whose own refusal was the end. */
  const refused = new Set<LegId>()

  const live = (node: SipNode) => (event: LegEvent) => {
    const { leg } = event
    if (event.type === 'incoming') {
      if (random() < 0.1) {
        refused.add(leg)
        counts.refused += 1
        return node.command({ type: 'reject', leg, status: 486 })
      }
      after(drawInteger(random, 500), () => node.command({ type: 'progress', leg, status: 180, sdp: null }))
      after(1_000 + drawInteger(random, 4_000), () => node.command({ type: 'answer', leg, sdp: 'answer' }))
    }
    if (event.type === 'answered') {
      counts.answered += 1
      after(drawInteger(random, 20_000), () => node.command({ type: 'hangup', leg, reason: null }))
    }
    if (event.type === 'confirmed' && random() < 0.3) {
      after(drawInteger(random, 15_000), () => node.command({ type: 'offer', leg, sdp: 'hold' }))
    }
    if (event.type === 'acked' && random() < 0.3) {
      after(drawInteger(random, 15_000), () => node.command({ type: 'hangup', leg, reason: null }))
    }
    if (event.type === 'offer') {
      counts.offers += 1
      node.command({ type: 'answer_offer', leg, sdp: 'agreed' })
    }
    if (event.type === 'offer_result') counts.results += 1
  }
  for (const node of nodes) node.onEvent = live(node)
  for (let call = 0; call < calls; call += 1) {
    after(call * 100, () => {
      const isOut = random() < 0.5
      const caller = isOut ? nodes[0] : nodes[1]
      const leg = caller.dial(isOut ? 'sip:bob@192.0.2.2' : 'sip:alice@192.0.2.1')
      counts.dialled += 1
      if (random() < 0.2) {
        after(drawInteger(random, 3_000), () => caller.command({ type: 'hangup', leg, reason: null }))
      }
    })
  }
  world.run(20 * 60_000)
  return { world, nodes, counts, refused }
}

/** How each leg of a node ended: the last event of each, and what came after it. */
function endings(node: SipNode) {
  const lasts = new Map<LegId, LegEvent[]>()
  const isConfirmed = new Set<LegId>()
  const seen = new Set<LegId>()
  for (const event of node.events) {
    seen.add(event.leg)
    if (event.type === 'confirmed') isConfirmed.add(event.leg)
    const list = lasts.get(event.leg) ?? []
    if (isLast(event) || list.length > 0) lasts.set(event.leg, [...list, event])
  }
  return { lasts, isConfirmed, seen }
}

function expectCleanEnd({ world, nodes, refused }: ReturnType<typeof evening>): void {
  for (const node of nodes) {
    const { lasts, isConfirmed, seen } = endings(node)
    for (const leg of seen) {
      const last = lasts.get(leg)
      if (refused.has(leg)) expect(last, leg).toBeUndefined()
      else {
        expect(last?.length, leg).toBe(1)
        expect(last?.[0]?.type === 'ended', leg).toBe(isConfirmed.has(leg))
      }
    }
    expect(node.remains).toBe(nothing)
  }
  expect(world.queue.size).toBe(0)
}

describe('200 calls between two nodes', () => {
  it('in calm weather all end as they should', () => {
    const all = evening({ seed: 1 })
    expectCleanEnd(all)
    expect(all.counts.dialled).toBe(calls)
    expect(all.counts.answered + all.counts.refused).toBeGreaterThan(calls * 0.75)
    const timeouts = all.nodes
      .flatMap(({ events }) => events)
      .filter((event) => event.type === 'ended' && event.by !== 'local' && event.by !== 'remote')
    expect(timeouts).toEqual([])
  })
  it.each([
    ['10 % lost', { loss: 0.1, seed: 2 }],
    ['30 % lost', { loss: 0.3, seed: 3 }],
    ['out of order', { delayMs: [1, 900], seed: 4 }],
    ['20 % twice', { duplicates: 0.2, seed: 5 }],
    ['all of it', { loss: 0.3, duplicates: 0.2, delayMs: [1, 900], seed: 6 }],
  ] as const)('%s: each completes or fails cleanly, none hangs', (_name, weather) => {
    const all = evening(weather)
    expectCleanEnd(all)
    expect(all.counts.dialled).toBe(calls)
    // Retransmissions carry calls through a third of loss: most are answered that would be in calm weather.
    expect(all.counts.answered).toBeGreaterThan(calls * 0.6)
    expect(all.counts.results).toBeGreaterThan(0)
  })
  it('a network that breaks down in the middle leaves nothing behind', () => {
    const world = new SipWorld({ seed: 7 })
    const [a, b] = [world.node('a', '192.0.2.1'), world.node('b', '192.0.2.2')]
    b.onEvent = (event) => {
      if (event.type === 'incoming') b.command({ type: 'answer', leg: event.leg, sdp: 'answer' })
    }
    for (let call = 0; call < 50; call += 1) {
      a.dial('sip:b@192.0.2.2')
      world.run(0.4)
      if (call === 40) world.weather = { loss: 1 }
    }
    world.run(1_000)
    for (let call = 1; call <= 50; call += 1) {
      a.command({ type: 'hangup', leg: `leg_a${call}`, reason: null })
      b.command({ type: 'hangup', leg: `leg_b${call}`, reason: null })
    }
    world.run()
    expect([a.remains, b.remains, world.queue.size]).toEqual([nothing, nothing, 0])
    expect(a.events.filter(isLast).length).toBe(50)
    const confirmed = b.events.filter((event) => event.type === 'confirmed').length
    expect(b.events.filter((event) => event.type === 'ended').length).toBe(confirmed)
  })
})
