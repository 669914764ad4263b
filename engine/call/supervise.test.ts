import { expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aTrunk } from '../testing/directory.ts'
import { leftovers, nothingLeft, restarted, type Talking, talking } from '../testing/talking.ts'
import type { SupervisionMode } from './command.ts'
import type { LegId } from './leg.ts'

function supervise({ world }: Pick<Talking, 'world'>, mode: SupervisionMode, leg: LegId | null = null, by = {}) {
  return world.act({ type: 'monitor', mode, by: { type: 'user', userId: 'carol' }, leg, isAutoAnswer: true }, { by })
}

function supervised(mode: SupervisionMode, leg: 'alice' | 'bob' | null = null) {
  const parts = talking()
  expect(supervise(parts, mode, leg && parts[leg])).toBeNull()
  const carol = parts.world.dialled('carol-phone')
  parts.world.answers(carol)
  return { ...parts, carol }
}

const hears = (world: CallWorld) => {
  const order = world.orders.findLast(({ type }) => type === 'mix')
  return order?.type === 'mix' ? order.hears : null
}

it('monitor: hears both and is heard by none', () => {
  const { world, alice, bob, carol, events } = supervised('monitor')
  expect(hears(world)).toEqual({ [alice]: [bob], [bob]: [alice], [carol]: [alice, bob] })
  expect(world.dials.at(-1)?.headers.map(([name]) => name)).toContain('Alert-Info')
  expect(events()).toMatchObject([
    {
      event: 'call.monitor_started',
      leg: carol,
      about: { mode: 'monitor', party: { userId: 'carol' } },
      correlationId: world.commandIds[0],
      call: { supervisors: [{ leg: carol, mode: 'monitor' }], callee: { userId: 'bob' } },
    },
  ])
})

it('whisper reaches one side, barge both', () => {
  const whispered = supervised('whisper', 'bob')
  const { world, alice, bob, carol } = whispered
  expect(hears(world)).toEqual({ [alice]: [bob], [bob]: [alice, carol], [carol]: [alice, bob] })
  expect(supervise(whispered, 'barge')).toBeNull()
  expect(hears(world)).toEqual({ [alice]: [bob, carol], [bob]: [alice, carol], [carol]: [alice, bob] })
  expect(world.dials.filter(({ to }) => to.uri.includes('carol'))).toHaveLength(1)
  expect(whispered.events().at(-1)).toMatchObject({
    event: 'call.monitor_changed',
    about: { mode: 'barge' },
    correlationId: world.commandIds[1],
  })
})

it('the phone that listens is named by itself or by whose it is, however it was called', () => {
  for (const [first, again] of [
    [
      { type: 'user', userId: 'carol' },
      { type: 'device', deviceId: 'carol-phone' },
    ],
    [
      { type: 'device', deviceId: 'carol-phone' },
      { type: 'user', userId: 'carol' },
    ],
  ] as const) {
    const { world, events } = talking()
    const action = { type: 'monitor', leg: null, isAutoAnswer: false } as const
    expect(world.act({ ...action, mode: 'monitor', by: first })).toBeNull()
    expect(world.act({ ...action, mode: 'barge', by: again })).toMatchObject({ code: 'conflict' })
    world.answers(world.dialled('carol-phone'))
    expect(world.act({ ...action, mode: 'barge', by: again })).toBeNull()
    expect(events().at(-1)).toMatchObject({ event: 'call.monitor_changed', about: { mode: 'barge' } })
    expect(world.dials.filter(({ to }) => to.uri.includes('carol'))).toHaveLength(1)
  }
})

it('its leaving ends nothing: the two are bridged again', () => {
  const { world, alice, bob, carol, events } = supervised('barge')
  world.takeLog()
  world.hangsUp(carol)
  expect(hears(world)).toEqual({})
  expect(world.log).toContain(`media bridge ${alice} ${bob}`)
  expect(events().at(-1)).toMatchObject({ event: 'call.monitor_stopped', leg: carol, call: { supervisors: [] } })
  world.hangsUp(bob)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('with the call it is hung up', () => {
  const { world, alice, carol } = supervised('monitor')
  world.hangsUp(alice)
  expect(world.last(carol, 'hangup')).toBeDefined()
  expect(hears(world)).toEqual({})
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('a phone that does not answer, or is late: command_failed, and the call is as it was', () => {
  for (const isLate of [true, false]) {
    const parts = talking()
    const { world, bob, events } = parts
    supervise(parts, 'monitor')
    const carol = world.dialled('carol-phone')
    expect(supervise(parts, 'barge')).toMatchObject({ code: 'conflict' })
    if (isLate) world.advance(30_000)
    else world.fails(carol, 486)
    expect(events()).toMatchObject([{ event: 'call.command_failed', correlationId: world.commandIds[0] }])
    expect(hears(world)).toBeNull()
    world.hangsUp(bob)
    expect(leftovers(world)).toEqual(nothingLeft)
  }
})

it('the call ends while its phone rings', () => {
  const parts = talking()
  const { world, alice, events } = parts
  supervise(parts, 'monitor')
  world.hangsUp(alice)
  expect(world.last(world.dialled('carol-phone'), 'hangup')).toBeDefined()
  expect(events().map(({ event }) => event)).toEqual(['call.command_failed', 'call.ended'])
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('a codec that cannot be mixed is changed first; where a phone refuses, the supervisor is let go', () => {
  const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
  for (const isTaken of [true, false]) {
    const parts = talking(wide, wide)
    const { world, alice, bob, events } = parts
    supervise(parts, 'monitor')
    const carol = world.dialled('carol-phone')
    expect(world.last(carol, 'dial')?.sdp).not.toContain('G722')
    world.answers(carol)
    expect(hears(world)).toBeNull()
    const answer = { status: isTaken ? 200 : 488, sdp: isTaken ? sdp() : null } as const
    for (const leg of [alice, bob]) world.leg({ type: 'offer_result', leg, ...answer })
    expect(hears(world) !== null).toBe(isTaken)
    expect(world.last(carol, 'hangup') === undefined).toBe(isTaken)
    expect(events().at(-1)?.event).toBe(isTaken ? 'call.monitor_started' : 'call.command_failed')
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  }
})

it.each(['hangs up', 'is hung up'])(
  'the supervisor %s before the others have changed their codec: it never began',
  (how) => {
    const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
    const parts = talking(wide, wide)
    const { world, alice, bob, events } = parts
    supervise(parts, 'monitor')
    const [command] = world.commandIds
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    if (how === 'hangs up') world.hangsUp(carol)
    else expect(world.act({ type: 'hangup', leg: carol })).toBeNull()
    expect(events().map(({ event, correlationId }) => [event, correlationId])).toContainEqual([
      'call.command_failed',
      command,
    ])
    for (const leg of [alice, bob]) world.leg({ type: 'offer_result', leg, status: 200, sdp: sdp() })
    if (how === 'is hung up') expect(world.caused).toContainEqual(['call.rejected', world.commandIds[1]])
    expect(world.events).not.toContain('call.monitor_started')
    expect(world.events).not.toContain('call.monitor_stopped')
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  },
)

it('one of the two is passed on before it has changed its codec: it is not waited for', () => {
  const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
  const parts = talking(wide, wide)
  const { world, alice, bob } = parts
  supervise(parts, 'monitor')
  const [command] = world.commandIds
  world.answers(world.dialled('carol-phone'))
  world.act({ type: 'transfer', leg: alice, to: { type: 'user', userId: 'dave' } })
  world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: sdp() })
  expect(world.caused).toContainEqual(['call.monitor_started', command])
  world.hangsUp(bob)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('goes on with the call that is passed on, and listens to a consultation', () => {
  const { world, alice, bob, carol } = supervised('monitor')
  world.act({ type: 'consult', leg: bob, to: { type: 'user', userId: 'dave' } })
  const dave = world.dialled('dave-phone')
  world.answers(dave)
  expect(hears(world)).toEqual({ [bob]: [dave], [dave]: [bob], [carol]: [bob, dave] })
  world.act({ type: 'complete', leg: bob })
  expect(hears(world)).toEqual({ [alice]: [dave], [dave]: [alice], [carol]: [alice, dave] })
  world.hangsUp(alice)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('digits pass by no relay: they are made anew', () => {
  const { world, alice, bob } = supervised('monitor')
  world.press(alice, '5')
  expect(world.orders.at(-1)).toMatchObject({ type: 'dtmf', endpoint: bob, digit: '5' })
})

it('people without the right, emergency calls and calls that only ring are refused', () => {
  const parts = talking()
  expect(supervise(parts, 'monitor', null, { userId: 'carol', isAdmin: false })).toMatchObject({ code: 'not_allowed' })
  expect(supervise(parts, 'whisper')).toMatchObject({ code: 'invalid_request', field: 'leg_id' })
  expect(parts.world.dials).toHaveLength(1)

  const rescue = CallWorld.withAliceAndBob()
  rescue.person('carol', '1003')
  rescue.directory.put('trunk', aTrunk('carrier'))
  rescue.call('alice-phone', '112')
  rescue.answers(rescue.dialled())
  expect(supervise({ world: rescue }, 'monitor')).toMatchObject({ code: 'not_allowed' })
  expect(rescue.act({ type: 'record', action: 'start' })).toMatchObject({ code: 'not_allowed' })

  const ringing = CallWorld.withAliceAndBob()
  ringing.person('carol', '1003')
  ringing.call('alice-phone', '1002')
  expect(supervise({ world: ringing }, 'monitor')).toMatchObject({ code: 'conflict' })
})

it('T5: goes on over a restart', () => {
  const { world, alice, bob, carol } = supervised('whisper', 'alice')
  const next = restarted(world)
  expect(hears(next)).toEqual({ [alice]: [bob, carol], [bob]: [alice], [carol]: [alice, bob] })
  next.hangsUp(carol)
  expect(next.log).toContain(`media bridge ${alice} ${bob}`)
})
