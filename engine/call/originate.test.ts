import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aDevice, aForward, anAccount, aPhoneNumber, aTrunk, aUser } from '../testing/directory.ts'

function world() {
  const made = CallWorld.withAliceAndBob()
  made.directory.put('trunk', aTrunk('carrier'))
  return made
}
const commandOf = (made: CallWorld) => made.commandIds.at(-1) ?? ''
const headersOf = (made: CallWorld) => new Map(made.dials.at(-1)?.headers)
/** The caller's phone has taken it. */
function taken(parts: Parameters<CallWorld['originate']>[0] = {}) {
  const made = world()
  expect(made.originate(parts)).toBeNull()
  const alice = made.dialled('alice-phone')
  made.answers(alice)
  return { world: made, alice }
}

describe('click-to-call', () => {
  it('the caller’s phone rings, then the called one; they talk; every event is the command’s', () => {
    const made = world()
    expect(made.originate({})).toBeNull()
    const id = commandOf(made)
    expect(made.events).toEqual(['call.started'])
    expect(made.dials).toHaveLength(1)
    expect(made.dials[0]).toMatchObject({ from: { number: '1002' }, sdp: expect.stringContaining('m=audio') })
    expect(headersOf(made).has('Call-Info')).toBe(false)
    const alice = made.dialled('alice-phone')
    made.rings(alice)
    expect(made.events).toEqual(['call.started'])
    made.answers(alice)
    const bob = made.dialled('bob-phone')
    expect(made.dials.at(-1)).toMatchObject({ from: { number: '1001', name: 'alice' } })
    made.rings(bob)
    expect(made.log).toContain(`media play ${alice} ringback`)
    made.answers(bob)
    expect(made.log).toContain(`media bridge ${alice} ${bob}`)
    expect(made.last(alice, 'identity')).toMatchObject({ identity: { number: '1002' } })
    made.advance(10_000)
    made.hangsUp(bob)
    expect(made.caused).toEqual([
      ['call.started', id],
      ['call.ringing', id],
      ['call.answered', id],
      ['call.ended', id],
    ])
    expect(made.cdr).toMatchObject({
      direction: 'internal',
      callerLeg: alice,
      caller: { userId: 'alice', deviceId: 'alice-phone', number: '1001' },
      callee: { userId: 'bob' },
      calledNumber: '1002',
      hangupCause: 'ANSWERED',
      endedBy: 'callee',
      billingSeconds: 10,
    })
    expect(made.recordsOf('leg').map(({ leg }) => leg.role)).toEqual(expect.arrayContaining(['caller', 'callee']))
    expect(made.timers.size).toBe(0)
  })

  it('a command in between has its own id', () => {
    const { world: made, alice } = taken()
    const placed = commandOf(made)
    made.answers(made.dialled('bob-phone'))
    made.act({ type: 'mute', leg: alice }, { leg: alice })
    const muted = commandOf(made)
    made.hangsUp(alice)
    expect(made.caused.slice(-2)).toEqual([
      ['call.muted', muted],
      ['call.ended', placed],
    ])
  })

  it('auto-answer: one phone is asked to answer by itself, the called one is not', () => {
    const made = world()
    made.bindings.set('alice-phone', 2)
    made.originate({ isAutoAnswer: true })
    expect(made.dials).toHaveLength(1)
    expect(headersOf(made).get('Call-Info')).toContain('answer-after=0')
    expect(headersOf(made).get('Alert-Info')).toContain('info=alert-autoanswer')
    made.answers(made.dialled('alice-phone'))
    expect(headersOf(made).has('Call-Info')).toBe(false)
  })

  it('of a user all phones ring, or the one that is set for it', () => {
    const made = world()
    made.directory.put('device', aDevice('alice-mobile', 'alice'))
    made.originate({})
    expect(made.dials).toHaveLength(2)
    made.answers(made.dialled('alice-mobile'))
    expect(made.last(made.dials[0]?.leg ?? '', 'hangup')).toMatchObject({ reason: { cause: 200 } })
    made.directory.put('user', aUser('alice', { quickcallDeviceId: 'alice-phone' }))
    made.originate({})
    expect(made.dials.slice(3)).toHaveLength(1)
  })

  it('rings the own phone, whatever its owner wishes of others’ calls', () => {
    const made = world()
    made.directory.put('user', aUser('alice', { doNotDisturb: true, callForward: aForward('1002') }))
    expect(made.originate({})).toBeNull()
    expect(made.dialled('alice-phone')).toBeTruthy()
  })

  it('nobody takes the caller’s phone: nobody is called', () => {
    const made = world()
    made.originate({ ringMs: 20_000 })
    made.rings(made.dialled('alice-phone'))
    made.advance(20_000)
    expect(made.dials).toHaveLength(1)
    expect(made.events).toEqual(['call.started', 'call.ended'])
    expect(made.cdr).toMatchObject({ hangupCause: 'NO ANSWER', callee: null })
    expect(made.timers.size).toBe(0)
  })

  it('the caller hangs up while the other rings: cancelled', () => {
    const { world: made, alice } = taken()
    const bob = made.dialled('bob-phone')
    made.rings(bob)
    made.hangsUp(alice)
    expect(made.last(bob, 'hangup')).toBeTruthy()
    expect(made.cdr).toMatchObject({ hangupCause: 'CANCEL', endedBy: 'caller', billingSeconds: 0 })
  })

  it('the called one is busy: the caller is hung up', () => {
    const { world: made, alice } = taken()
    made.fails(made.dialled('bob-phone'), 486)
    expect(made.last(alice, 'hangup')).toBeTruthy()
    expect(made.cdr).toMatchObject({ hangupCause: 'BUSY' })
  })

  it('the caller’s phone is made to answer while it rings: told to, or called anew', () => {
    const told = world()
    told.originate({})
    const alice = told.dialled('alice-phone')
    told.ringsTalkative(alice)
    expect(told.act({ type: 'answer', leg: alice })).toBeNull()
    const id = commandOf(told)
    expect(told.last(alice, 'talk')).toBeDefined()
    told.leg({ type: 'talk_result', leg: alice, status: 200 })
    told.answers(alice)
    told.answers(told.dialled('bob-phone'))
    expect(told.caused.at(-1)).toEqual(['call.answered', id])

    const anew = world()
    anew.originate({})
    const first = anew.dialled('alice-phone')
    anew.rings(first)
    expect(anew.act({ type: 'answer', leg: first })).toBeNull()
    expect(anew.last(first, 'hangup')).toBeDefined()
    expect(headersOf(anew).get('Call-Info')).toContain('answer-after=0')
    anew.answers(anew.dialled('alice-phone'))
    anew.answers(anew.dialled('bob-phone'))
    expect(anew.caused.at(-1)).toEqual(['call.answered', commandOf(anew)])
  })

  it('hung up by a command while the caller’s phone rings', () => {
    const made = world()
    made.originate({})
    const alice = made.dialled('alice-phone')
    made.act({ type: 'hangup', leg: null }, { leg: alice })
    expect(made.last(alice, 'hangup')).toBeTruthy()
    expect(made.caused.at(-1)).toEqual(['call.ended', commandOf(made)])
    expect(made.timers.size).toBe(0)
  })

  it('a carrier’s announcement is heard', () => {
    const { world: made, alice } = taken({ to: { type: 'number', number: '0470123456' } })
    const carrier = made.dialled()
    made.rings(carrier, sdp())
    expect(made.log).toContain(`media bridge ${alice} ${carrier}`)
  })

  it('a callflow answers by itself', () => {
    const made = world()
    made.directory.put('media', { id: 'hello', path: '/hello.wav' })
    made.directory.put('callflow', {
      id: 'greeting',
      name: 'greeting',
      numbers: ['2000'],
      featurecode: null,
      flow: { id: 'n', module: 'play', data: { id: 'hello' }, children: {} },
    })
    made.originate({ to: { type: 'number', number: '2000' } })
    const alice = made.dialled('alice-phone')
    made.answers(alice)
    expect(made.log).toContain(`media play ${alice} /hello.wav`)
    expect(made.events).toEqual(['call.started', 'call.answered'])
  })
})

describe('as if the phone had dialled', () => {
  const outside = { to: { type: 'number', number: '0470123456' } } as const

  it('with its caller id, or the one that is wished for', () => {
    const numbers = (made: CallWorld) => made.dials.at(-1)?.from
    const callerId = {
      internal: null,
      external: { number: '+3221000001', name: null, anonymous: false },
      emergency: null,
    }
    const made = world()
    made.directory.put('user', aUser('alice', { callerId }))
    made.originate(outside)
    made.answers(made.dialled('alice-phone'))
    expect(numbers(made)).toMatchObject({ number: '+3221000001' })
    made.directory.put('phoneNumber', aPhoneNumber('+3221000002'))
    made.originate({ ...outside, callerId: { number: '+3221000002', name: 'Sales' } })
    made.answers(made.dialled('alice-phone'))
    expect(numbers(made)).toMatchObject({ number: '+3221000002', name: 'Sales' })
  })

  it('the caller id that is wished for is the caller’s: the called one who consults, or is parked, is shown as itself', () => {
    const made = world()
    made.person('carol', '1003')
    made.originate({ callerId: { number: null, name: 'Sales' } })
    const alice = made.dialled('alice-phone')
    made.answers(alice)
    const bob = made.dialled('bob-phone')
    expect(made.dials.at(-1)?.from).toMatchObject({ number: '1001', name: 'Sales' })
    made.answers(bob)
    made.act({ type: 'consult', leg: bob, to: { type: 'number', number: '1003' } })
    expect(made.dials.at(-1)?.from).toMatchObject({ number: '1002', name: 'bob' })
    made.act({ type: 'cancel', leg: bob })
    made.act({ type: 'park', leg: alice })
    made.act({ type: 'retrieve', by: { type: 'user', userId: 'carol' }, isAutoAnswer: false })
    expect(made.dials.at(-1)).toMatchObject({ to: { uri: 'sip:carol-phone@10.1.1.1' }, from: { name: 'bob' } })
  })

  it('no caller id that is not the account’s', () => {
    const made = world()
    const callerId = { number: '+3229999999', name: null }
    expect(made.originate({ ...outside, callerId })).toMatchObject({ field: 'caller_id.number' })
    expect(made.log).toEqual([])
  })

  it('T31: no number that it may not call', () => {
    const made = world()
    made.directory.account = anAccount({ restriction: 'outside' })
    expect(made.originate(outside)).toMatchObject({ code: 'conflict', field: 'to.number' })
    expect(made.originate({ to: { type: 'number', number: '4711' } })).toMatchObject({ field: 'to.number' })
    expect(made.log).toEqual([])
  })

  it('nowhere while the account or the person is suspended', () => {
    const made = world()
    made.directory.account = anAccount({ enabled: false })
    expect(made.originate({})).toMatchObject({ code: 'conflict' })
    expect(made.originate({ to: { type: 'user', userId: 'bob' } })).toMatchObject({ code: 'conflict' })
    made.directory.account = anAccount()
    made.directory.put('user', aUser('alice', { enabled: false }))
    expect(made.originate({ to: { type: 'user', userId: 'bob' } })).toMatchObject({ code: 'conflict' })
    expect(made.log).toEqual([])
  })

  it('T18: an emergency call, whatever else is barred or full, with its own number', () => {
    const made = world()
    const limits = { ...anAccount().limits, maxNumberSimCalls: 0 }
    made.directory.account = anAccount({ restriction: 'outside', limits })
    made.directory.put('phoneNumber', aPhoneNumber('+3221000002'))
    const callerId = { internal: null, external: null, emergency: { number: '+3221000009', name: null } }
    made.directory.put('user', aUser('alice', { callerId }))
    const to = { type: 'number', number: '112' } as const
    expect(made.originate({ to, callerId: { number: '+3221000002', name: null } })).toBeNull()
    made.answers(made.dialled('alice-phone'))
    expect(made.dials.at(-1)).toMatchObject({ toNumber: '112', from: { number: '+3221000009' } })
    expect(made.recordsOf('event')[0]?.call.isEmergency).toBe(true)
  })

  it('no more calls than the account may have, from the first ring to the end', () => {
    const made = world()
    made.directory.account = anAccount({ limits: { ...anAccount().limits, maxNumberSimCalls: 1 } })
    expect(made.originate({})).toBeNull()
    const alice = made.dialled('alice-phone')
    expect(made.originate({})).toMatchObject({ code: 'conflict' })
    made.answers(alice)
    expect(made.originate({})).toMatchObject({ code: 'conflict' })
    made.hangsUp(alice)
    expect(made.originate({})).toBeNull()
    made.fails(made.dialled('alice-phone'), 486)
    expect(made.originate({})).toBeNull()
  })
})

describe('who may', () => {
  const asBob = { userId: 'bob', isAdmin: false }

  it('a person calls from their own phones', () => {
    const made = world()
    expect(made.originate({}, asBob)).toMatchObject({ code: 'invalid_request', field: 'from.user_id' })
    const from = { type: 'device', deviceId: 'alice-phone' } as const
    expect(made.originate({ from }, asBob)).toMatchObject({ code: 'invalid_request', field: 'from.device_id' })
    expect(made.log).toEqual([])
    const own = { type: 'device', deviceId: 'bob-phone' } as const
    expect(made.originate({ from: own, to: { type: 'user', userId: 'alice' } }, asBob)).toBeNull()
    made.answers(made.dialled('bob-phone'))
    expect(made.dialled('alice-phone')).toBeTruthy()
  })

  it.each([
    [{ from: { type: 'user', userId: 'nobody' } }, 'from.user_id'],
    [{ from: { type: 'device', deviceId: 'none' } }, 'from.device_id'],
    [{ from: { type: 'number', number: '1001' } }, 'from'],
    [{ to: { type: 'user', userId: 'nobody' } }, 'to.user_id'],
    [{ to: { type: 'device', deviceId: 'none' } }, 'to.device_id'],
  ] as const)('%o is refused', (parts, field) => {
    const made = world()
    expect(made.originate(parts)).toMatchObject({ field })
    expect(made.log).toEqual([])
    expect(made.calls.size).toBe(0)
  })

  it('a phone that is not registered', () => {
    const made = world()
    made.unregistered.add('alice-phone')
    expect(made.originate({})).toMatchObject({ code: 'conflict', field: 'from' })
    expect(made.calls.size).toBe(0)
  })
})

describe('T5: the process dies', () => {
  function restarted(made: CallWorld): CallWorld {
    const next = CallWorld.withAliceAndBob('b')
    next.now = made.now + 5_000
    next.restore(made.recordsOf('snapshot').at(-1)?.text ?? '', () => true)
    return next
  }

  it('while the called one rings: whoever waits is not left alone', () => {
    const { world: made, alice } = taken()
    const next = restarted(made)
    expect(next.last(alice, 'hangup')).toBeTruthy()
    expect(next.events).toEqual(['call.ended'])
  })

  it('after the answer: they talk on, and its events are the command’s', () => {
    const { world: made, alice } = taken()
    const id = commandOf(made)
    const bob = made.dialled('bob-phone')
    made.answers(bob)
    const next = restarted(made)
    expect(next.log).toContain(`media bridge ${alice} ${bob}`)
    next.hangsUp(alice)
    expect(next.caused).toEqual([['call.ended', id]])
    expect(next.cdr).toMatchObject({ callerLeg: alice, caller: { deviceId: 'alice-phone' } })
  })
})
