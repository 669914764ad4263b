/** Alice and Bob in conversation, for tests of what commands make of that; Carol and Dave have phones too. */
import type { LegId } from '../call/leg.ts'
import type { CallRecord } from '../call/records.ts'
import { CallWorld, sdp } from './call-world.ts'

export interface Talking {
  readonly world: CallWorld
  readonly alice: LegId
  readonly bob: LegId
  /** Since they talk. */
  readonly events: () => Extract<CallRecord, { type: 'event' }>[]
}

export function talking(answer: string = sdp({ port: 5000 }), offer: string = sdp()): Talking {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.person('dave', '1004')
  world.prompts.set('music_on_hold', '/music.wav')
  const alice = world.call('alice-phone', '1002', { sdp: offer })
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  world.answers(bob, answer)
  world.acks(alice)
  world.takeLog()
  return { world, alice, bob, events: () => world.recordsOf('event').slice(3) }
}

export const lastSnapshot = (world: CallWorld): string => world.recordsOf('snapshot').at(-1)?.text ?? ''

/** The next process, which goes on from what this one wrote. */
export function restarted(world: CallWorld, hasDialog: (leg: LegId) => boolean = () => true): CallWorld {
  const next = CallWorld.withAliceAndBob('b')
  next.person('carol', '1003')
  next.person('dave', '1004')
  next.prompts.set('music_on_hold', '/music.wav')
  next.now = world.now + 20_000
  const text = lastSnapshot(world)
  next.restore(text, hasDialog)
  next.records.push(...world.recordsOf('event'))
  return next
}

/** What a call leaves when it is over: nothing. */
export function leftovers(world: CallWorld): Record<string, unknown> {
  const opened = world.orders.filter(({ type }) => type === 'open').length
  const closed = world.orders.filter(({ type }) => type === 'close').length
  return {
    calls: world.calls.size,
    timers: world.timers.size,
    phones: ['alice', 'bob', 'carol', 'dave'].filter((name) => world.calls.isInUse(`${name}-phone`)),
    endpoints: opened - closed,
    ends: world.events.filter((event) => event === 'call.ended').length,
    records: world.recordsOf('cdr').length,
  }
}

export const nothingLeft = { calls: 0, timers: 0, phones: [], endpoints: 0, ends: 1, records: 1 }
