import { describe, expect, it } from 'vitest'
import {
  answersAll,
  inCall,
  inDialog,
  inDialogOf,
  nodeAndPeer,
  peerContact,
  sdpLines,
  twoNodes,
} from '../testing/sip-call.ts'
import { anAnswer, aRequest } from '../testing/sip-text.ts'
import { nothing, type SipNode } from '../testing/sip-world.ts'

const alicesLeg = 'leg_a1'
const bobsLeg = 'leg_b1'

/** Bob answers each offer, by an offer of his own when he is asked for one. */
const agree = (node: SipNode) => {
  node.onEvent = (event) => {
    if (event.type === 'offer') node.command({ type: 'answer_offer', leg: event.leg, sdp: 'agreed' })
  }
}

/** The node has called the peer, who answered under the tag `peer`; `invite` is what the peer got. */
function callToPeer(allowed = 'INVITE, ACK, BYE, UPDATE') {
  const { world, node, peer } = nodeAndPeer()
  peer.onMessage = (message) => {
    if (message.method === 'INVITE' && message.isRequest && message.toTag === '') {
      const more = [peerContact, `Allow: ${allowed}`, ...sdpLines]
      peer.send(node, anAnswer(message, 200, { tag: 'peer', more, body: 'answer' }))
    }
  }
  const leg = node.dial('sip:peer@192.0.2.7')
  world.run(1_000)
  const invite = peer.last('INVITE')
  peer.received.length = 0
  node.events.length = 0
  return { world, node, peer, leg, invite }
}

describe('RFC 3261 §14 re-INVITE', () => {
  it('carries an offer and brings the answer, from the caller and from the callee', () => {
    const { world, alice, bob } = inCall()
    agree(bob)
    agree(alice)
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'hold' })
    world.run(1_000)
    expect(bob.events[0]).toEqual({ type: 'offer', leg: bobsLeg, sdp: 'hold' })
    expect(alice.last('offer_result')).toEqual({ type: 'offer_result', leg: alicesLeg, status: 200, sdp: 'agreed' })
    bob.command({ type: 'offer', leg: bobsLeg, sdp: 'hold too' })
    world.run(1_000)
    expect(alice.last('offer').sdp).toBe('hold too')
    expect(bob.last('offer_result')).toMatchObject({ status: 200, sdp: 'agreed' })
    expect(world.wire.slice(0, 4)).toEqual(['a>b INVITE', 'b>a 100 INVITE', 'b>a 200 INVITE', 'a>b ACK'])
  })
  it('T21: without offer asks for one, and the ACK answers it', () => {
    const { world, alice, bob } = inCall()
    bob.onEvent = (event) => {
      if (event.type === 'offer') bob.command({ type: 'answer_offer', leg: event.leg, sdp: 'bobs offer' })
    }
    alice.onEvent = (event) => {
      if (event.type === 'offer_result') alice.command({ type: 'answer_offer', leg: event.leg, sdp: 'alices answer' })
    }
    alice.command({ type: 'offer', leg: alicesLeg, sdp: null })
    world.run(1_000)
    expect(bob.last('offer').sdp).toBeNull()
    expect(alice.last('offer_result').sdp).toBe('bobs offer')
    expect(bob.last('acked').sdp).toBe('alices answer')
  })
  it('§13.2.2.4: the ACK of the INVITE before, which comes again, is none of the answer to this one', () => {
    const { world, node, peer } = nodeAndPeer()
    const invite = aRequest('INVITE', { more: [peerContact, ...sdpLines], body: 'offer' })
    peer.send(node, invite)
    world.run(10)
    node.command({ type: 'answer', leg: 'leg_n1', sdp: 'answer' })
    world.run(10)
    const ok = peer.last(200)
    const send = (method: string, cseq: number, branch: string, body = '') => {
      const more = [peerContact, ...(body === '' ? [] : sdpLines)]
      peer.send(node, inDialog(invite, ok, method, cseq, { branch, more, body }))
      world.run(10)
    }
    send('ACK', 1, 'z9hG4bKack1')
    send('INVITE', 2, 'z9hG4bKinvite2')
    node.command({ type: 'answer_offer', leg: 'leg_n1', sdp: 'our offer' })
    world.run(10)
    send('ACK', 1, 'z9hG4bKack1')
    world.run(600)
    expect(peer.received.filter(({ status, cseq }) => status === 200 && cseq === 2)).toHaveLength(2)
    send('ACK', 2, 'z9hG4bKack2', 'their answer')
    expect(node.last('acked').sdp).toBe('their answer')
  })
  it('that is refused changes nothing, and the next one goes through', () => {
    const { world, alice, bob } = inCall()
    bob.onEvent = (event) => {
      if (event.type !== 'offer') return
      if (event.sdp === 'video') bob.command({ type: 'reject_offer', leg: event.leg, status: 488 })
      else bob.command({ type: 'answer_offer', leg: event.leg, sdp: 'agreed' })
    }
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'video' })
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'audio' })
    world.run(1_000)
    expect(alice.events.filter((event) => event.type === 'offer_result')).toMatchObject([
      { status: 488, sdp: null },
      { status: 200, sdp: 'agreed' },
    ])
    expect(world.wire.filter((line) => line === 'a>b ACK').length).toBe(2)
  })
  it('that is refused leaves what was agreed, which a re-INVITE without a new offer says', () => {
    const { world, node, peer, leg } = callToPeer('INVITE, ACK, BYE')
    peer.onMessage = (message) => {
      if (message.method === 'INVITE' && message.text === 'video') peer.send(node, anAnswer(message, 488))
    }
    node.command({ type: 'offer', leg, sdp: 'video' })
    world.run(100)
    node.command({ type: 'identity', leg, identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(100)
    expect(node.last('offer_result').status).toBe(488)
    expect(peer.last('INVITE').text).toBe('offer')
  })
  it('that call logic never answers gets a 500, and the call goes on', () => {
    const { world, alice, bob } = inCall()
    bob.onEvent = () => {}
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'hold' })
    world.run(60_000)
    expect(alice.last('offer_result').status).toBe(500)
    expect(alice.legs.size).toBe(1)
  })
  it('§12.2.1.2: a 481 ends the call', () => {
    const { world, node, peer, leg } = callToPeer()
    peer.onMessage = (message) => {
      if (message.isRequest && message.method !== 'ACK') peer.send(node, anAnswer(message, 481))
    }
    node.command({ type: 'offer', leg, sdp: 'hold' })
    world.run(60_000)
    expect(node.story).toEqual(['ended by error'])
    expect(peer.count('BYE')).toBe(1)
    expect(node.remains).toBe(nothing)
  })
  it('that nobody answers ends the call as timed out', () => {
    const { world, node, leg, peer } = callToPeer()
    peer.onMessage = () => {}
    node.command({ type: 'offer', leg, sdp: 'hold' })
    world.run(120_000)
    expect(node.story).toEqual(['ended by timeout'])
    expect(node.remains).toBe(nothing)
  })
  it('that rings for ever is taken back after 64*T1', () => {
    const { world, node, peer, leg } = callToPeer()
    peer.onMessage = (message) => {
      if (message.method === 'INVITE' && message.isRequest) peer.send(node, anAnswer(message, 180))
      if (message.method === 'CANCEL') {
        peer.send(node, anAnswer(message, 200))
        peer.send(node, anAnswer(peer.last('INVITE'), 487))
      }
    }
    node.command({ type: 'offer', leg, sdp: 'hold' })
    world.run(40_000)
    expect(node.story).toEqual(['offer_result 487'])
  })
  it('§12.2: its Contact becomes the target, and the snapshot says so (T5)', () => {
    const { world, node, peer, leg, invite } = callToPeer()
    agree(node)
    const moved = ['Contact: <sip:peer@192.0.2.7:5090>', ...sdpLines]
    peer.send(node, inDialogOf(invite, 'peer', 'INVITE', 1, { more: moved, body: 'moved' }))
    world.run(100)
    expect(node.last('confirmed').dialog).toMatchObject({ dialog: { target: 'sip:peer@192.0.2.7:5090' } })
    peer.send(node, inDialogOf(invite, 'peer', 'ACK', 1))
    world.run(100)
    node.command({ type: 'hangup', leg, reason: null })
    world.run(100)
    expect(peer.last('BYE').uri).toBe('sip:peer@192.0.2.7:5090')
  })
  it('§15.1.2: a BYE ends what waits for an answer by 487', () => {
    const { world, alice, bob } = inCall()
    bob.onEvent = () => {}
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'hold' })
    world.run(10)
    alice.command({ type: 'hangup', leg: alicesLeg, reason: null })
    world.run()
    expect(world.wire).toContain('b>a 487 INVITE')
    expect(alice.story).toEqual(['ended by local'])
    expect([alice.remains, bob.remains]).toEqual([nothing, nothing])
  })
  it('a late answer of call logic after a CANCEL is nothing', () => {
    const { world, node, peer, leg, invite } = callToPeer()
    const reinvite = inDialogOf(invite, 'peer', 'INVITE', 1, { more: [peerContact, ...sdpLines], body: 'x' })
    peer.send(node, reinvite)
    peer.send(node, inDialogOf(invite, 'peer', 'CANCEL', 1, { branch: 'z9hG4bKINVITE1' }))
    world.run(100)
    expect(peer.last(487).method).toBe('INVITE')
    node.command({ type: 'answer_offer', leg, sdp: 'late' })
    world.run(100)
    expect(peer.count(200)).toBe(1)
  })
})

describe('RFC 3261 §14.1 glare', () => {
  it('both re-INVITE at once: 491 for both, and both come through after their waits', () => {
    const { world, alice, bob } = inCall({ does: 'answer' })
    agree(alice)
    agree(bob)
    alice.command({ type: 'offer', leg: alicesLeg, sdp: 'from alice' })
    bob.command({ type: 'offer', leg: bobsLeg, sdp: 'from bob' })
    world.run(10_000)
    expect(world.wire.filter((line) => line.includes('491')).length).toBe(2)
    expect(alice.last('offer').sdp).toBe('from bob')
    expect(bob.last('offer').sdp).toBe('from alice')
    expect([alice.last('offer_result').status, bob.last('offer_result').status]).toEqual([200, 200])
  })
  it('the one that made the Call-ID waits 2.1 to 4 s, the other up to 2 s', () => {
    for (const fraction of [0, 0.999]) {
      const { world, alice, bob } = inCall({ legs: { fraction: () => fraction } })
      agree(alice)
      agree(bob)
      alice.command({ type: 'offer', leg: alicesLeg, sdp: 'from alice' })
      bob.command({ type: 'offer', leg: bobsLeg, sdp: 'from bob' })
      const invites = (from: string) => world.wire.filter((line) => line === `${from} INVITE`).length
      const start = world.now
      while (invites('b>a') < 2) world.run(10)
      const bobWaited = world.now - start
      while (invites('a>b') < 2) world.run(10)
      const aliceWaited = world.now - start
      expect(bobWaited).toBeGreaterThanOrEqual(fraction === 0 ? 0 : 1_900)
      expect(bobWaited).toBeLessThanOrEqual(fraction === 0 ? 20 : 2_020)
      expect(aliceWaited).toBeGreaterThanOrEqual(fraction === 0 ? 2_100 : 3_900)
      expect(aliceWaited).toBeLessThanOrEqual(fraction === 0 ? 2_120 : 4_020)
    }
  })
  it('§14.2: a second INVITE before the answer to the first gets 500 with Retry-After', () => {
    const { world, node, peer, invite } = callToPeer()
    const more = [peerContact, ...sdpLines]
    peer.send(node, inDialogOf(invite, 'peer', 'INVITE', 1, { more, body: 'x' }))
    peer.send(node, inDialogOf(invite, 'peer', 'INVITE', 2, { more, body: 'y' }))
    world.run(100)
    const retryAfter = Number(peer.last(500).header('retry-after'))
    expect(retryAfter).toBeGreaterThanOrEqual(0)
    expect(retryAfter).toBeLessThanOrEqual(10)
    expect(node.events.filter((event) => event.type === 'offer').length).toBe(1)
  })
  it('§12.2.2: a request out of order gets 500', () => {
    const { world, node, peer, invite } = callToPeer()
    peer.send(node, inDialogOf(invite, 'peer', 'OPTIONS', 9))
    peer.send(node, inDialogOf(invite, 'peer', 'OPTIONS', 8))
    world.run(100)
    expect([peer.count(200), peer.count(500)]).toEqual([1, 1])
  })
})

describe('RFC 3311 UPDATE', () => {
  it('with an offer goes to call logic, without one is answered at once', () => {
    const { world, node, peer, invite } = callToPeer()
    agree(node)
    peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', 1, { more: [peerContact, ...sdpLines], body: 'new' }))
    world.run(100)
    expect(node.last('offer').sdp).toBe('new')
    expect(peer.last(200).text).toBe('agreed')
    peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', 2, { more: [peerContact] }))
    world.run(100)
    expect([peer.last(200).cseq, peer.last(200).text]).toEqual([2, ''])
  })
  it('without an offer leaves a re-INVITE alone that waits for its answer', () => {
    const { world, node, peer, leg, invite } = callToPeer()
    const withOffer = { more: [peerContact, ...sdpLines], body: 'hold' }
    peer.send(node, inDialogOf(invite, 'peer', 'INVITE', 1, withOffer))
    peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', 2, { more: [peerContact] }))
    world.run(10)
    expect(peer.last(200).method).toBe('UPDATE')
    node.command({ type: 'answer_offer', leg, sdp: 'held' })
    world.run(10)
    expect([peer.last(200).method, peer.last(200).text]).toEqual(['INVITE', 'held'])
  })
  it('§5.2: meets our own offer as 491, an unanswered one as 500', () => {
    const { world, node, peer, leg, invite } = callToPeer()
    const update = (cseq: number) =>
      peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', cseq, { more: [peerContact, ...sdpLines], body: 'x' }))
    node.command({ type: 'offer', leg, sdp: 'ours' })
    update(1)
    world.run(10)
    expect(peer.count(491)).toBe(1)
    peer.send(node, anAnswer(peer.last('INVITE'), 200, { tag: 'peer', more: [peerContact, ...sdpLines], body: 'ok' }))
    world.run(10)
    update(2)
    update(3)
    world.run(10)
    expect(peer.count(500)).toBe(1)
  })
  it('tells the peer who the other party is now (T26), or a re-INVITE does with what was agreed', () => {
    const identity = { number: '1003', name: 'Carol', isAnonymous: false }
    const withUpdate = callToPeer()
    withUpdate.node.command({ type: 'identity', leg: withUpdate.leg, identity })
    withUpdate.world.run(10)
    expect(withUpdate.peer.last('UPDATE').header('p-asserted-identity')).toBe('Carol <sip:1003@192.0.2.7>')
    expect(withUpdate.peer.last('UPDATE').text).toBe('')
    const without = callToPeer('INVITE, ACK, BYE')
    without.node.command({ type: 'identity', leg: without.leg, identity })
    without.world.run(10)
    const reinvite = without.peer.last('INVITE')
    expect([reinvite.header('p-asserted-identity'), reinvite.text]).toEqual(['Carol <sip:1003@192.0.2.7>', 'offer'])
  })
  it('that the peer does not know after all becomes a re-INVITE', () => {
    const { world, node, peer, leg } = callToPeer()
    peer.onMessage = (message) => {
      if (message.method === 'UPDATE') peer.send(node, anAnswer(message, 405))
    }
    node.command({ type: 'identity', leg, identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(100)
    expect(peer.last('INVITE').header('p-asserted-identity')).toBe('<sip:1003@192.0.2.7>')
  })
})

describe('RFC 3261 §13.2.1 a call without offer (T21)', () => {
  it('dialled: the 2xx has the offer, and the ACK the answer', () => {
    const { world, alice, bob } = twoNodes()
    alice.onEvent = (event) => {
      if (event.type === 'answered') alice.command({ type: 'answer_offer', leg: event.leg, sdp: 'alices answer' })
    }
    alice.dial('sip:bob@192.0.2.2', { sdp: null })
    world.run(1_000)
    expect(alice.last('answered')).toMatchObject({ sdp: 'answer', isOffer: true })
    expect(bob.events[0]).toMatchObject({ call: { sdp: null } })
    expect(bob.last('acked').sdp).toBe('alices answer')
    // Written down as it was answered, and with what was agreed (T5).
    expect(alice.story.slice(-2)).toEqual(['confirmed', 'confirmed'])
  })
  it('the 2xx that comes again while the answer is thought about waits for the same ACK', () => {
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2', { sdp: null })
    world.run(2_000)
    expect(world.wire).not.toContain('a>b ACK')
    expect(world.wire.filter((line) => line === 'b>a 200 INVITE').length).toBe(3)
    alice.command({ type: 'answer_offer', leg: alicesLeg, sdp: 'late' })
    world.run(100)
    expect(bob.last('acked').sdp).toBe('late')
    bob.command({ type: 'hangup', leg: bobsLeg, reason: null })
    world.run()
    expect([alice.remains, bob.remains]).toEqual([nothing, nothing])
  })
  it('§13.2.2.4: an offer that is not wanted gets ACK and BYE', () => {
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2', { sdp: null })
    world.run(100)
    alice.command({ type: 'reject_offer', leg: alicesLeg, status: 488 })
    world.run()
    expect(world.wire.slice(-3)).toEqual(['a>b ACK', 'a>b BYE', 'b>a 200 BYE'])
    expect(alice.last('ended')).toMatchObject({ by: 'local', status: 488 })
    expect(bob.last('ended').by).toBe('remote')
  })
  it('RFC 3262 §5: does not ask for reliable provisional responses, which would have to carry the offer', () => {
    const { world, node, peer } = nodeAndPeer()
    answersAll(node, peer)
    node.dial('sip:peer@192.0.2.7', { sdp: null })
    node.dial('sip:peer@192.0.2.7')
    world.run(10)
    const supported = peer.received.filter((one) => one.method === 'INVITE').map((one) => one.headers('supported'))
    expect(supported.map((options) => options.includes('100rel'))).toEqual([false, true])
  })
})
