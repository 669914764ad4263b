import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { anAccount, aTrunk, aUser } from '../testing/directory.ts'

function talking(codecs?: readonly string[]) {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('media', { id: 'moh', path: '/medias/hold.wav' })
  world.directory.account = anAccount({ musicOnHoldId: 'moh' })
  const alice = world.call('alice-phone', '1002', codecs ? { sdp: sdp({ codecs }) } : {})
  const bob = world.dialled('bob-phone')
  world.answers(bob, sdp(codecs ? { codecs } : {}))
  world.acks(alice)
  world.takeLog()
  return { world, alice, bob }
}
const answer = (world: CallWorld, leg: string) => world.last(leg, 'answer_offer')?.sdp ?? ''

describe('T21: hold', () => {
  it.each([
    ['sendonly', sdp({ direction: 'sendonly' }), 'a=recvonly'],
    ['inactive', sdp({ direction: 'inactive' }), 'a=inactive'],
    ['0.0.0.0', sdp({ address: '0.0.0.0' }), 'a=recvonly'],
  ])('%s: the other hears music, and both come back', (_name, offer, answered) => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, offer)
    expect(answer(world, alice)).toContain(answered)
    expect(world.takeLog()).toEqual([
      `media remote ${alice}`,
      `${alice} answer_offer`,
      'write call.held',
      `media play ${bob} /medias/hold.wav`,
      'write snapshot',
    ])
    expect(world.orders.at(-1)).toMatchObject({ source: { type: 'file', repeat: true } })
    world.reinvites(alice, sdp())
    expect(answer(world, alice)).toContain('a=sendrecv')
    expect(world.takeLog()).toEqual([
      `media remote ${alice}`,
      `${alice} answer_offer`,
      'write call.resumed',
      `media stop ${bob}`,
      'write snapshot',
    ])
  })

  it('by the callee', () => {
    const { world, alice, bob } = talking()
    world.reinvites(bob, sdp({ direction: 'sendonly' }))
    expect(world.log).toContain(`media play ${alice} /medias/hold.wav`)
    expect(world.recordsOf('event').at(-1)).toMatchObject({ event: 'call.held', leg: bob, call: { status: 'held' } })
  })

  it('by both: nobody hears music, and whoever comes back first hears it', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    world.reinvites(bob, sdp({ direction: 'sendonly' }))
    expect(world.takeLog()).toContain(`media stop ${bob}`)
    world.reinvites(alice, sdp())
    expect(world.takeLog()).toContain(`media play ${alice} /medias/hold.wav`)
    expect(world.recordsOf('event').at(-1)?.call.status).toBe('held')
    world.reinvites(bob, sdp())
    expect(world.recordsOf('event').at(-1)?.call.status).toBe('answered')
  })

  it('music of the holder’s device, user, account', () => {
    const { world, alice, bob } = talking()
    world.directory.put('media', { id: 'own', path: '/medias/own.wav' })
    world.directory.put('user', aUser('alice', { musicOnHoldId: 'own' }))
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    expect(world.log).toContain(`media play ${bob} /medias/own.wav`)
  })

  it('without music of its own it is the music that is there for everybody', () => {
    const { world, alice, bob } = talking()
    world.directory.account = anAccount()
    world.prompts.set('music_on_hold', '/prompts/music.wav')
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    expect(world.log).toContain(`media play ${bob} /prompts/music.wav`)
  })

  it('without any music it is silence, not the holder’s room', () => {
    const { world, alice, bob } = talking()
    world.directory.account = anAccount()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    expect(world.log).toContain(`media play ${bob} silence`)
  })

  it('music that cannot be read is silence too, until the hold ends', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    const music = world.orders.findLast((order) => order.type === 'play')
    world.media({ type: 'played', endpoint: bob, play: music?.play ?? '', reason: 'error', message: 'no such file' })
    expect(world.log.at(-1)).toBe(`media play ${bob} silence`)
    world.reinvites(alice, sdp())
    expect(world.log).toContain(`media stop ${bob}`)
  })

  it('to whom nothing can be played is played nothing: no order follows the refusal of silence', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    const refuse = () => {
      const last = world.orders.findLast((order) => order.type === 'play')
      world.media({ type: 'played', endpoint: bob, play: last?.play ?? '', reason: 'error', message: 'no codec' })
      return world.orders.filter((order) => order.type === 'play').length
    }
    expect([refuse(), refuse()]).toEqual([2, 2])
  })

  it('an exchange outside that holds with music of its own is heard', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('trunk', aTrunk('carrier'))
    const alice = world.call('alice-phone', '0470123456')
    const carrier = world.dialled()
    world.answers(carrier)
    world.reinvites(carrier, sdp({ direction: 'sendonly' }))
    expect(world.log.some((line) => line.startsWith('media play'))).toBe(false)
    world.reinvites(carrier, sdp({ direction: 'inactive' }))
    expect(world.log).toContain(`media play ${alice} silence`)
  })

  it('T27: a phone on hold may be silent', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp({ direction: 'inactive' }))
    world.media({ type: 'timeout', endpoint: alice })
    expect(world.calls.size).toBe(1)
  })

  it('whoever holds hangs up: one event of hold, one end', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    world.hangsUp(alice)
    expect(world.events).toEqual(['call.started', 'call.answered', 'call.held', 'call.ended'])
    expect(world.timers.size).toBe(0)
  })
})

describe('T21: offers in a call', () => {
  it('the same again changes nothing: the version of o= stays', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp())
    const first = answer(world, alice)
    world.reinvites(alice, sdp())
    expect(answer(world, alice)).toBe(first)
    expect(first).toBe(world.last(alice, 'answer')?.sdp)
    expect(world.events).toEqual(['call.started', 'call.answered'])
  })

  it('without SDP: ours, answered in the ACK', () => {
    const { world, alice } = talking()
    world.reinvites(alice, null)
    expect(answer(world, alice)).toContain('m=audio')
    world.takeLog()
    world.leg({ type: 'acked', leg: alice, sdp: sdp({ port: 7000 }) })
    expect(world.takeLog()).toContain(`media remote ${alice}`)
    expect(world.orders.at(-1)).toMatchObject({ remote: { port: 7000 } })
  })

  it('without SDP, answered with a hold', () => {
    const { world, alice, bob } = talking()
    world.reinvites(alice, null)
    world.leg({ type: 'acked', leg: alice, sdp: sdp({ direction: 'sendonly' }) })
    expect(world.log).toContain(`media play ${bob} /medias/hold.wav`)
  })

  it('that we cannot answer is refused, and the call stays up', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp({ codecs: ['97 speex'] }))
    expect(world.last(alice, 'reject_offer')?.status).toBe(488)
    world.reinvites(alice, 'nonsense')
    expect(world.calls.size).toBe(1)
  })

  it('a codec that the other side does not have is offered to it', () => {
    const { world, alice, bob } = talking(['18 G729', '9 G722'])
    world.reinvites(alice, sdp({ codecs: ['9 G722'] }))
    expect(world.last(bob, 'offer')?.sdp).toContain('RTP/AVP 9 ')
    world.leg({ type: 'offer_result', leg: bob, status: 200, sdp: sdp({ codecs: ['9 G722'] }) })
    expect(world.orders.at(-1)).toMatchObject({ endpoint: bob, remote: { codecs: [{ name: 'G722' }] } })
    const other = talking(['18 G729'])
    other.world.reinvites(other.alice, sdp({ codecs: ['8 PCMA'] }))
    expect(other.world.last(other.alice, 'reject_offer')?.status).toBe(488)
  })

  it('our offer is refused: what held before holds on', () => {
    const { world, alice, bob } = talking(['18 G729', '9 G722'])
    world.reinvites(alice, sdp({ codecs: ['9 G722'] }))
    world.leg({ type: 'offer_result', leg: bob, status: 488, sdp: null })
    expect(world.calls.size).toBe(1)
    world.reinvites(bob, sdp({ codecs: ['9 G722'] }))
    expect(answer(world, bob)).toContain('RTP/AVP 9')
  })

  it('a new address is told to the media worker', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp({ port: 9000, address: '10.1.1.77' }))
    expect(world.orders.at(-1)).toMatchObject({ type: 'remote', remote: { address: '10.1.1.77', port: 9000 } })
  })
})
