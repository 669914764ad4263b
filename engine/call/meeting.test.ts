import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { anAccount } from '../testing/directory.ts'
import type { LegId } from './leg.ts'

const meeting = {
  meetingId: '5e94578578a5e3001f2b8e31',
  participantId: 'par_0123456789abcdef01234567',
  number: '1234567812345678',
  topic: 'Weekly',
  worker: 1,
} as const

function talking(parts: { readonly isEmergency?: boolean } = {}) {
  const world = CallWorld.withAliceAndBob()
  if (parts.isEmergency) world.directory.account = anAccount()
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.answers(bob)
  world.acks(alice)
  world.takeLog()
  return { world, alice, bob }
}

const move = (world: CallWorld, leg: LegId | null) => world.act({ type: 'to_meeting', leg, meeting })
const phones = (world: CallWorld) => world.calls.meetingPhones()
const ofMedia = (world: CallWorld) => world.log.filter((line) => line.startsWith('media'))

describe('M8: a call that goes on in a meeting', () => {
  it('the other side takes part, this one leaves, and the event carries the command', () => {
    const { world, alice, bob } = talking()
    expect(move(world, alice)).toBeNull()
    expect(ofMedia(world)).toContain(`media meeting ${bob}`)
    expect(world.orders.findLast(({ type }) => type === 'meeting')).toEqual({
      type: 'meeting',
      endpoint: bob,
      peer: `${meeting.participantId}.phone`,
      worker: 1,
    })
    expect(world.last(alice, 'hangup')).toBeDefined()
    expect(world.last(bob, 'hangup')).toBeUndefined()
    expect(world.caused.at(-1)).toEqual(['call.joined_meeting', world.commandIds.at(-1)])
    expect(world.recordsOf('event').at(-1)?.call).toMatchObject({
      legs: [{ id: bob, status: 'answered' }],
      meetingId: meeting.meetingId,
    })
    expect(world.recordsOf('event').at(-1)?.about).toEqual({
      meeting: { meetingId: meeting.meetingId, participantId: meeting.participantId },
    })
    expect(phones(world)).toEqual([
      {
        meetingId: meeting.meetingId,
        participantId: meeting.participantId,
        callId: world.recordsOf('event')[0]?.call.id,
        leg: bob,
        number: '1002',
        name: 'bob',
        command: world.commandIds.at(-1),
      },
    ])
    world.hangsUp(bob)
    expect(phones(world)).toEqual([])
    expect(world.events.at(-1)).toBe('call.ended')
    expect(world.timers.size).toBe(0)
  })

  it('nobody is told of it before its event is durable', () => {
    const { world, alice } = talking()
    world.phonesTold = 0
    world.isWriterStuck = true
    move(world, alice)
    expect(world.phonesTold).toBe(0)
    world.isWriterStuck = false
    world.flush()
    expect(world.phonesTold).toBe(1)
  })

  it('removed, or the meeting ends: it is hung up', () => {
    const { world, alice, bob } = talking()
    move(world, alice)
    world.dropPhone('par_of_another')
    expect(phones(world)).toHaveLength(1)
    world.dropPhone(meeting.participantId)
    expect(world.last(bob, 'hangup')).toBeDefined()
    expect(world.cdr).toMatchObject({ endedBy: 'system', hangupCause: 'ANSWERED' })
  })

  it('who was on hold by a command is let talk there', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    expect(world.last(bob, 'offer')?.sdp).toContain('a=sendonly')
    world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: sdp({ direction: 'recvonly' }) })
    move(world, alice)
    expect(world.last(bob, 'offer')?.sdp).toContain('a=sendrecv')
  })

  it('who held somebody by a command, and is handed on itself, holds nobody there', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: sdp({ direction: 'recvonly' }) })
    move(world, bob)
    expect(world.recordsOf('event').at(-1)?.call.legs[0]).toMatchObject({ id: alice, isHolding: false })
  })

  it('its phone may put it on hold and come back', () => {
    const { world, alice, bob } = talking()
    move(world, alice)
    world.leg({ type: 'offer', leg: bob, sdp: sdp({ direction: 'sendonly' }) })
    expect(world.orders.findLast(({ type }) => type === 'remote')).toMatchObject({
      endpoint: bob,
      remote: { direction: 'recvonly' },
    })
    expect(phones(world)).toHaveLength(1)
    world.leg({ type: 'offer', leg: bob, sdp: sdp({}) })
    expect(world.orders.findLast(({ type }) => type === 'remote')).toMatchObject({ remote: { direction: 'sendrecv' } })
  })

  it('refused: twice, without one other, of somebody else', () => {
    const { world, alice } = talking()
    const asCarol = { userId: 'carol', isAdmin: false }
    expect(world.act({ type: 'to_meeting', leg: null, meeting }, { by: asCarol })).toMatchObject({ code: 'not_found' })
    expect(move(world, null)).toMatchObject({ code: 'invalid_request', field: 'leg_id' })
    const over = { refusal: 'the meeting is over' }
    expect(world.act({ type: 'to_meeting', leg: alice, meeting: over })).toEqual({
      code: 'invalid_request',
      field: 'meeting_id',
      message: 'the meeting is over',
    })
    expect(move(world, alice)).toBeNull()
    expect(move(world, null)).toMatchObject({ code: 'conflict' })
    const ringing = CallWorld.withAliceAndBob()
    const caller = ringing.call('alice-phone', '1002')
    expect(ringing.act({ type: 'to_meeting', leg: caller, meeting })).toMatchObject({ code: 'conflict' })
  })

  it('T5: the next process goes on with it', () => {
    const { world, alice, bob } = talking()
    move(world, alice)
    const next = CallWorld.withAliceAndBob('b')
    next.restore(world.recordsOf('snapshot').at(-1)?.text ?? '', () => true)
    expect(phones(next)).toMatchObject([{ participantId: meeting.participantId, leg: bob }])
    expect(ofMedia(next)).toContain(`media meeting ${bob}`)
    next.hangsUp(bob)
    expect(next.events).toEqual(['call.ended'])
  })

  it('T5: its phone hung up while nobody was there', () => {
    const { world, alice } = talking()
    move(world, alice)
    const next = CallWorld.withAliceAndBob('b')
    next.restore(world.recordsOf('snapshot').at(-1)?.text ?? '', () => false)
    expect(phones(next)).toEqual([])
    expect(next.events).toEqual(['call.ended'])
  })

  it('click-to-call into a meeting: the phone that takes it is there', () => {
    const world = CallWorld.withAliceAndBob()
    expect(world.originate({ to: { type: 'meeting', meeting } })).toBeNull()
    const id = world.commandIds.at(-1)
    const alice = world.dialled('alice-phone')
    expect(world.dials[0]).toMatchObject({ from: { number: meeting.number, name: 'Weekly' } })
    world.answers(alice)
    expect(world.caused).toEqual([
      ['call.started', id],
      ['call.answered', id],
      ['call.joined_meeting', id],
    ])
    expect(phones(world)).toMatchObject([{ leg: alice, number: '1001', command: id }])
    expect(ofMedia(world)).toContain(`media meeting ${alice}`)
    world.advance(3_000)
    world.hangsUp(alice)
    expect(world.cdr).toMatchObject({ direction: 'internal', hangupCause: 'ANSWERED', durationSeconds: 3 })
  })
})
