import { describe, expect, it } from 'vitest'
import { type CallWorld, sdp } from '../testing/call-world.ts'
import { leftovers, nothingLeft, type Talking, talking } from '../testing/talking.ts'
import type { LegId } from './leg.ts'

type Name = 'alice' | 'bob' | 'carol'

const own = (userId: string) => ({ by: { userId, isAdmin: false } })

/** Alice consults Carol, who has answered. */
function consulting() {
  const parts = talking()
  const { world, alice } = parts
  expect(world.act({ type: 'consult', leg: alice, to: { type: 'user', userId: 'carol' } })).toBeNull()
  const carol = world.dialled('carol-phone')
  world.answers(carol)
  return { ...parts, carol }
}

function merged() {
  const parts = consulting()
  expect(parts.world.act({ type: 'merge', leg: parts.alice })).toBeNull()
  return parts
}

function supervised() {
  const parts = talking()
  const { world } = parts
  const by = { type: 'user', userId: 'carol' } as const
  expect(world.act({ type: 'monitor', mode: 'barge', by, leg: null, isAutoAnswer: false })).toBeNull()
  const carol = world.dialled('carol-phone')
  world.answers(carol)
  return { ...parts, carol }
}

/** By a command, since nothing is heard of it, or since its port could not be bound again after its worker died. */
const ways = {
  hangup: (world: CallWorld, leg: LegId) => expect(world.act({ type: 'hangup', leg })).toBeNull(),
  timeout: (world: CallWorld, leg: LegId) => world.media({ type: 'timeout', endpoint: leg }),
  portLost: (world: CallWorld, leg: LegId) => world.media({ type: 'open_failed', endpoint: leg, message: 'in use' }),
}

function expectTwoGoOn({ world }: Pick<Talking, 'world'>, gone: LegId, [first, second]: readonly [LegId, LegId]): void {
  expect(world.last(gone, 'hangup')).toBeDefined()
  expect(world.events).not.toContain('call.ended')
  expect(world.log).toContain(`media bridge ${first} ${second}`)
  world.hangsUp(first)
  expect(world.last(second, 'hangup')).toBeDefined()
  expect(leftovers(world)).toEqual(nothingLeft)
}

describe.each(['hangup', 'timeout', 'portLost'] as const)('one of more than two leaves: %s', (way) => {
  const cause = ({ world }: Talking) => (way === 'hangup' ? { correlationId: world.commandIds.at(-1) } : {})

  it.each([
    ['alice', ['bob', 'carol'], 'call.transferred'],
    ['bob', ['alice', 'carol'], 'call.consultation_ended'],
    ['carol', ['alice', 'bob'], 'call.consultation_ended'],
  ] as const)('%s of a consultation', (name: Name, [first, second], event) => {
    const parts = consulting()
    const { world, events } = parts
    world.takeLog()
    ways[way](world, parts[name])
    expect(events().at(-1)).toMatchObject({ event, ...cause(parts) })
    expectTwoGoOn(parts, parts[name], [parts[first], parts[second]])
  })

  it.each([
    ['alice', ['bob', 'carol']],
    ['bob', ['alice', 'carol']],
    ['carol', ['alice', 'bob']],
  ] as const)('%s of three', (name: Name, [first, second]) => {
    const parts = merged()
    const { world, events } = parts
    world.takeLog()
    ways[way](world, parts[name])
    expect(events().at(-1)).toMatchObject({ event: 'call.unmerged', leg: parts[name], ...cause(parts) })
    expectTwoGoOn(parts, parts[name], [parts[first], parts[second]])
  })

  it('a supervisor', () => {
    const parts = supervised()
    const { world, alice, bob, carol, events } = parts
    world.takeLog()
    ways[way](world, carol)
    expect(events().at(-1)).toMatchObject({ event: 'call.monitor_stopped', leg: carol, ...cause(parts) })
    expectTwoGoOn(parts, carol, [alice, bob])
  })

  it('one of two that are supervised ends the call', () => {
    const { world, alice } = supervised()
    ways[way](world, alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  })
})

describe.each(['hangup', 'reject'] as const)('%s where a phone only rings', (type) => {
  it('for a consultation: it rings no more, and the two of before talk', () => {
    const { world, alice, bob, events } = talking()
    world.act({ type: 'consult', leg: alice, to: { type: 'user', userId: 'carol' } })
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    world.takeLog()
    expect(world.act({ type, leg: null }, own('carol'))).toBeNull()
    expect(events().slice(-2)).toMatchObject([
      { event: 'call.rejected', leg: carol, correlationId: world.commandIds.at(-1) },
      { event: 'call.consultation_ended', about: { reason: 'busy' }, correlationId: world.commandIds[0] },
    ])
    expectTwoGoOn({ world }, carol, [alice, bob])
  })

  it('for a supervision: the call goes on', () => {
    const { world, bob, events } = talking()
    const by = { type: 'user', userId: 'carol' } as const
    world.act({ type: 'monitor', mode: 'monitor', by, leg: null, isAutoAnswer: false })
    const carol = world.dialled('carol-phone')
    expect(world.act({ type, leg: carol })).toBeNull()
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(events().map(({ event }) => event)).toEqual(['call.rejected', 'call.command_failed'])
    world.hangsUp(bob)
    expect(leftovers(world)).toEqual(nothingLeft)
  })
})

it.each(['alice', 'bob'] as const)(
  '%s is passed on before the hold is answered: it comes to nothing, and bob may talk',
  (who) => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    const [command] = world.commandIds
    const other = who === 'alice' ? bob : alice
    world.act({ type: 'transfer', leg: who === 'alice' ? alice : bob, to: { type: 'user', userId: 'carol' } })
    expect(world.caused).toContainEqual(['call.command_failed', command])
    world.answers(world.dialled('carol-phone'))
    if (who === 'alice') expect(world.last(bob, 'offer')?.sdp).toContain('a=sendrecv')
    world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: sdp({ direction: 'recvonly' }) })
    expect(world.act({ type: 'hold', leg: other })).toBeNull()
    world.hangsUp(other)
    expect(leftovers(world)).toEqual(nothingLeft)
  },
)

it('who was being put on hold goes on with the third when its holder hangs up, and may talk', () => {
  const { world, alice, bob } = talking()
  world.act({ type: 'hold', leg: alice })
  world.act({ type: 'consult', leg: alice, to: { type: 'user', userId: 'carol' } })
  world.answers(world.dialled('carol-phone'))
  world.hangsUp(alice)
  expect(world.last(bob, 'offer')?.sdp).toContain('a=sendrecv')
  world.hangsUp(bob)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('whoever asked by REFER for a transfer hangs up: who is handed on rings on', () => {
  const { world, alice, bob, events } = talking()
  world.refers(alice, '1003')
  const carol = world.dialled('carol-phone')
  expect(world.act({ type: 'hangup', leg: alice })).toBeNull()
  expect(world.last(alice, 'hangup')).toBeDefined()
  world.answers(carol)
  expect(events().at(-1)).toMatchObject({ event: 'call.transferred', correlationId: world.commandIds.at(-1) })
  world.hangsUp(bob)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('whoever consults and hangs up before the third has answered ends the call, as by its phone', () => {
  const { world, alice } = talking()
  world.act({ type: 'consult', leg: alice, to: { type: 'user', userId: 'carol' } })
  expect(world.act({ type: 'hangup', leg: alice })).toBeNull()
  expect(leftovers(world)).toEqual(nothingLeft)
})
