import { describe, expect, it } from 'vitest'
import { twoNodes } from '../testing/sip-call.ts'

/** Alice calls Bob, who does what `does` says when the call comes in. */
function callee(does: 'ring' | 'answer' | 'refuse' = 'answer') {
  const { world, alice, bob } = twoNodes({ does })
  const expectEmpty = () => {
    world.run()
    for (const node of [alice, bob]) expect([node.legs.size, node.transactions.size], node.name).toEqual([0, 0])
    expect(world.queue.size).toBe(0)
  }
  return { world, alice, bob, expectEmpty }
}

describe('RFC 3261 §13 a call', () => {
  it('is answered, and ended by the caller', () => {
    const { world, alice, bob, expectEmpty } = callee()
    const leg = alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    alice.command({ type: 'hangup', leg, reason: null })
    expectEmpty()
    expect(alice.story).toEqual(['progress 180', 'answered', 'confirmed', 'ended by local'])
    expect(bob.story).toEqual(['incoming', 'confirmed', 'acked', 'ended by remote'])
    expect(world.wire).toEqual(['a>b INVITE', 'b>a 180 INVITE', 'b>a 200 INVITE', 'a>b ACK', 'a>b BYE', 'b>a 200 BYE'])
  })
  it('tells both sides what the other one says', () => {
    const { world, alice, bob } = callee()
    alice.dial('sip:bob@192.0.2.2', { headers: [['Alert-Info', '<http://x>;info=internal']] })
    world.run(1_000)
    const [incoming] = bob.events
    expect(incoming).toMatchObject({
      call: { fromUri: 'sip:1001@192.0.2.1', fromName: 'Alice', toUri: 'sip:1002@192.0.2.2', sdp: 'offer' },
    })
    expect(incoming).toMatchObject({
      call: { asserted: ['Alice <sip:1001@192.0.2.1>'], requestUri: 'sip:bob@192.0.2.2' },
    })
    expect(alice.last('answered')).toMatchObject({ sdp: 'answer', isOffer: false })
  })
  it('§17.2.1: a 100 goes out where nothing else does within 200 ms', () => {
    const { world, alice, bob } = twoNodes({ does: 'nothing' })
    alice.dial('sip:bob@192.0.2.2')
    world.run(190)
    expect(world.wire).toEqual(['a>b INVITE'])
    world.run(20)
    expect(world.wire).toEqual(['a>b INVITE', 'b>a 100 INVITE'])
    bob.command({ type: 'reject', leg: 'leg_b1', status: 486 })
    world.run()
    expect(alice.story).toEqual(['failed 486'])
    expect(world.queue.size).toBe(0)
  })
  it('is ended by the callee', () => {
    const { world, alice, bob, expectEmpty } = callee()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    bob.command({ type: 'hangup', leg: 'leg_b1', reason: { protocol: 'Q.850', cause: 16, text: 'Normal' } })
    expectEmpty()
    expect(alice.events.at(-1)).toEqual({ type: 'ended', leg: 'leg_a1', by: 'remote', status: null, q850: 16 })
  })
  it('is refused, and the refusal acknowledged', () => {
    const { world, alice, bob, expectEmpty } = callee('refuse')
    alice.dial('sip:bob@192.0.2.2')
    expectEmpty()
    expect(alice.story).toEqual(['failed 486'])
    expect(bob.story).toEqual(['incoming'])
    expect(world.wire.at(-1)).toBe('a>b ACK')
  })
  it('fails when nobody is there', () => {
    const { alice, expectEmpty } = callee()
    alice.dial('sip:bob@192.0.2.9')
    alice.dial('sip:bob@nowhere.invalid')
    expectEmpty()
    expect(alice.events.map((event) => event.type === 'failed' && [event.status, event.isTimeout])).toEqual([
      [503, false],
      [408, true],
    ])
  })
})

describe('RFC 3261 §9 CANCEL', () => {
  it('ends what rings, and says why (T25)', () => {
    const { world, alice, bob, expectEmpty } = callee('ring')
    const leg = alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const reason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' } as const
    alice.command({ type: 'hangup', leg, reason })
    expectEmpty()
    expect(alice.story).toEqual(['progress 180', 'failed 487'])
    expect(bob.events.at(-1)).toEqual({ type: 'cancelled', leg: 'leg_b1', reason })
    expect(world.wire.slice(2)).toEqual(['a>b CANCEL', 'b>a 200 CANCEL', 'b>a 487 INVITE', 'a>b ACK'])
  })
  it('that crosses the 200 ends the call by ACK and BYE', () => {
    const { world, alice, bob, expectEmpty } = callee('ring')
    const leg = alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    alice.command({ type: 'hangup', leg, reason: null })
    bob.command({ type: 'answer', leg: 'leg_b1', sdp: 'answer' })
    expectEmpty()
    expect(alice.story).toEqual(['progress 180', 'failed 487'])
    expect(bob.story).toEqual(['incoming', 'confirmed', 'acked', 'ended by remote'])
  })
  it('waits for the first answer of the peer', () => {
    const { world, alice, expectEmpty } = callee('ring')
    const leg = alice.dial('sip:bob@192.0.2.2')
    alice.command({ type: 'hangup', leg, reason: null })
    expect(world.wire).toEqual(['a>b INVITE'])
    expectEmpty()
    expect(world.wire.filter((line) => line.includes('CANCEL'))).toEqual(['a>b CANCEL', 'b>a 200 CANCEL'])
    expect(alice.story).toEqual(['failed 487'])
  })
})

describe('RFC 3261 §13.3.1.4 the 2xx without ACK', () => {
  it('is repeated for 64*T1, then the call is ended by BYE', () => {
    const { world, alice, bob } = callee()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1.5)
    world.weather = { loss: 1 }
    world.wire.length = 0
    world.run()
    expect(world.wire.filter((line) => line === 'b>a 200 INVITE').length).toBe(10)
    expect(bob.story).toEqual(['incoming', 'confirmed', 'ended by timeout'])
    expect(bob.legs.size).toBe(0)
  })
  it('§15: a BYE waits for the ACK', () => {
    const { world, alice, bob, expectEmpty } = callee()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1.5)
    bob.command({ type: 'hangup', leg: 'leg_b1', reason: null })
    expect(world.wire).not.toContain('b>a BYE')
    expectEmpty()
    expect(world.wire.slice(-3)).toEqual(['a>b ACK', 'b>a BYE', 'a>b 200 BYE'])
    expect(bob.story).toEqual(['incoming', 'confirmed', 'ended by local'])
    expect(alice.story.at(-1)).toBe('ended by remote')
  })
})
