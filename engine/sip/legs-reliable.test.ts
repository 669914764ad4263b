import { describe, expect, it } from 'vitest'
import { inDialog, inDialogOf, nodeAndPeer, peerContact, sdpLines } from '../testing/sip-call.ts'
import { anAnswer, aRequest } from '../testing/sip-text.ts'
import { nothing } from '../testing/sip-world.ts'

/** The peer calls the node, which rings with or without SDP. */
function called(options: { more?: string[]; hasOffer?: boolean } = {}) {
  const { world, node, peer } = nodeAndPeer()
  const { more = ['Require: 100rel'], hasOffer = true } = options
  const invite = aRequest('INVITE', {
    more: [peerContact, ...more, ...(hasOffer ? sdpLines : [])],
    body: hasOffer ? 'offer' : '',
  })
  peer.send(node, invite)
  world.run(10)
  const leg = 'leg_n1'
  const progress = (status: number, sdp: string | null) => {
    node.command({ type: 'progress', leg, status, sdp })
    world.run(10)
  }
  const prack = (status: number, cseq: number, rack = `${peer.last(status).header('rseq')} 1 INVITE`) => {
    peer.send(node, inDialog(invite, peer.last(status), 'PRACK', cseq, { more: [`RAck: ${rack}`] }))
    world.run(10)
  }
  return { world, node, peer, invite, leg, progress, prack }
}

describe('RFC 3262 §3 reliable provisional responses of ours', () => {
  it('are numbered, repeated until the PRACK, and sent one after the other', () => {
    const { world, peer, progress, prack } = called()
    progress(180, null)
    progress(183, 'early')
    world.run(1_600)
    expect([peer.count(180), peer.count(183)]).toEqual([3, 0])
    expect(peer.last(180).headers('require')).toEqual(['100rel'])
    prack(180, 2)
    expect(peer.last(200).method).toBe('PRACK')
    expect(peer.count(183)).toBe(1)
    expect(Number(peer.last(183).header('rseq'))).toBe(Number(peer.last(180).header('rseq')) + 1)
    expect(peer.last(183).text).toBe('early')
    prack(183, 3)
    world.run(50_000)
    expect(peer.count(183)).toBe(1)
  })
  it('a PRACK for none of them gets 481', () => {
    const { peer, progress, prack } = called()
    progress(180, null)
    prack(180, 2, '1 1 INVITE')
    expect(peer.last(481).method).toBe('PRACK')
    prack(180, 3)
    prack(180, 4)
    expect([peer.count(200), peer.count(481)]).toEqual([1, 2])
  })
  it('the 200 waits for the PRACK of the answer, and says it no second time', () => {
    const { world, node, peer, invite, leg, progress, prack } = called()
    progress(183, 'early')
    node.command({ type: 'answer', leg, sdp: 'early' })
    world.run(10)
    expect(peer.count(200)).toBe(0)
    prack(183, 2)
    const ok = peer.received.find((one) => one.status === 200 && one.method === 'INVITE')
    expect([ok?.text, ok?.header('content-type')]).toEqual(['', undefined])
    peer.send(node, inDialog(invite, peer.last(183), 'ACK', 1))
    world.run(5_000)
    expect(peer.count('INVITE')).toBe(0)
  })
  it('§3: the PRACK of what rang may come behind the 200, once, and the call goes on', () => {
    const { world, node, peer, invite, leg, progress, prack } = called()
    progress(180, null)
    node.command({ type: 'answer', leg, sdp: 'answer' })
    world.run(10)
    expect(peer.last(200).method).toBe('INVITE')
    prack(180, 2)
    expect([peer.last(200).method, peer.count(481)]).toEqual(['PRACK', 0])
    prack(180, 3)
    expect(peer.count(481)).toBe(1)
    peer.send(node, inDialog(invite, peer.last(180), 'ACK', 1))
    world.run(60_000)
    expect([peer.count(180), node.story]).toEqual([1, ['incoming', 'confirmed', 'acked']])
  })
  it('§5: a PRACK behind the 200 may have an offer too', () => {
    const { world, node, peer, invite, leg, progress, prack } = called()
    node.onEvent = (event) => {
      if (event.type === 'offer') node.command({ type: 'answer_offer', leg: event.leg, sdp: 'second answer' })
    }
    progress(183, 'early')
    prack(183, 2)
    progress(180, null)
    node.command({ type: 'answer', leg, sdp: 'early' })
    world.run(10)
    const rack = `RAck: ${peer.last(180).header('rseq')} 1 INVITE`
    peer.send(node, inDialog(invite, peer.last(180), 'PRACK', 3, { more: [rack, ...sdpLines], body: 'second offer' }))
    world.run(10)
    expect([peer.last(200).method, peer.last(200).text]).toEqual(['PRACK', 'second answer'])
  })
  it('RFC 6337 §3.1: another description than was answered reliably is offered after the ACK', () => {
    const { world, node, peer, invite, leg, progress, prack } = called()
    progress(183, 'early')
    prack(183, 2)
    node.command({ type: 'answer', leg, sdp: 'other' })
    world.run(10)
    peer.send(node, inDialog(invite, peer.last(183), 'ACK', 1))
    world.run(10)
    const reinvite = peer.last('INVITE')
    expect(reinvite.text).toBe('other')
    peer.send(node, anAnswer(reinvite, 200, { more: [peerContact, ...sdpLines], body: 'fine' }))
    world.run(10)
    expect(node.story).toEqual(['incoming', 'confirmed', 'acked', 'confirmed'])
  })
  it('without PRACK for 64*T1 the call is refused by 504', () => {
    const { world, node, peer, progress } = called()
    progress(180, null)
    world.run()
    expect(peer.count(504)).toBeGreaterThan(0)
    expect(node.story).toEqual(['incoming', 'cancelled'])
    expect(node.remains).toBe(nothing)
  })
  it('a CANCEL stops them', () => {
    const { world, node, peer, progress } = called()
    progress(180, null)
    peer.send(node, aRequest('CANCEL'))
    world.run()
    expect(peer.count(180)).toBe(1)
    expect(node.story).toEqual(['incoming', 'cancelled'])
    expect([node.remains, world.queue.size]).toEqual([nothing, 0])
  })
  it('are used with SDP where the peer can take them, and never where it cannot', () => {
    const able = called({ more: ['Supported: 100rel'] })
    able.progress(180, null)
    able.progress(183, 'early')
    expect([able.peer.last(180).header('rseq'), able.peer.last(183).header('require')]).toEqual([undefined, '100rel'])
    const unable = called({ more: [] })
    unable.progress(183, 'early')
    expect([unable.peer.last(183).header('rseq'), unable.peer.last(183).text]).toEqual([undefined, 'early'])
  })
  it('§5: without an offer in the INVITE nothing but the 2xx has one', () => {
    const required = called({ hasOffer: false })
    required.progress(183, 'early')
    expect([required.peer.count(183), required.peer.count(100)]).toEqual([0, 1])
    const optional = called({ hasOffer: false, more: ['Supported: 100rel'] })
    optional.progress(183, 'early')
    expect([optional.peer.last(183).text, optional.peer.last(183).header('rseq')]).toEqual(['', undefined])
    optional.node.command({ type: 'answer', leg: optional.leg, sdp: 'offer of the callee' })
    optional.world.run(10)
    expect(optional.peer.last(200).text).toBe('offer of the callee')
  })
  it('§5: a PRACK may have the next offer', () => {
    const { world, node, peer, invite, progress, prack } = called()
    node.onEvent = (event) => {
      if (event.type === 'offer') node.command({ type: 'answer_offer', leg: event.leg, sdp: 'second answer' })
    }
    progress(183, 'early')
    prack(183, 2)
    progress(180, null)
    const rack = `RAck: ${peer.last(180).header('rseq')} 1 INVITE`
    peer.send(node, inDialog(invite, peer.last(180), 'PRACK', 3, { more: [rack, ...sdpLines], body: 'second offer' }))
    world.run(10)
    expect(node.last('offer').sdp).toBe('second offer')
    expect([peer.last(200).method, peer.last(200).text]).toEqual(['PRACK', 'second answer'])
  })
})

describe('RFC 3261 §13.3.1.1 a caller who waits', () => {
  it('hears every minute that it still rings', () => {
    const { world, peer, progress } = called({ more: [] })
    progress(180, null)
    world.run(181_000)
    expect(peer.count(180)).toBe(4)
  })
})

describe('RFC 3262 §4 reliable provisional responses of a peer', () => {
  const dialled = (sdp: string | null = 'offer') => {
    const { world, node, peer } = nodeAndPeer()
    node.dial('sip:peer@192.0.2.7', { sdp })
    world.run(10)
    const invite = peer.last('INVITE')
    const ring = (rseq: number, body = '', tag = 'peer') => {
      const more = [peerContact, 'Require: 100rel', `RSeq: ${rseq}`, ...(body === '' ? [] : sdpLines)]
      peer.send(node, anAnswer(invite, 183, { tag, more, body }))
      world.run(10)
    }
    const answer = (body = '', tag = 'peer') => {
      const more = [peerContact, ...(body === '' ? [] : sdpLines)]
      peer.send(node, anAnswer(invite, 200, { tag, more, body }))
      world.run(10)
    }
    return { world, node, peer, invite, ring, answer }
  }

  it('get one PRACK each; repetitions and gaps get none', () => {
    const { peer, node, ring } = dialled()
    ring(100)
    ring(100)
    ring(102)
    ring(101)
    expect(peer.received.filter((one) => one.method === 'PRACK').map((one) => one.header('rack'))).toEqual([
      '100 1 INVITE',
      '101 1 INVITE',
    ])
    expect(peer.last('PRACK').cseq).toBe(3)
    expect(node.story).toEqual(['progress 183', 'progress 183'])
  })
  it('count for each branch by itself', () => {
    const { peer, ring } = dialled()
    ring(100, '', 'one')
    ring(7, '', 'two')
    expect(peer.received.filter((one) => one.method === 'PRACK').map((one) => [one.toTag, one.cseq])).toEqual([
      ['one', 2],
      ['two', 2],
    ])
  })
  it('§13.2.1: the answer in one stands, whatever the 2xx says', () => {
    const { node, ring, answer } = dialled()
    ring(1, 'early')
    answer('other')
    expect(node.last('answered')).toMatchObject({ sdp: 'early', isOffer: false })
  })
  it('T24: an answer that came only unreliably is taken when the 2xx has none', () => {
    const { world, node, peer, invite, answer } = dialled()
    peer.send(node, anAnswer(invite, 183, { tag: 'peer', more: [peerContact, ...sdpLines], body: 'early' }))
    world.run(10)
    answer()
    expect(node.last('answered').sdp).toBe('early')
  })
  it('§5: an offer in one is answered in the PRACK', () => {
    const { world, node, peer, ring, answer } = dialled(null)
    ring(1, 'their offer')
    expect(peer.count('PRACK')).toBe(0)
    node.command({ type: 'answer_offer', leg: 'leg_n1', sdp: 'our answer' })
    world.run(10)
    expect(peer.last('PRACK').text).toBe('our answer')
    peer.send(node, anAnswer(peer.last('PRACK'), 200))
    answer()
    expect(node.last('answered')).toMatchObject({ sdp: 'their offer', isOffer: false })
    expect(peer.last('ACK').text).toBe('')
  })
  it('RFC 3311 §5.1: who calls now is told while it rings, where the peer takes UPDATE', () => {
    const { world, node, peer, invite } = dialled()
    node.command({ type: 'identity', leg: 'leg_n1', identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(10)
    expect(peer.count('UPDATE')).toBe(0)
    peer.send(node, anAnswer(invite, 180, { tag: 'one', more: [peerContact, 'Allow: INVITE, UPDATE'] }))
    peer.send(node, anAnswer(invite, 180, { tag: 'two', more: [peerContact, 'Allow: INVITE'] }))
    world.run(10)
    expect(peer.received.filter((one) => one.method === 'UPDATE').map((one) => one.toTag)).toEqual(['one'])
    expect(peer.last('UPDATE').header('p-asserted-identity')).toBe('<sip:1003@192.0.2.7>')
  })
  it('an UPDATE in an early dialog is answered there', () => {
    const { world, node, peer, invite, ring } = dialled()
    ring(1, 'early')
    peer.send(node, inDialogOf(invite, 'peer', 'UPDATE', 1, { more: [peerContact, ...sdpLines], body: 'next' }))
    world.run(10)
    expect(node.last('offer').sdp).toBe('next')
    node.command({ type: 'answer_offer', leg: 'leg_n1', sdp: 'well' })
    world.run(10)
    expect(peer.last(200).text).toBe('well')
  })
})
