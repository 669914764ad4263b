import { describe, expect, it } from 'vitest'
import { inDialog, inDialogOf, nodeAndPeer, peerContact, sdpLines } from '../testing/sip-call.ts'
import { anAnswer, aRequest } from '../testing/sip-text.ts'
import { nothing } from '../testing/sip-world.ts'
import { SessionTimer } from './session-timer.ts'

const judged = (...more: string[]) => new SessionTimer(1800).judgeRequest(aRequest('INVITE', { more }))

describe('RFC 4028 §9 as the one who answers', () => {
  it('lets the peer refresh where it can and does not say who', () => {
    expect(judged('Supported: timer', 'Session-Expires: 600')).toEqual({
      terms: { seconds: 600, isOurs: false },
      headers: [
        ['Session-Expires', '600;refresher=uac'],
        ['Require', 'timer'],
      ],
    })
    expect(judged('Supported: timer')).toMatchObject({ terms: { seconds: 1800, isOurs: false } })
  })
  it('refreshes itself when the peer says so, or when only a proxy asked', () => {
    const ours = { terms: { seconds: 600, isOurs: true }, headers: [['Session-Expires', '600;refresher=uas']] }
    expect(judged('Supported: timer', 'Session-Expires: 600;refresher=uas')).toEqual(ours)
    expect(judged('Session-Expires: 600')).toEqual(ours)
  })
  it('shortens what is longer than it wants, never below Min-SE', () => {
    expect(judged('Supported: timer', 'Session-Expires: 7200')).toMatchObject({ terms: { seconds: 1800 } })
    expect(judged('Supported: timer', 'x: 7200', 'Min-SE: 3600')).toMatchObject({ terms: { seconds: 3600 } })
  })
  it('refuses less than 90 seconds, and uses no timer with a peer that knows none', () => {
    expect(judged('Supported: timer', 'Session-Expires: 60')).toBe('small')
    expect(judged('Session-Expires: 60')).toEqual({ terms: null, headers: [] })
    expect(judged()).toEqual({ terms: null, headers: [] })
  })
})

/** The node has called the peer, whose 200 says `more`. */
function dialled(...more: string[]) {
  const { world, node, peer } = nodeAndPeer()
  const leg = node.dial('sip:peer@192.0.2.7')
  world.run(10)
  const invite = peer.last('INVITE')
  const answer = (message = peer.last('INVITE'), lines = more) =>
    peer.send(node, anAnswer(message, 200, { tag: 'peer', more: [peerContact, ...lines, ...sdpLines], body: 'answer' }))
  answer()
  world.run(10)
  node.events.length = 0
  return { world, node, peer, leg, invite, answer }
}

describe('RFC 4028 §7 as the one who calls', () => {
  it('asks for 1800 s', () => {
    const { invite } = dialled()
    expect([invite.header('session-expires'), invite.headers('supported').includes('timer')]).toEqual(['1800', true])
  })
  it('§7.2: refreshes at half of the interval by UPDATE, again and again', () => {
    const terms = ['Session-Expires: 200;refresher=uac']
    const { world, node, peer } = dialled('Allow: UPDATE', ...terms)
    peer.onMessage = (message) => {
      if (message.method === 'UPDATE') peer.send(node, anAnswer(message, 200, { more: [peerContact, ...terms] }))
    }
    world.run(99_000)
    expect(peer.count('UPDATE')).toBe(0)
    world.run(2_000)
    expect(peer.last('UPDATE').header('session-expires')).toBe('200;refresher=uac')
    world.run(1_000_000)
    expect(peer.count('UPDATE')).toBe(11)
    expect(node.story).toEqual([])
  })
  it('§7.4: refreshes by re-INVITE with what was agreed where the peer takes no UPDATE', () => {
    const { world, node, peer, answer } = dialled('Session-Expires: 200;refresher=uac', 'Require: timer')
    peer.onMessage = (message) => {
      if (message.method === 'INVITE' && message.isRequest) answer(message)
    }
    world.run(101_000)
    expect([peer.last('INVITE').text, peer.last('INVITE').toTag]).toEqual(['offer', 'peer'])
    expect(node.story).toEqual([])
    world.run(101_000)
    expect(peer.received.filter((one) => one.method === 'INVITE' && one.toTag !== '').length).toBe(2)
  })
  it('§10: ends the call before the interval does when the peer should have refreshed', () => {
    const { world, node, peer } = dialled('Session-Expires: 200;refresher=uas')
    world.run(167_000)
    expect(node.story).toEqual([])
    world.run(1_200)
    expect(node.story).toEqual(['ended by timeout'])
    expect(peer.count('BYE')).toBe(1)
  })
  it('§10: a refresh that is refused twice ends the call', () => {
    const { world, node, peer } = dialled('Allow: UPDATE', 'Session-Expires: 200;refresher=uac')
    peer.onMessage = (message) => {
      if (message.method === 'UPDATE') peer.send(node, anAnswer(message, 500))
    }
    world.run(140_000)
    expect([peer.count('UPDATE'), node.story]).toEqual([1, []])
    world.run(20_000)
    expect([peer.count('UPDATE'), node.story]).toEqual([2, ['ended by timeout']])
  })
  it('a peer that vanished is found out by the refresh', () => {
    const { world, node } = dialled('Allow: UPDATE', 'Session-Expires: 200;refresher=uac')
    world.run(101_000 + 33_000)
    expect(node.story).toEqual(['ended by timeout'])
    world.run()
    expect(node.remains).toBe(nothing)
  })
  it('§7.3: a 422 is obeyed, with the same Call-ID and the next CSeq', () => {
    const { world, node, peer } = nodeAndPeer({ sessionSeconds: 600 })
    node.dial('sip:peer@192.0.2.7')
    world.run(10)
    const first = peer.last('INVITE')
    peer.send(node, anAnswer(first, 422, { more: ['Min-SE: 900'] }))
    world.run(10)
    const second = peer.last('INVITE')
    expect([second.callId, second.fromTag, second.cseq]).toEqual([first.callId, first.fromTag, first.cseq + 1])
    expect([second.header('session-expires'), second.header('min-se')]).toEqual(['900', '900'])
    peer.send(node, anAnswer(second, 422, { more: ['Min-SE: 900'] }))
    world.run(10)
    expect(node.story).toEqual(['failed 422'])
  })
})

describe('RFC 4028 in a call that came in', () => {
  const called = (...more: string[]) => {
    const { world, node, peer } = nodeAndPeer()
    const invite = aRequest('INVITE', { more: [peerContact, ...more, ...sdpLines], body: 'offer' })
    node.onEvent = (event) => {
      if (event.type === 'incoming') node.command({ type: 'answer', leg: event.leg, sdp: 'answer' })
      if (event.type === 'offer') node.command({ type: 'answer_offer', leg: event.leg, sdp: 'again' })
    }
    peer.send(node, invite)
    world.run(10)
    return { world, node, peer, invite }
  }

  it('the peer refreshes, and the call ends when it stops', () => {
    const { world, node, peer, invite } = called('Supported: timer', 'Session-Expires: 300')
    const ok = peer.last(200)
    expect(ok.header('session-expires')).toBe('300;refresher=uac')
    peer.send(node, inDialog(invite, ok, 'ACK', 1))
    world.run(150_000)
    const refresh = ['Supported: timer', 'Session-Expires: 300;refresher=uac', peerContact]
    peer.send(node, inDialog(invite, ok, 'UPDATE', 2, { more: refresh }))
    world.run(260_000)
    expect(peer.last(200).header('session-expires')).toBe('300;refresher=uac')
    expect(node.story).toEqual(['incoming', 'confirmed', 'acked'])
    world.run(10_000)
    expect(node.story.at(-1)).toBe('ended by timeout')
  })
  it('an interval that is too small gets 422 with Min-SE, also in a dialog', () => {
    const small = called('Supported: timer', 'Session-Expires: 30')
    expect([small.peer.last(422).header('min-se'), small.node.story]).toEqual(['90', []])
    const { world, node, peer, invite } = called()
    const ok = peer.last(200)
    peer.send(node, inDialog(invite, ok, 'ACK', 1))
    const more = ['Supported: timer', 'Session-Expires: 30', peerContact]
    peer.send(node, inDialog(invite, ok, 'UPDATE', 2, { more }))
    world.run(10)
    expect(peer.last(422).header('min-se')).toBe('90')
  })
  it('a re-INVITE of ours keeps who refreshes', () => {
    const { world, node, peer, invite } = called('Supported: timer', 'Session-Expires: 300')
    peer.send(node, inDialog(invite, peer.last(200), 'ACK', 1))
    world.run(10)
    node.command({ type: 'offer', leg: 'leg_n1', sdp: 'hold' })
    world.run(10)
    expect(peer.last('INVITE').header('session-expires')).toBe('300;refresher=uas')
  })
})

describe('RFC 4028 with a peer that we called and that refreshes', () => {
  it('goes on as long as it does', () => {
    const { world, node, peer, invite } = dialled('Session-Expires: 200;refresher=uas')
    for (let cseq = 1; cseq < 6; cseq += 1) {
      world.run(100_000)
      const more = ['Supported: timer', 'Session-Expires: 200;refresher=uac', peerContact]
      peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', cseq, { more }))
    }
    world.run(100_000)
    expect(node.story).toEqual([])
  })
})
