import { expect, it } from 'vitest'
import { type CallWorld, sdp } from '../testing/call-world.ts'
import { leftovers, nothingLeft, restarted, talking } from '../testing/talking.ts'
import type { RecordAction } from './command.ts'

const record = (world: CallWorld, action: RecordAction) => world.act({ type: 'record', action })
/** Where it was recorded, and in which file. */
const recorded = (world: CallWorld) =>
  world.orders.flatMap((order) => (order.type === 'record' ? [[order.endpoint, order.path, order.sides]] : []))
const rows = (world: CallWorld) => world.recordsOf('recording').map(({ recording }) => recording)
const pathOf = (world: CallWorld) => rows(world).at(-1)?.parts.at(-1)?.path ?? ''

function recording() {
  const parts = talking()
  expect(record(parts.world, 'start')).toBeNull()
  return parts
}

it('both sides at the caller’s leg; stopped by a command, it ends at once', () => {
  const { world, alice, bob, events } = recording()
  const id = rows(world)[0]?.id
  expect(recorded(world)).toEqual([[alice, `/recordings/${id}.1.wav`, 'both']])
  world.advance(5_000)
  expect(record(world, 'stop')).toBeNull()
  expect(world.orders.at(-1)).toEqual({ type: 'record_stop', endpoint: alice })
  expect(events()).toMatchObject([
    { event: 'call.recording_started', about: { recordingId: id }, call: { recording: { id, isPaused: false } } },
    { event: 'call.recording_stopped', about: { recordingId: id, reason: 'stopped' }, call: { recording: null } },
  ])
  expect(events().map(({ correlationId }) => correlationId)).toEqual(world.commandIds)
  expect(rows(world).at(-1)).toMatchObject({ id, ownerId: 'alice', endedAt: world.now, fault: null })
  world.hangsUp(bob)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('pausing and resuming, each once', () => {
  const { world, alice, events } = recording()
  expect(record(world, 'resume')).toMatchObject({ code: 'conflict' })
  expect(record(world, 'pause')).toBeNull()
  expect(world.orders.at(-1)).toEqual({ type: 'record_pause', endpoint: alice, isPaused: true })
  expect(record(world, 'pause')).toMatchObject({ code: 'conflict' })
  expect(record(world, 'resume')).toBeNull()
  expect(events().map(({ event }) => event)).toEqual([
    'call.recording_started',
    'call.recording_paused',
    'call.recording_resumed',
  ])
  expect(events()[1]?.call.recording?.isPaused).toBe(true)
})

it('ends with the call, before it', () => {
  const { world, alice, events } = recording()
  world.hangsUp(alice)
  expect(events().map(({ event }) => event)).toEqual(['call.recording_started', 'call.recording_stopped', 'call.ended'])
  expect(events()[1]?.about?.reason).toBe('call_ended')
  expect(rows(world).at(-1)?.endedAt).toBe(world.now)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('goes on when the recorded one passes the other on: another part, nobody changes channels', () => {
  const { world, alice, bob } = recording()
  world.refers(alice, '1003')
  const carol = world.dialled('carol-phone')
  world.answers(carol)
  expect(recorded(world).map(([leg]) => leg)).toEqual([alice, bob])
  const parts = rows(world).at(-1)?.parts
  expect(parts?.map(({ isSwapped }) => isSwapped)).toEqual([false, true])
  expect(world.orders).toContainEqual({ type: 'record_stop', endpoint: alice })
  world.hangsUp(carol)
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('stays at its leg when the other is replaced, also by a command, and when it waits follows who talk', () => {
  const { world, alice, bob } = recording()
  world.act({ type: 'consult', leg: bob, to: { type: 'user', userId: 'carol' } })
  expect(recorded(world).map(([leg]) => leg)).toEqual([alice, bob])
  world.answers(world.dialled('carol-phone'))
  world.act({ type: 'complete', leg: bob })
  expect(recorded(world).map(([leg]) => leg)).toEqual([alice, bob, alice])
  expect(
    rows(world)
      .at(-1)
      ?.parts.map(({ isSwapped }) => isSwapped),
  ).toEqual([false, true, false])
})

it('a paused one is paused in its next part too', () => {
  const { world, alice, bob } = recording()
  record(world, 'pause')
  world.act({ type: 'park', leg: alice })
  const last = world.orders.findLast(({ type }) => type === 'record_pause')
  expect(last).toEqual({ type: 'record_pause', endpoint: bob, isPaused: true })
})

it('T6: the worker dies: another part; a file that cannot be written ends it, and says so', () => {
  const { world, alice, events } = recording()
  world.advance(10_000)
  const dead = { type: 'recorded', endpoint: alice, path: pathOf(world), durationMs: 0, message: 'it died' } as const
  world.media(dead)
  expect(recorded(world)).toHaveLength(2)
  world.media(dead)
  expect(recorded(world)).toHaveLength(2)
  for (let i = 0; i < 3; i++) world.media({ ...dead, path: pathOf(world), message: 'ENOSPC' })
  expect(recorded(world)).toHaveLength(4)
  expect(events().at(-1)).toMatchObject({ event: 'call.recording_stopped', about: { reason: 'failed' } })
  expect(rows(world).at(-1)).toMatchObject({ fault: 'ENOSPC', endedAt: world.now })
  expect(record(world, 'start')).toBeNull()
})

it('a codec that cannot be recorded is changed first, and does not come back', () => {
  const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
  for (const isTaken of [true, false]) {
    const { world, alice, bob, events } = talking(wide, wide)
    expect(record(world, 'start')).toBeNull()
    expect(recorded(world)).toEqual([])
    const answer = { status: isTaken ? 200 : 488, sdp: isTaken ? sdp() : null } as const
    for (const leg of [alice, bob]) world.leg({ type: 'offer_result', leg, ...answer })
    expect(recorded(world)).toHaveLength(isTaken ? 1 : 0)
    expect(events()).toMatchObject([
      { event: isTaken ? 'call.recording_started' : 'call.command_failed', correlationId: world.commandIds[0] },
    ])
    if (!isTaken) continue
    world.reinvites(bob, wide)
    expect(world.last(bob, 'answer_offer')?.sdp).not.toContain('G722')
  }
})

it('Opus is recorded as it is', () => {
  const opus = sdp({ codecs: ['111 opus', '101 telephone-event'] }).replace('opus/8000', 'opus/48000/2')
  const { world } = talking(opus, opus)
  expect(record(world, 'start')).toBeNull()
  expect(recorded(world)).toHaveLength(1)
  expect(world.commands.filter(({ type }) => type === 'offer')).toEqual([])
})

it('the call ends while phones are asked for another codec', () => {
  const wide = sdp({ codecs: ['9 G722', '8 PCMA'] })
  const { world, bob, events } = talking(wide, wide)
  record(world, 'start')
  world.hangsUp(bob)
  expect(recorded(world)).toEqual([])
  expect(events().map(({ event }) => event)).toEqual(['call.command_failed', 'call.ended'])
  expect(leftovers(world)).toEqual(nothingLeft)
})

it('what does not fit is refused; people record their own calls only', () => {
  const { world } = talking()
  for (const action of ['stop', 'pause', 'resume'] as const) {
    expect(record(world, action)).toMatchObject({ code: 'conflict' })
  }
  const start = { type: 'record', action: 'start' } as const
  expect(world.act(start, { by: { userId: 'carol', isAdmin: false } })).toMatchObject({ code: 'not_found' })
  expect(world.act(start, { by: { userId: 'bob', isAdmin: false } })).toBeNull()
  expect(rows(world).at(-1)?.ownerId).toBe('bob')
  expect(record(world, 'start')).toMatchObject({ code: 'conflict' })
})

it('T5: the next process goes on in another file, whoever else died, and knows that it is paused', () => {
  const { world, alice } = recording()
  record(world, 'pause')
  const next = restarted(world)
  expect(recorded(next)).toEqual([[alice, pathOf(world).replace('.1.wav', '.2.wav'), 'both']])
  expect(recorded(restarted(next))).toEqual([[alice, pathOf(world).replace('.1.wav', '.3.wav'), 'both']])
  expect(next.orders).toContainEqual({ type: 'record_pause', endpoint: alice, isPaused: true })
  expect(record(next, 'resume')).toBeNull()
  next.media({ type: 'recorded', endpoint: alice, path: pathOf(next), durationMs: 0, message: 'it died too' })
  expect(recorded(next)).toHaveLength(2)
  expect(record(next, 'stop')).toBeNull()
  expect(rows(next).at(-1)?.parts).toHaveLength(3)
})
