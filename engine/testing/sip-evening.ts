/** An evening of calls between two nodes in any weather, and how each leg of it ended. */
import type { LegEvent, LegId } from '../call/leg.ts'
import { Timer } from '../timer-queue.ts'
import { drawInteger } from './random.ts'
import { type SipNode, SipWorld, type Weather } from './sip-world.ts'

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

export const calls = 200
export const isLast = (event: LegEvent) =>
  event.type === 'failed' || event.type === 'ended' || event.type === 'cancelled'

/**
 * Two nodes call each other, by chance one way or the other; the callee refuses, or rings and answers after a while; the
 * caller may hang up before; in a call either side may make an offer; then either side hangs up.
 */
export function evening(weather: Weather & { seed: number }) {
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
      // Nobody lets it ring for ever; a 2xx may be lost as often as it is repeated.
      after(90_000, () => caller.command({ type: 'hangup', leg, reason: null }))
      if (random() < 0.2) {
        after(drawInteger(random, 3_000), () => caller.command({ type: 'hangup', leg, reason: null }))
      }
    })
  }
  // Where every BYE is lost, the session timer ends the call.
  world.run(60 * 60_000)
  return { world, nodes, counts, refused }
}

/** How each leg of a node ended: the last event of each, and what came after it. */
export function endings(node: SipNode) {
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
