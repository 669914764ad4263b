import { describe, expect, it } from 'vitest'
import { sdp } from '../testing/call-world.ts'
import { anAccount, aTrunk } from '../testing/directory.ts'
import { leftovers, nothingLeft, type Talking, talking as plain } from '../testing/talking.ts'
import type { CommandTarget } from './command.ts'

const rescue: CommandTarget = { type: 'number', number: '112' }

function talking(...parts: Parameters<typeof plain>): Talking {
  const talk = plain(...parts)
  talk.world.directory.put('trunk', aTrunk('carrier'))
  return talk
}

const supervise = ({ world }: Talking, isAnswered = true) => {
  const by = { type: 'user', userId: 'dave' } as const
  expect(world.act({ type: 'monitor', mode: 'monitor', by, leg: null, isAutoAnswer: false })).toBeNull()
  const dave = world.dialled('dave-phone')
  if (isAnswered) world.answers(dave)
  return dave
}

/** The emergency number, which has not answered yet. */
function dial({ world, alice }: Talking, verb: 'consult' | 'transfer') {
  expect(world.act({ type: verb, leg: alice, to: rescue })).toBeNull()
  return world.dialled()
}

describe.each(['consult', 'transfer'] as const)('an emergency number is called within a call: %s', (verb) => {
  it('a recording stops, and none begins', () => {
    const parts = talking()
    const { world, bob, events } = parts
    world.act({ type: 'record', action: 'start' })
    const centre = dial(parts, verb)
    const stopped = events().filter(({ event }) => event === 'call.recording_stopped')
    expect(stopped).toMatchObject([{ about: { reason: 'stopped' }, call: { recording: null } }])
    const files = world.orders.filter(({ type }) => type === 'record')
    expect(world.orders.filter(({ type }) => type === 'record_stop')).toHaveLength(files.length)
    world.answers(centre)
    expect(world.act({ type: 'record', action: 'start' })).toMatchObject({ code: 'not_allowed' })
    expect(world.orders.filter(({ type }) => type === 'record')).toEqual(files)
    world.hangsUp(bob)
  })

  it('who listens is let go, and nobody comes', () => {
    const parts = talking()
    const { world } = parts
    const dave = supervise(parts)
    const centre = dial(parts, verb)
    expect(world.last(dave, 'hangup')).toBeDefined()
    expect(world.events.filter((event) => event === 'call.monitor_stopped')).toHaveLength(1)
    world.answers(centre)
    const by = { type: 'user', userId: 'dave' } as const
    const again = world.act({ type: 'monitor', mode: 'monitor', by, leg: null, isAutoAnswer: false })
    expect(again).toMatchObject({ code: 'not_allowed' })
    world.hangsUp(centre)
    world.hangsUp(parts.bob)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('who is called to listen is left', () => {
    const parts = talking()
    const { world } = parts
    const dave = supervise(parts, false)
    const [command] = world.commandIds
    dial(parts, verb)
    expect(world.last(dave, 'hangup')).toBeDefined()
    expect(world.caused).toContainEqual(['call.command_failed', command])
    world.hangsUp(parts.bob)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('it lasts longer than calls may', () => {
    const parts = plain()
    const { world, alice, bob } = parts
    world.directory.put('trunk', aTrunk('carrier'))
    world.directory.account = anAccount({ limits: { ...anAccount().limits, maxCallSeconds: 60 } })
    world.hangsUp(alice)
    const caller = world.call('alice-phone', '1002')
    const callee = world.dialled('bob-phone')
    expect(callee).not.toBe(bob)
    world.answers(callee)
    world.acks(caller)
    expect(world.act({ type: verb, leg: caller, to: rescue }, { leg: caller })).toBeNull()
    const centre = world.dialled()
    world.answers(centre)
    world.advance(120_000)
    expect(world.last(centre, 'hangup')).toBeUndefined()
    expect(world.calls.size).toBe(1)
    world.hangsUp(centre)
    world.advance(1_000)
    // After the consultation it is a call like any other, and too long.
    expect(world.calls.size).toBe(0)
  })
})

it('a phone joins the emergency number that it called besides to a call that is recorded: the recording stops', () => {
  const parts = talking()
  const { world, alice, events } = parts
  world.act({ type: 'record', action: 'start' })
  const besides = world.call('alice-phone', '112')
  world.answers(world.dialled())
  world.acks(besides)
  world.dialogs.set('of alice', alice)
  world.refers(besides, '1002', { callId: 'of alice', toTag: 'a', fromTag: 'b', isEarlyOnly: false })
  expect(world.last(besides, 'refer_answer')?.status).toBe(202)
  expect(events().map(({ event }) => event)).toContain('call.recording_stopped')
  expect(world.act({ type: 'record', action: 'start' })).toMatchObject({ code: 'not_allowed' })
})

it('a recording that waits for another codec does not begin', () => {
  const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
  const parts = talking(wide, wide)
  const { world, alice, bob } = parts
  world.act({ type: 'record', action: 'start' })
  const [command] = world.commandIds
  dial(parts, 'consult')
  for (const leg of [alice, bob]) world.leg({ type: 'offer_result', leg, status: 200, sdp: sdp() })
  expect(world.caused).toContainEqual(['call.command_failed', command])
  expect(world.orders.some(({ type }) => type === 'record')).toBe(false)
})

it('who talks to the emergency number stays where it is', () => {
  const parts = talking()
  const { world } = parts
  const centre = dial(parts, 'transfer')
  world.answers(centre)
  const meeting = { meetingId: 'm', participantId: 'par_1', number: '1', topic: '', worker: 1 }
  expect(world.act({ type: 'to_meeting', leg: parts.bob, meeting })).toMatchObject({ code: 'not_allowed' })
})
