import { describe, expect, it } from 'vitest'
import { calls, endings, evening, isLast } from '../testing/sip-evening.ts'
import { nothing, SipWorld } from '../testing/sip-world.ts'

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
  it('a tenth of all datagrams spoiled: nothing throws, and nothing is left behind', () => {
    const { world, nodes } = evening({ spoiled: 0.1, seed: 8 })
    // What was spoiled may look like another call, which nobody ends but the session timer or this.
    for (let round = 0; round < 3; round += 1) {
      for (const node of nodes) {
        for (const { leg } of [...node.events]) node.command({ type: 'hangup', leg, reason: null })
      }
      world.run(5 * 60_000)
    }
    expect(nodes.map((node) => node.remains)).toEqual([nothing, nothing])
    expect(world.queue.size).toBe(0)
    for (const node of nodes) for (const last of endings(node).lasts.values()) expect(last.length).toBe(1)
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
