import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aCallflow, aDevice, node } from '../testing/directory.ts'

/** Alice talks to Bob. */
function talking(world = CallWorld.withAliceAndBob()) {
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  world.answers(bob)
  world.acks(alice)
  world.takeLog()
  return { world, alice, bob }
}

function nothingLeft(world: CallWorld): void {
  expect(world.calls.size).toBe(0)
  expect(world.timers.size).toBe(0)
  expect(world.calls.isInUse('alice-phone')).toBe(false)
  expect(world.calls.isInUse('bob-phone')).toBe(false)
  expect(world.recordsOf('cdr')).toHaveLength(1)
  expect(world.events.at(0)).toBe('call.started')
  expect(world.events.filter((event) => event === 'call.ended')).toHaveLength(1)
  expect(world.events.at(-1)).toBe('call.ended')
  const opened = world.orders.filter(({ type }) => type === 'open')
  expect(world.orders.filter(({ type }) => type === 'close')).toHaveLength(opened.length)
  expect(world.recordsOf('leg')).toHaveLength(new Set(world.recordsOf('leg').map(({ leg }) => leg.id)).size)
}

describe('a plain call', () => {
  it('T1, T2: step by step', () => {
    const world = CallWorld.withAliceAndBob()
    world.isWriterStuck = true
    const alice = world.call('alice-phone', '1002')
    expect(world.takeLog()).toEqual(['write call.started', `media open ${alice}`, 'media open out3'])

    world.flush()
    expect(world.takeLog()).toEqual(['out3 dial sip:bob-phone@10.1.1.1'])

    const bob = world.dialled()
    world.rings(bob)
    expect(world.takeLog()).toEqual(['write call.ringing', `${alice} progress 180`])

    world.answers(bob)
    expect(world.takeLog()).toEqual([`media remote ${bob}`, `media remote ${alice}`, 'write call.answered, snapshot'])
    world.flush()
    expect(world.takeLog()).toEqual([`media bridge ${alice} ${bob}`, `${alice} answer`])

    world.acks(alice)
    world.takeLog()
    world.advance(60_500)
    world.hangsUp(alice)
    expect(world.takeLog()).toEqual([
      `media close ${alice}`,
      'write ending',
      `${bob} hangup Q.850 16`,
      `media close ${bob}`,
      'write leg, leg, call.ended, cdr, snapshot',
      'done',
    ])
    expect(world.events).toEqual(['call.started', 'call.ringing', 'call.answered', 'call.ended'])
    expect(world.cdr).toMatchObject({
      direction: 'internal',
      hangupCause: 'ANSWERED',
      ownerId: 'alice',
      caller: { number: '1001', userId: 'alice', deviceId: 'alice-phone' },
      callee: { number: '1002', userId: 'bob', deviceId: 'bob-phone' },
      calledNumber: '1002',
      durationSeconds: 61,
      billingSeconds: 61,
      sipCode: 200,
      q850: 16,
      endedBy: 'caller',
    })
    nothingLeft(world)
  })

  it('is ended by the callee, whose cause goes to the caller', () => {
    const { world, alice, bob } = talking()
    world.hangsUp(bob, 31)
    expect(world.last(alice, 'hangup')?.reason).toEqual({ protocol: 'Q.850', cause: 31, text: 'Normal call clearing' })
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'callee', q850: 31 })
    nothingLeft(world)
  })

  it('shows the callee who calls, and the caller who answered', () => {
    const { world, alice } = talking()
    expect(world.dials[0]).toMatchObject({
      from: { number: '1001', name: 'alice', isAnonymous: false },
      toNumber: '1002',
      fromDomain: 'acme.example.com',
      maxForwards: 69,
    })
    expect(world.last(alice, 'answer')?.identity).toEqual({ number: '1002', name: 'bob', isAnonymous: false })
  })

  it('T32: is billed from the answer', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002')
    world.advance(10_000)
    world.answers(world.dialled())
    world.advance(2100)
    world.hangsUp(alice)
    expect(world.cdr).toMatchObject({ durationSeconds: 13, billingSeconds: 3 })
  })

  it('T27: ends when neither RTP nor RTCP comes', () => {
    const { world, alice, bob } = talking()
    world.media({ type: 'timeout', endpoint: bob })
    expect(world.takeLog()).toContain(`${alice} hangup Q.850 41`)
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'system', q850: 41 })
    nothingLeft(world)
  })

  it('ends at the longest time that the account has', () => {
    const world = CallWorld.withAliceAndBob()
    const { account } = world.directory
    world.directory.account = { ...account, limits: { ...account.limits, maxCallSeconds: 600 } }
    talking(world)
    world.advance(599_999)
    expect(world.calls.size).toBe(1)
    world.advance(1)
    expect(world.cdr).toMatchObject({ endedBy: 'system', billingSeconds: 600 })
    nothingLeft(world)
  })
})

describe('nobody answers', () => {
  it.each([
    ['busy', 486, { hangupCause: 'BUSY', sipCode: 486, q850: 17 }, 486],
    ['declined', 603, { hangupCause: 'BUSY', sipCode: 603, q850: 21 }, 603],
    ['not found', 404, { hangupCause: 'FAILED', sipCode: 404, q850: 1 }, 404],
    ['overloaded', 503, { hangupCause: 'CONGESTION', sipCode: 503, q850: 34 }, 480],
    ['moved to nowhere', 305, { hangupCause: 'FAILED', sipCode: 404 }, 404],
  ])('%s', (_name, status, cdr, told) => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002')
    world.fails(world.dialled(), status)
    expect(world.last(alice, 'reject')?.status).toBe(told)
    expect(world.cdr).toMatchObject({ ...cdr, answeredAt: null, billingSeconds: 0, endedBy: 'system' })
    nothingLeft(world)
  })

  it('within the time to ring', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002')
    const bob = world.dialled()
    world.rings(bob)
    world.advance(29_999)
    expect(world.last(bob, 'hangup')).toBeUndefined()
    world.advance(1)
    expect(world.last(bob, 'hangup')).toEqual({ type: 'hangup', leg: bob, reason: null })
    expect(world.last(alice, 'reject')?.status).toBe(480)
    expect(world.cdr).toMatchObject({ hangupCause: 'NO ANSWER', q850: 19, durationSeconds: 30 })
    nothingLeft(world)
  })

  it('since the phone is not registered', () => {
    const world = CallWorld.withAliceAndBob()
    world.unregistered.add('bob-phone')
    const alice = world.call('alice-phone', '1002')
    expect(world.dials).toEqual([])
    expect(world.last(alice, 'reject')).toMatchObject({ status: 480, headers: [['Reason', 'Q.850;cause=20']] })
    expect(world.cdr).toMatchObject({ hangupCause: 'FAILED', q850: 20 })
    nothingLeft(world)
  })

  it('since the phone has vanished', () => {
    const world = CallWorld.withAliceAndBob()
    world.call('alice-phone', '1002')
    world.fails(world.dialled(), 408, { isTimeout: true })
    expect(world.cdr).toMatchObject({ hangupCause: 'FAILED', sipCode: 408, q850: 20 })
  })

  it('an unknown number is refused, and stands in the history', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1999')
    expect(world.last(alice, 'reject')?.status).toBe(404)
    expect(world.cdr).toMatchObject({ hangupCause: 'FAILED', calledNumber: '1999' })
    nothingLeft(world)
  })

  it('a device that is gone is refused without a trace', () => {
    const world = CallWorld.withAliceAndBob()
    const leg = world.call('nobody', '1002')
    expect(world.last(leg, 'reject')?.status).toBe(403)
    expect(world.records).toEqual([])
  })
})

describe('the caller hangs up', () => {
  const cancelledAt = (until: (world: CallWorld) => void) => {
    const world = CallWorld.withAliceAndBob()
    world.isWriterStuck = true
    const alice = world.call('alice-phone', '1002')
    until(world)
    world.cancels(alice)
    world.flush()
    return { world, alice }
  }

  it('before the start is written: nobody is dialled', () => {
    const { world } = cancelledAt(() => {})
    expect(world.dials).toEqual([])
    expect(world.cdr).toMatchObject({ hangupCause: 'CANCEL', sipCode: 487, endedBy: 'caller' })
    nothingLeft(world)
  })

  it('while it rings', () => {
    const { world } = cancelledAt((one) => {
      one.flush()
      one.rings(one.dialled())
    })
    expect(world.last(world.dialled(), 'hangup')?.reason).toBeNull()
    expect(world.cdr).toMatchObject({ hangupCause: 'CANCEL' })
    nothingLeft(world)
  })

  it('while the answer is being written: the callee is hung up, and the caller never answered', () => {
    const { world, alice } = cancelledAt((one) => {
      one.flush()
      one.answers(one.dialled())
    })
    expect(world.last(alice, 'answer')).toBeUndefined()
    expect(world.last(world.dialled(), 'hangup')).toBeDefined()
    nothingLeft(world)
  })

  it('and the callee does at the same moment', () => {
    const { world, alice, bob } = talking()
    world.hangsUp(alice)
    world.hangsUp(bob)
    expect(world.commandsTo(bob).filter(({ type }) => type === 'hangup')).toHaveLength(1)
    nothingLeft(world)
  })

  it('the callee does while the answer is being written', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002')
    world.isWriterStuck = true
    world.answers(world.dialled())
    world.hangsUp(world.dialled())
    world.flush()
    expect(world.last(alice, 'answer')).toBeUndefined()
    expect(world.last(alice, 'reject')?.status).toBe(480)
    nothingLeft(world)
  })
})

describe('several phones', () => {
  function withTwoPhones() {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    const alice = world.call('alice-phone', '1002')
    return { world, alice, phone: world.dialled('bob-phone'), desk: world.dialled('bob-desk') }
  }

  it('ring at once; T25: the losers hear that the call was completed elsewhere', () => {
    const { world, phone, desk } = withTwoPhones()
    world.rings(phone)
    world.rings(desk)
    expect(world.events).toEqual(['call.started', 'call.ringing'])
    world.answers(desk)
    expect(world.last(phone, 'hangup')?.reason).toEqual({
      protocol: 'SIP',
      cause: 200,
      text: 'Call completed elsewhere',
    })
  })

  it('T32: losing branches are legs, not calls', () => {
    const { world, alice, phone, desk } = withTwoPhones()
    world.answers(desk)
    world.hangsUp(alice)
    expect(world.recordsOf('leg').map(({ leg }) => [leg.id, leg.answeredAt !== null])).toEqual([
      [phone, false],
      [alice, true],
      [desk, true],
    ])
    expect(world.cdr.callee).toMatchObject({ deviceId: 'bob-desk' })
    nothingLeft(world)
  })

  it('one that is busy leaves the others ringing', () => {
    const { world, alice, phone, desk } = withTwoPhones()
    world.fails(phone, 486)
    expect(world.last(alice, 'reject')).toBeUndefined()
    world.answers(desk)
    expect(world.last(alice, 'answer')).toBeDefined()
  })

  it('one that declines ends the others', () => {
    const { world, alice, phone, desk } = withTwoPhones()
    world.fails(phone, 603)
    expect(world.last(desk, 'hangup')).toBeDefined()
    expect(world.last(alice, 'reject')?.status).toBe(603)
    nothingLeft(world)
  })

  it('busy says more than no answer', () => {
    const { world, alice, phone, desk } = withTwoPhones()
    world.fails(phone, 486)
    world.fails(desk, 480)
    expect(world.last(alice, 'reject')?.status).toBe(486)
    expect(world.cdr.hangupCause).toBe('BUSY')
  })

  it('two bindings of one device ring both', () => {
    const world = CallWorld.withAliceAndBob()
    world.bindings.set('bob-phone', 2)
    world.call('alice-phone', '1002')
    expect(world.dials.map(({ to }) => to.flow)).toEqual(['flow0', 'flow1'])
  })

  it('a second answer that crosses ours is ended', () => {
    const { world, phone, desk } = withTwoPhones()
    world.answers(desk)
    const before = world.log.length
    world.answers(phone)
    expect(world.log.length).toBe(before)
  })
})

describe('media', () => {
  it('an INVITE leaves when its port is open', () => {
    const world = CallWorld.withAliceAndBob()
    world.isMediaStuck = true
    world.call('alice-phone', '1002')
    expect(world.dials).toEqual([])
    world.media({ type: 'opened', endpoint: 'out3' })
    expect(world.dials).toHaveLength(1)
    expect(world.dials[0]?.sdp).toContain('m=audio 30004 RTP/AVP 8 0 ')
  })

  it('a port that is taken is exchanged for another one before anybody is told of it', () => {
    const world = CallWorld.withAliceAndBob()
    world.isMediaStuck = true
    world.call('alice-phone', '1002')
    world.media({ type: 'open_failed', endpoint: 'out3', message: 'in use' })
    world.media({ type: 'opened', endpoint: 'out3' })
    world.isMediaStuck = false
    expect(world.dials).toHaveLength(1)
    expect(world.dials[0]?.sdp).toContain('m=audio 30006 RTP/AVP 8 0 ')
  })

  it('a port that cannot be opened fails its leg alone', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    world.isMediaStuck = true
    const alice = world.call('alice-phone', '1002')
    for (let i = 0; i < 6; i++) world.media({ type: 'open_failed', endpoint: 'out3', message: 'in use' })
    world.media({ type: 'opened', endpoint: 'out4' })
    world.isMediaStuck = false
    expect(world.dials).toHaveLength(1)
    world.fails(world.dialled(), 486)
    expect(world.last(alice, 'reject')?.status).toBe(486)
  })

  it('of the caller, or with no port left, ends the call', () => {
    const world = CallWorld.withAliceAndBob()
    world.portsLeft = 0
    const alice = world.call('alice-phone', '1002')
    expect(world.last(alice, 'reject')?.status).toBe(503)
    nothingLeft(world)
    const other = CallWorld.withAliceAndBob()
    other.isMediaStuck = true
    const leg = other.call('alice-phone', '1002')
    for (let i = 0; i < 6; i++) other.media({ type: 'open_failed', endpoint: leg, message: 'in use' })
    expect(other.last(leg, 'reject')?.status).toBe(503)
    expect(other.dials).toEqual([])
  })

  it('a worker that says nothing fails the call after four seconds', () => {
    const world = CallWorld.withAliceAndBob()
    world.isMediaStuck = true
    const alice = world.call('alice-phone', '1002')
    world.advance(3999)
    expect(world.last(alice, 'reject')).toBeUndefined()
    world.advance(1)
    expect(world.last(alice, 'reject')?.status).toBe(503)
    world.advance(500)
    nothingLeft(world)
  })

  it('keeps the quality with the leg, and does not wait long for it', () => {
    const { world, alice, bob } = talking()
    world.isMediaStuck = true
    world.hangsUp(alice)
    const quality = {
      codec: 'PCMA',
      packetsReceived: 50,
      packetsSent: 50,
      packetsLost: 0,
      lossRatio: 0,
      jitterMs: 1,
      rttMs: 3,
      peerLossRatio: 0,
      mos: 4.4,
      packetsRefused: 0,
    }
    world.media({ type: 'closed', endpoint: bob, quality })
    expect(world.recordsOf('cdr')).toHaveLength(0)
    world.advance(500)
    expect(world.recordsOf('leg').map(({ leg }) => [leg.id, leg.quality])).toEqual([
      [bob, quality],
      [alice, null],
    ])
    nothingLeft(world)
    expect(world.cdr.durationSeconds).toBe(0)
  })

  it('relays what both have, else both have G.711', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002', { sdp: sdp({ codecs: ['18 G729', '8 PCMA'] }) })
    expect(world.dials[0]?.sdp).toContain('RTP/AVP 18 8 0 ')
    world.answers(world.dialled(), sdp({ codecs: ['0 PCMU'] }))
    expect(world.last(alice, 'answer')?.sdp).toContain('RTP/AVP 8')
  })

  it('T22: Opus alone on one side, G.711 on the other: both as they are, the worker transcodes', () => {
    const world = CallWorld.withAliceAndBob()
    const opus = sdp({ codecs: ['111 opus'] }).replace('opus/8000', 'opus/48000/2')
    const alice = world.call('alice-phone', '1002', { sdp: opus })
    expect(world.dials[0]?.sdp).toMatch(/opus\/48000\/2[\s\S]*PCMA\/8000/)
    const bob = world.dialled()
    world.answers(bob, sdp({ codecs: ['8 PCMA'] }))
    const answer = world.last(alice, 'answer')?.sdp
    expect(answer).toContain('opus/48000/2')
    expect(answer).not.toContain('PCMA')
    expect(world.log).toContain(`media bridge ${alice} ${bob}`)
  })

  it('without a codec in common ends with 488', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002', { sdp: sdp({ codecs: ['18 G729'] }) })
    expect(world.dials[0]?.sdp).toContain('RTP/AVP 18')
    world.fails(world.dialled(), 488)
    expect(world.last(alice, 'reject')?.status).toBe(488)
    nothingLeft(world)
  })

  it('T21: an INVITE without offer is offered what the callee took, and answers in its ACK', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002', { sdp: null })
    const bob = world.dialled()
    expect(world.dials[0]?.sdp).toContain('RTP/AVP 8 0 9')
    world.rings(bob)
    world.answers(bob, sdp({ codecs: ['0 PCMU'] }))
    expect(world.last(alice, 'answer')?.sdp).toContain('RTP/AVP 0 8')
    expect(world.orders.filter((order) => order.type === 'remote' && order.endpoint === alice)).toHaveLength(0)
    world.acks(alice, sdp({ codecs: ['0 PCMU'] }))
    expect(world.orders.filter((order) => order.type === 'remote' && order.endpoint === alice)).toHaveLength(1)
    world.hangsUp(alice)
    nothingLeft(world)
  })

  it('an SDP in the 200 that answers nothing of ours ends that leg', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '1002')
    world.answers(world.dialled(), 'nonsense')
    expect(world.last(world.dialled(), 'hangup')?.reason?.cause).toBe(488)
    expect(world.last(alice, 'reject')?.status).toBe(488)
    nothingLeft(world)
  })

  it('T23: digits by SIP INFO become events, or INFO where the other side has none', () => {
    const { world, alice, bob } = talking()
    world.leg({ type: 'dtmf', leg: alice, digit: '5' })
    expect(world.orders.at(-1)).toEqual({ type: 'dtmf', endpoint: bob, digit: '5', durationMs: 160 })
    world.press(alice, '6')
    expect(world.commands.some(({ type }) => type === 'info_dtmf')).toBe(false)
    const plain = CallWorld.withAliceAndBob()
    const caller = plain.call('alice-phone', '1002')
    plain.answers(plain.dialled(), sdp({ codecs: ['8 PCMA'] }))
    plain.press(caller, '7')
    expect(plain.last(plain.dialled(), 'info_dtmf')).toMatchObject({ digit: '7', durationMs: 160 })
  })
})

it('a callflow of a device rings it alone', () => {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('device', aDevice('bob-desk', 'bob'))
  world.directory.put('callflow', aCallflow('flow-desk', ['1003'], node('device', { id: 'bob-desk' })))
  world.call('alice-phone', '1003')
  expect(world.dials.map(({ to }) => to.uri)).toEqual(['sip:bob-desk@10.1.1.1'])
})

describe('a phone that registered over TLS', () => {
  it('is offered SRTP that it may leave aside, and where it refuses that, SRTP alone', () => {
    const world = CallWorld.withAliceAndBob()
    world.secured.add('bob-phone')
    const alice = world.call('alice-phone', '1002')
    expect(world.dials[0]?.sdp).toMatch(/RTP\/AVP[\s\S]*a=crypto:/)
    world.fails(world.dialled('bob-phone'), 488)
    expect(world.dials[1]?.sdp).toMatch(/RTP\/SAVP[\s\S]*a=crypto:/)
    world.fails(world.dials[1]?.leg ?? '', 488)
    expect(world.takeLog()).toContain(`${alice} reject 488`)
    expect(world.dials).toHaveLength(2)
    nothingLeft(world)
  })

  it('is not asked again where it is busy, and one without TLS never is', () => {
    const world = CallWorld.withAliceAndBob()
    world.secured.add('bob-phone')
    world.call('alice-phone', '1002')
    world.fails(world.dialled('bob-phone'), 486)
    const plain = CallWorld.withAliceAndBob()
    plain.call('alice-phone', '1002')
    plain.fails(plain.dialled('bob-phone'), 488)
    expect([world.dials.length, plain.dials.length]).toEqual([1, 1])
  })
})
