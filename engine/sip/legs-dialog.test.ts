import { describe, expect, it } from 'vitest'
import { answersAll, inCall, inDialog, nodeAndPeer, peerContact, sdpLines, twoNodes } from '../testing/sip-call.ts'
import { anAnswer, aRequest, peerHop, sip } from '../testing/sip-text.ts'
import { nothing } from '../testing/sip-world.ts'
import type { WrittenDialog } from '../call/leg.ts'
import type { UsageSnapshot } from './invite-usage.ts'

/** The peer called the node, which answered; both know it. */
function called() {
  const { world, node, peer } = nodeAndPeer()
  const more = [peerContact, 'Allow: INVITE, UPDATE, NOTIFY', ...sdpLines]
  const invite = aRequest('INVITE', { more, body: 'offer' })
  peer.send(node, invite)
  world.run(10)
  node.command({ type: 'answer', leg: 'leg_n1', sdp: 'answer' })
  world.run(10)
  const ok = peer.last(200)
  peer.send(node, inDialog(invite, ok, 'ACK', 1))
  world.run(10)
  node.events.length = 0
  peer.received.length = 0
  const request = (method: string, cseq: number, options: Parameters<typeof inDialog>[4] = {}) => {
    peer.send(node, inDialog(invite, ok, method, cseq, options))
    world.run(10)
  }
  return { world, node, peer, invite, ok, request, leg: 'leg_n1' }
}

describe('RFC 3261 §8.2 new requests', () => {
  const refused = (request: ReturnType<typeof aRequest>, status: number) => {
    const { world, node, peer } = nodeAndPeer()
    peer.send(node, request)
    world.run(10)
    expect(node.events).toEqual([])
    return peer.last(status)
  }
  const body = { body: 'x' }

  it('§8.2.1: an unknown method is a 501 that says what is allowed', () => {
    expect(refused(aRequest('JUMP'), 501).headers('allow')).toContain('INVITE')
  })
  it('§8.2.2.3: an unknown required extension is a 420 that names it', () => {
    const request = aRequest('INVITE', { more: [peerContact, 'Require: 100rel, teleport'] })
    expect(refused(request, 420).headers('unsupported')).toEqual(['teleport'])
  })
  it('§8.2.2.1: a URI that nobody can call is a 416', () => {
    refused(aRequest('INVITE', { uri: 'mailto:bob@pbx.example', more: [peerContact] }), 416)
  })
  it('§8.2.3: a body that is no SDP is a 415 that says what is, unless it is optional', () => {
    const more = [peerContact, 'Content-Type: text/plain']
    expect(refused(aRequest('INVITE', { more, ...body }), 415).header('accept')).toBe('application/sdp')
    const packed = [peerContact, 'Content-Type: application/sdp', 'Content-Encoding: gzip']
    expect(refused(aRequest('INVITE', { more: packed, ...body }), 415).header('accept-encoding')).toBe('identity')
    const { world, node, peer } = nodeAndPeer()
    const optional = [peerContact, 'Content-Type: text/plain', 'Content-Disposition: render;handling=optional']
    peer.send(node, aRequest('INVITE', { more: optional, ...body }))
    world.run(10)
    expect(node.events[0]).toMatchObject({ call: { sdp: null } })
  })
  it('RFC 5621: SDP is found among the parts of a body', () => {
    const { world, node, peer } = nodeAndPeer()
    const parts = [
      '--b',
      'Content-Type: application/ISUP',
      '',
      'x',
      '--b',
      'Content-Type: application/sdp',
      '',
      'v=0',
      '--b--',
    ]
    const more = [peerContact, 'Content-Type: multipart/mixed;boundary=b']
    peer.send(node, aRequest('INVITE', { more, body: parts.join('\r\n') }))
    world.run(10)
    expect(node.events[0]).toMatchObject({ call: { sdp: 'v=0' } })
  })
  it('RFC 7332: no hops left is a 483', () => {
    const request = sip(
      'INVITE sip:bob@pbx.example SIP/2.0',
      'Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1',
      'Max-Forwards: 0',
      'From: <sip:a@b>;tag=1',
      'To: <sip:b@b>',
      'Call-ID: 1',
      'CSeq: 1 INVITE',
      peerContact,
    )
    refused(request, 483)
  })
  it('an INVITE without Contact is a 400', () => {
    refused(aRequest('INVITE'), 400)
  })
  it('T5, §12.2.2: a request in a dialog that is none of ours is a 481, of every method of a call', () => {
    for (const method of ['INVITE', 'BYE', 'UPDATE', 'INFO', 'REFER', 'PRACK', 'OPTIONS', 'MESSAGE']) {
      refused(aRequest(method, { toTag: 'gone' }), 481)
    }
  })
  it('what is no call goes to the driver: SUBSCRIBE in its own dialogs too', () => {
    const { world, node, peer } = nodeAndPeer()
    const taken: string[] = []
    node.onRequest = (transaction) => {
      taken.push(transaction.method)
      transaction.respond(world.now, { status: 200 })
    }
    peer.send(node, aRequest('OPTIONS'))
    peer.send(node, aRequest('SUBSCRIBE', { toTag: 'watcher', branch: 'z9hG4bK2' }))
    peer.send(node, aRequest('REGISTER', { branch: 'z9hG4bK3', callId: 'r' }))
    world.run(10)
    expect(taken).toEqual(['OPTIONS', 'SUBSCRIBE', 'REGISTER'])
  })
  it('a driver may refuse an INVITE, and a CANCEL that comes before it decides is obeyed', () => {
    const { world, node, peer } = nodeAndPeer()
    const waiting: (() => void)[] = []
    node.onRequest = (transaction) => {
      if (transaction.request.callId === 'denied') transaction.respond(world.now, { status: 403 })
      else
        waiting.push(() =>
          node.legs.accept(world.now, transaction, 'leg_1', { kind: 'trunk', accountId: '', trunkId: '' }),
        )
    }
    peer.send(node, aRequest('INVITE', { callId: 'denied', more: [peerContact] }))
    peer.send(node, aRequest('INVITE', { branch: 'z9hG4bK2', more: [peerContact] }))
    peer.send(node, aRequest('CANCEL', { branch: 'z9hG4bK2' }))
    world.run(10)
    for (const decide of waiting) decide()
    world.run()
    expect([peer.count(403), peer.count(487), node.events]).toEqual([7 + 4, 7 + 4, []])
    expect(node.remains).toBe(nothing)
  })
  it('§16.4: a strict router leaves the number to call in the last Route', () => {
    const { world, node, peer } = nodeAndPeer()
    const more = [peerContact, 'Route: <sip:192.0.2.50>, <sip:1002@pbx.example>']
    peer.send(node, aRequest('INVITE', { uri: 'sip:192.0.2.1', more }))
    world.run(10)
    expect(node.events[0]).toMatchObject({ call: { requestUri: 'sip:1002@pbx.example' } })
  })
  it('tells all that is said of the caller', () => {
    const { world, node, peer } = nodeAndPeer()
    const more = [
      peerContact,
      'P-Asserted-Identity: "A" <sip:+3225550101@c.example>, <tel:+3225550101>',
      'Privacy: id',
      'Diversion: <sip:+3225550102@c.example>;reason=unconditional',
      'P-Called-Party-ID: <sip:+3225550103@c.example>',
      'Replaces: abc;to-tag=1;from-tag=2;early-only',
      'User-Agent: Phone',
      'Alert-Info: <urn:alert:source:external>',
    ]
    peer.send(node, aRequest('INVITE', { more }))
    world.run(10)
    expect(node.events[0]).toEqual({
      type: 'incoming',
      leg: 'leg_n1',
      call: {
        ...{ requestUri: 'sip:bob@pbx.example', toUri: 'sip:bob@pbx.example' },
        ...{ fromUri: 'sip:alice@pbx.example', fromName: 'Alice', callId: 'call-1', sdp: null, maxForwards: 70 },
        asserted: ['"A" <sip:+3225550101@c.example>', '<tel:+3225550101>'],
        privacy: 'id',
        diversion: ['<sip:+3225550102@c.example>;reason=unconditional'],
        calledPartyId: 'sip:+3225550103@c.example',
        replaces: { callId: 'abc', toTag: '1', fromTag: '2', isEarlyOnly: true },
        ...{ userAgent: 'Phone', alertInfo: '<urn:alert:source:external>' },
        source: { kind: 'trunk', accountId: 'acc_1', trunkId: 'trk_1' },
      },
    })
  })
  it('takes Remote-Party-ID where there is no P-Asserted-Identity', () => {
    const { world, node, peer } = nodeAndPeer()
    const line = (party: string) => `Remote-Party-ID: "A" <sip:${party}@c.example>;party=${party};privacy=full`
    peer.send(node, aRequest('INVITE', { more: [peerContact, line('called'), line('calling')] }))
    world.run(10)
    expect(node.events[0]).toMatchObject({ call: { asserted: ['A <sip:calling@c.example>'], privacy: 'id' } })
  })
})

describe('RFC 3261 §12 requests in a dialog', () => {
  it('OPTIONS is answered, MESSAGE and SUBSCRIBE are 405, NOTIFY and PRACK 481, JUMP 501', () => {
    const { peer, request } = called()
    request('OPTIONS', 2)
    request('MESSAGE', 3)
    request('NOTIFY', 5)
    request('PRACK', 6)
    request('JUMP', 7)
    request('SUBSCRIBE', 8)
    expect(peer.received.map((one) => `${one.status} ${one.method}`)).toEqual([
      '200 OPTIONS',
      '405 MESSAGE',
      '481 NOTIFY',
      '481 PRACK',
      '501 JUMP',
      '405 SUBSCRIBE',
    ])
    expect(peer.last(405).headers('allow')).toContain('UPDATE')
  })
  it('the wrong tag of the peer, or the wrong Call-ID, is a 481', () => {
    const { world, node, peer, ok } = called()
    const other = aRequest('BYE', { branch: 'z9hG4bK5', fromTag: 'mallory', toTag: ok.toTag, cseq: 5 })
    peer.send(node, other)
    peer.send(node, aRequest('BYE', { branch: 'z9hG4bK6', callId: 'other', toTag: ok.toTag, cseq: 5 }))
    world.run(10)
    expect([peer.count(481), node.events]).toEqual([2, []])
  })
  it('§15: two BYEs that cross end the call once', () => {
    const { world, alice, bob } = inCall()
    alice.command({ type: 'hangup', leg: 'leg_a1', reason: null })
    bob.command({ type: 'hangup', leg: 'leg_b1', reason: null })
    world.run()
    expect([alice.story, bob.story]).toEqual([['ended by local'], ['ended by local']])
    expect([alice.remains, bob.remains]).toEqual([nothing, nothing])
    expect(world.wire.filter((line) => line.includes('200 BYE')).length).toBe(2)
  })
  it('§9.2: a CANCEL ends what rings, also where the 180 could not be sent', () => {
    const { world, node, peer } = nodeAndPeer()
    peer.send(node, aRequest('INVITE', { more: [peerContact] }))
    world.run(10)
    node.command({ type: 'progress', leg: 'leg_n1', status: 180, sdp: null })
    node.transactions.onSendFailed(world.now, 'z9hG4bK1 192.0.2.7:5060')
    // Of a caller that heard nothing: it is the same call.
    peer.send(node, aRequest('INVITE', { more: [peerContact] }))
    peer.send(node, aRequest('CANCEL'))
    world.run(10)
    expect([peer.last(200).method, peer.last(487).method]).toEqual(['CANCEL', 'INVITE'])
    world.run(60_000)
    expect([node.story, node.remains]).toEqual([['incoming', 'cancelled'], nothing])
  })
  it('§15: a BYE of the caller before the answer is a CANCEL', () => {
    const { world, node, peer } = nodeAndPeer()
    const invite = aRequest('INVITE', { more: [peerContact] })
    peer.send(node, invite)
    world.run(10)
    node.command({ type: 'progress', leg: 'leg_n1', status: 180, sdp: null })
    world.run(10)
    peer.send(node, inDialog(invite, peer.last(180), 'BYE', 2))
    world.run(10)
    expect([peer.count(487), peer.last(200).method, node.story]).toEqual([1, 'BYE', ['incoming', 'cancelled']])
  })
  it('a BYE says why', () => {
    const { world, node, peer, leg } = called()
    node.command({ type: 'hangup', leg, reason: { protocol: 'Q.850', cause: 16, text: 'Normal "end"' } })
    world.run(10)
    expect(peer.last('BYE').header('reason')).toBe('Q.850;cause=16;text="Normal \\"end\\""')
  })
  it('a hang-up before the answer refuses the caller as its reason says', () => {
    for (const [cause, status] of [
      [486, 486],
      [200, 480],
    ] as const) {
      const { world, alice, bob } = twoNodes({ does: 'ring' })
      alice.dial('sip:bob@192.0.2.2')
      world.run(10)
      bob.command({ type: 'hangup', leg: 'leg_b1', reason: { protocol: 'SIP', cause, text: '' } })
      world.run()
      expect(alice.story).toEqual(['progress 180', `failed ${status}`])
      expect(bob.story).toEqual(['incoming'])
      expect(bob.remains).toBe(nothing)
    }
  })
  it('a command for a leg that is gone is nothing', () => {
    const { world, bob } = inCall()
    bob.command({ type: 'hangup', leg: 'leg_unknown', reason: null })
    bob.command({ type: 'answer', leg: 'leg_b1', sdp: 'again' })
    world.run(10)
    expect([bob.story, world.wire]).toEqual([[], []])
  })
})

describe('T23 DTMF by INFO', () => {
  it('is heard as a key, in both forms, once for each INFO', () => {
    const { world, node, peer, request, invite, ok } = called()
    const relay = { more: ['Content-Type: application/dtmf-relay'], body: 'Signal= 5\r\nDuration= 160\r\n' }
    request('INFO', 2, relay)
    peer.send(node, inDialog(invite, ok, 'INFO', 2, relay))
    world.run(10)
    request('INFO', 3, { more: ['Content-Type: application/dtmf'], body: '#' })
    request('INFO', 4, { more: ['Content-Type: application/dtmf-relay'], body: 'Signal=10\r\nDuration=160' })
    expect(node.events.map((event) => event.type === 'dtmf' && event.digit)).toEqual(['5', '#', '*'])
    expect(peer.count(200)).toBe(4)
  })
  it('a flash is understood and no key; what is no DTMF is a 415', () => {
    const { node, peer, request } = called()
    request('INFO', 2, { more: ['Content-Type: application/dtmf-relay'], body: 'Signal=16\r\nDuration=160' })
    request('INFO', 3)
    request('INFO', 4, { more: ['Content-Type: application/media_control+xml'], body: '<x/>' })
    expect(peer.received.map((one) => one.status)).toEqual([200, 200, 415])
    expect(node.events).toEqual([])
  })
  it('is sent as a key', () => {
    const { world, alice, bob } = inCall()
    alice.command({ type: 'info_dtmf', leg: 'leg_a1', digit: '#', durationMs: 160 })
    world.run(10)
    expect(bob.last('dtmf')).toEqual({ type: 'dtmf', leg: 'leg_b1', digit: '#' })
  })
})

describe('RFC 3515 REFER', () => {
  const referTo = 'Refer-To: <sip:1003@pbx.example?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>'
  const notified = (peer: ReturnType<typeof called>['peer']) =>
    peer.received
      .filter((one) => one.method === 'NOTIFY' && one.isRequest)
      .map((one) => [one.text.trim(), one.header('subscription-state'), one.header('event')])

  it('is reported, accepted, and followed by NOTIFYs in order until a final status', () => {
    const { world, node, peer, request, leg } = called()
    answersAll(node, peer)
    request('REFER', 2, { more: [peerContact, referTo, 'Referred-By: <sip:alice@pbx.example>'] })
    expect(node.last('refer').target).toEqual({
      uri: 'sip:1003@pbx.example',
      replaces: { callId: 'abc', toTag: '1', fromTag: '2', isEarlyOnly: false },
      referredBy: '<sip:alice@pbx.example>',
    })
    node.command({ type: 'refer_answer', leg, status: 202 })
    node.command({ type: 'refer_progress', leg, status: 180 })
    node.command({ type: 'refer_progress', leg, status: 200 })
    node.command({ type: 'refer_progress', leg, status: 200 })
    world.run(100)
    expect(peer.last(202).header('contact')).toBeDefined()
    expect(notified(peer)).toEqual([
      ['SIP/2.0 100 Trying', 'active;expires=180', 'refer'],
      ['SIP/2.0 180 Ringing', 'active;expires=180', 'refer'],
      ['SIP/2.0 200 OK', 'terminated;reason=noresource', 'refer'],
    ])
    request('REFER', 3, { more: [peerContact, referTo] })
    node.command({ type: 'refer_answer', leg, status: 202 })
    world.run(100)
    expect(notified(peer).at(-1)).toEqual(['SIP/2.0 100 Trying', 'active;expires=180', 'refer;id=3'])
  })
  it('a NOTIFY that is refused ends the subscription, not the call', () => {
    const { world, node, peer, request, leg } = called()
    peer.onMessage = (message) => {
      if (message.isRequest) peer.send(node, anAnswer(message, 481))
    }
    request('REFER', 2, { more: [peerContact, referTo] })
    node.command({ type: 'refer_answer', leg, status: 202 })
    node.command({ type: 'refer_progress', leg, status: 200 })
    world.run(100)
    expect([peer.count('NOTIFY'), node.legs.size]).toEqual([1, 1])
  })
  it('RFC 4488: without subscription where the peer wants none', () => {
    const { world, node, peer, request, leg } = called()
    request('REFER', 2, { more: [peerContact, referTo, 'Refer-Sub: false', 'Supported: norefersub'] })
    node.command({ type: 'refer_answer', leg, status: 202 })
    node.command({ type: 'refer_progress', leg, status: 200 })
    world.run(100)
    expect([peer.last(202).header('refer-sub'), peer.count('NOTIFY')]).toEqual(['false', 0])
  })
  it('is refused by call logic, or at once when it makes no sense', () => {
    const { node, peer, request, leg } = called()
    request('REFER', 2, { more: [peerContact] })
    request('REFER', 3, { more: [peerContact, 'Refer-To: <sip:1003@pbx.example;method=BYE>'] })
    expect([peer.count(400), node.events]).toEqual([2, []])
    request('REFER', 4, { more: [peerContact, referTo] })
    request('REFER', 5, { more: [peerContact, referTo] })
    expect(peer.last(500).header('retry-after')).toBe('1')
    node.command({ type: 'refer_answer', leg, status: 603 })
    request('BYE', 6)
    expect([peer.count(603), peer.count('NOTIFY')]).toEqual([1, 0])
  })
  it('that waits when the call ends gets 487', () => {
    const { world, node, peer, request } = called()
    request('REFER', 2, { more: [peerContact, referTo] })
    request('BYE', 3)
    world.run()
    expect([peer.last(487).method, node.remains]).toEqual(['REFER', nothing])
  })
  it('RFC 3891: the leg that a Replaces means is found by its tags, also while it rings', () => {
    const { node, invite, ok } = called()
    const replaces = { callId: invite.callId, toTag: ok.toTag, fromTag: invite.fromTag, isEarlyOnly: false }
    expect(node.legs.findDialog(replaces)).toBe('leg_n1')
    expect(node.legs.findDialog({ ...replaces, fromTag: 'x' })).toBeNull()
    expect(node.legs.findDialog({ ...replaces, callId: 'x' })).toBeNull()
    const ringing = twoNodes({ does: 'ring' })
    ringing.alice.dial('sip:bob@192.0.2.2')
    ringing.world.run(10)
    const branch = ringing.alice.last('progress').branch
    const [first] = ringing.bob.events
    if (first?.type !== 'incoming') throw new Error('no call')
    const tags = { callId: first.call.callId, isEarlyOnly: true }
    expect(ringing.alice.legs.findDialog({ ...tags, toTag: 'a3', fromTag: branch })).toBe('leg_a1')
  })
})

describe('T5 a dialog that outlives its process', () => {
  /** As the next process reads it. */
  const written = (dialog: WrittenDialog | null): UsageSnapshot => JSON.parse(JSON.stringify(dialog))

  /** Alice called Bob, whose process died and came back with what it had written down. */
  function reborn() {
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const snapshot = written(bob.last('confirmed').dialog)
    const next = world.node('c', '192.0.2.2')
    expect(next.legs.restore(world.now, 'leg_b1', snapshot, { sdp: 'answer' })).toBe(true)
    next.onEvent = (event) => {
      if (event.type === 'offer') next.command({ type: 'answer_offer', leg: event.leg, sdp: 'still there' })
    }
    alice.events.length = 0
    return { world, alice, next, snapshot }
  }

  it('is a value that stays as it was when the dialog goes on', () => {
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const { dialog } = alice.last('confirmed')
    const text = JSON.stringify(dialog)
    bob.onEvent = (event) => {
      if (event.type === 'offer') bob.command({ type: 'answer_offer', leg: event.leg, sdp: 'on hold' })
    }
    alice.command({ type: 'offer', leg: 'leg_a1', sdp: 'hold' })
    world.run(1_000)
    expect(alice.last('offer_result').status).toBe(200)
    expect(alice.last('confirmed').dialog).not.toEqual(dialog)
    expect(JSON.stringify(dialog)).toBe(text)
  })
  it('of a version before this one is text, and is taken up all the same', () => {
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const text: unknown = JSON.stringify(bob.last('confirmed').dialog)
    const next = world.node('c', '192.0.2.2')
    expect(next.legs.restore(world.now, 'leg_b1', text as WrittenDialog, { sdp: 'answer' })).toBe(true)
    alice.command({ type: 'hangup', leg: 'leg_a1', reason: null })
    world.run()
    expect(next.story.at(-1)).toBe('ended by remote')
  })
  it('takes offers, and ends by the peer', () => {
    const { world, alice, next } = reborn()
    alice.command({ type: 'offer', leg: 'leg_a1', sdp: 'hold' })
    world.run(100)
    expect(alice.last('offer_result')).toMatchObject({ status: 200, sdp: 'still there' })
    alice.command({ type: 'hangup', leg: 'leg_a1', reason: null })
    world.run()
    expect(next.story.at(-1)).toBe('ended by remote')
    expect([alice.remains, next.remains, world.queue.size]).toEqual([nothing, nothing, 0])
  })
  it('makes requests of its own, with a CSeq that jumps ahead', () => {
    const { world, alice, next, snapshot } = reborn()
    alice.onEvent = (event) => {
      if (event.type === 'offer') alice.command({ type: 'answer_offer', leg: event.leg, sdp: 'yes' })
    }
    next.command({ type: 'offer', leg: 'leg_b1', sdp: 'from the next one' })
    world.run(1_000)
    expect(next.last('offer_result').status).toBe(200)
    const after = written(next.last('confirmed').dialog)
    expect(after.dialog.localCseq).toBeGreaterThan(snapshot.dialog.localCseq + 1_000)
    next.command({ type: 'hangup', leg: 'leg_b1', reason: null })
    world.run()
    expect([alice.story.at(-1), next.story.at(-1)]).toEqual(['ended by remote', 'ended by local'])
  })
  it('no CSeq comes twice, also where two processes take up the same snapshot one after the other', () => {
    const { world, alice, next, snapshot } = reborn()
    const seen: number[] = []
    const last = () => written(next.last('confirmed').dialog).dialog.localCseq
    alice.onEvent = (event) => {
      if (event.type === 'offer') alice.command({ type: 'answer_offer', leg: event.leg, sdp: 'yes' })
    }
    next.command({ type: 'offer', leg: 'leg_b1', sdp: 'from the second' })
    world.run(1_000)
    seen.push(last())
    const third = world.node('d', '192.0.2.2')
    third.legs.restore(world.now, 'leg_b1', snapshot, { sdp: 'answer' })
    third.command({ type: 'hangup', leg: 'leg_b1', reason: null })
    world.run()
    expect(alice.story.at(-1)).toBe('ended by remote')
    expect(seen[0]).toBeGreaterThan(10_000)
    expect(third.remains).toBe(nothing)
  })

  it('what is written before the answer leaves is the dialog that it makes', () => {
    const { world, node, peer } = nodeAndPeer()
    const invite = aRequest('INVITE', {
      more: [peerContact, 'Session-Expires: 600', 'Supported: timer', ...sdpLines],
      body: 'offer',
    })
    peer.send(node, invite)
    world.run(10)
    const before = node.legs.dialogWith(world.now, 'leg_n1', { sdp: 'answer' })
    node.command({ type: 'answer', leg: 'leg_n1', sdp: 'answer' })
    world.run(0)
    expect(before).toEqual(node.last('confirmed').dialog)
    expect(node.legs.dialogWith(world.now, 'leg_n1', { sdp: 'answer' })).toBeNull()
    expect(node.legs.dialogWith(world.now, 'nobody', { sdp: 'answer' })).toBeNull()
  })

  /** The node died before its 200 left, and another one takes up what it had written down. */
  function rebornBeforeAnswer() {
    const { world, node, peer } = nodeAndPeer()
    const invite = aRequest('INVITE', { more: [peerContact, ...sdpLines], body: 'offer' })
    peer.send(node, invite)
    world.run(10)
    const snapshot = written(node.legs.dialogWith(world.now, 'leg_n1', { sdp: 'answer' }))
    const next = world.node('n2', node.address)
    peer.received.length = 0
    next.legs.restore(world.now, 'leg_n1', snapshot, { sdp: 'answer' })
    return { world, peer, next, invite, snapshot }
  }

  it('§13.3.1.4: the next process repeats an answer that had no ACK, until it comes', () => {
    const { world, peer, next, invite } = rebornBeforeAnswer()
    world.run(2_000)
    expect(
      peer.received
        .filter(({ status }) => status === 200)
        .map(({ status, body }) => `${status} ${new TextDecoder().decode(body)}`),
    ).toEqual(['200 answer', '200 answer'])
    const ok = peer.last(200)
    peer.send(next, inDialog(invite, ok, 'ACK', 1))
    world.run(10_000)
    expect(peer.count(200)).toBe(2)
    expect(next.story).toEqual(['acked'])
    peer.send(next, inDialog(invite, ok, 'BYE', 2))
    world.run(10)
    expect(peer.last(200).method).toBe('BYE')
  })

  it('a re-INVITE of the next process without an offer of its own says what the peer was told before', () => {
    const { world, peer, next, invite } = rebornBeforeAnswer()
    world.run(1_000)
    peer.send(next, inDialog(invite, peer.last(200), 'ACK', 1))
    next.command({ type: 'identity', leg: 'leg_n1', identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(10)
    expect(peer.last('INVITE').text).toBe('answer')
  })

  it('who says nothing to it keeps the dialog; an old answer is not repeated', () => {
    const { world, peer, next, snapshot } = rebornBeforeAnswer()
    world.run(40_000)
    expect([next.legs.size, peer.count('BYE')]).toEqual([1, 0])
    const count = peer.count(200)
    const third = world.node('n3', next.address)
    third.legs.restore(world.now, 'leg_n1', snapshot, { sdp: 'answer' })
    world.run(40_000)
    expect(peer.count(200)).toBe(count)
  })

  it('who hangs up has its 200 when the end is durable', () => {
    const waiting: ((now: number) => void)[] = []
    const { world, alice, bob } = twoNodes()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const snapshot = written(bob.last('confirmed').dialog)
    const next = world.node('c', '192.0.2.2', { whenDurable: (then) => waiting.push(then) })
    next.legs.restore(world.now, 'leg_b1', snapshot, { sdp: 'answer' })
    world.wire.length = 0
    alice.command({ type: 'hangup', leg: 'leg_a1', reason: null })
    world.run(1_000)
    expect(next.story.at(-1)).toBe('ended by remote')
    expect(world.wire.filter((line) => line.endsWith('BYE'))).toEqual(['a>c BYE', 'a>c BYE'])
    for (const then of waiting) then(world.now)
    world.run()
    expect(world.wire.filter((line) => line === 'c>a 200 BYE')).toHaveLength(1)
    expect([alice.remains, next.remains]).toEqual([nothing, nothing])
  })
  it('RFC 3261 §15.1.2: a BYE that ended a call of the process before has its 200, as long as it is repeated', () => {
    const { world, node, peer } = nodeAndPeer()
    node.legs.keepEnded(world.now, ['over', 'too'])
    const ask = (method: string, callId: string) => {
      peer.send(node, aRequest(method, { callId, toTag: 'gone', branch: `z9hG4bK${method}${callId}${world.now}` }))
      world.run(10)
      return peer.received.at(-1)?.status
    }
    expect([ask('BYE', 'over'), ask('BYE', 'too'), ask('BYE', 'other')]).toEqual([200, 200, 481])
    expect([ask('INVITE', 'over'), ask('UPDATE', 'over')]).toEqual([481, 481])
    world.run(31_000)
    expect(ask('BYE', 'over')).toBe(200)
    world.run(1_000)
    expect(ask('BYE', 'over')).toBe(481)
    world.run()
    expect([node.remains, node.events, world.queue.size]).toEqual([nothing, [], 0])
  })
  it.each([
    ['has its 200, although the next process ended the dialog too', 1_000, 200],
    ['is a 481 when nobody repeats one any more', 31_000, 481],
  ] as const)('RFC 3261 §15.1.2: a BYE of before the death %s', (_what, laterMs, status) => {
    const { world, peer, next, invite } = rebornBeforeAnswer()
    next.legs.keepEnded(world.now, [])
    world.run(1_000)
    const ok = peer.last(200)
    peer.onMessage = (message) => {
      if (message.method === 'BYE') peer.send(next, anAnswer(message, 481))
    }
    next.command({ type: 'hangup', leg: 'leg_n1', reason: null })
    world.run(10)
    expect([peer.count('BYE'), next.legs.size]).toEqual([1, 0])
    world.run(laterMs)
    peer.send(next, inDialog(invite, ok, 'BYE', 2))
    world.run(10)
    expect(peer.last(status).method).toBe('BYE')
  })
  it('what was not written by us is not taken up', () => {
    const { node } = nodeAndPeer()
    expect(node.legs.restore(0, 'leg_1', {}, { sdp: null })).toBe(false)
    expect(node.legs.restore(0, 'leg_1', { version: 2 }, { sdp: null })).toBe(false)
    expect(node.legs.size).toBe(0)
  })
  it('what is taken up already is not taken up again', () => {
    const { world, next, snapshot } = reborn()
    expect(next.legs.restore(world.now, 'leg_b1', snapshot, { sdp: 'answer' })).toBe(false)
    expect(next.legs.size).toBe(1)
  })
  it('a stray 2xx gets ACK and BYE, to where it came from', () => {
    const { world, node, peer } = nodeAndPeer()
    const stray = sip(
      'SIP/2.0 200 OK',
      'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdead',
      'Record-Route: <sip:victim.example;lr>',
      'From: <sip:alice@pbx.example>;tag=ours',
      'To: <sip:bob@pbx.example>;tag=peer',
      'Call-ID: dead',
      'CSeq: 3 INVITE',
      'Contact: <sip:victim@198.51.100.9>',
    )
    peer.send(node, stray)
    world.run(10)
    const [ack, bye] = peer.received
    expect([ack?.method, ack?.cseq, bye?.method, bye?.cseq]).toEqual(['ACK', 3, 'BYE', 4])
    expect([bye?.uri, bye?.header('route'), bye?.toTag]).toEqual([
      'sip:victim@198.51.100.9',
      '<sip:victim.example;lr>',
      'peer',
    ])
    peer.send(node, anAnswer(bye ?? stray, 200))
    world.run()
    expect(node.remains).toBe(nothing)
  })
  it('a stray 2xx of a call that was written down gets its ACK, and the call goes on', () => {
    const { world, alice } = twoNodes()
    alice.dial('sip:bob@192.0.2.2')
    world.run(1_000)
    const again = nodeAndPeer()
    const snapshot = written(alice.last('confirmed').dialog)
    again.node.legs.restore(0, 'leg_a1', snapshot, { sdp: 'offer' })
    const { callId, localTag, remoteTag } = snapshot.dialog
    again.node.transactions.receive(
      0,
      sip(
        'SIP/2.0 200 OK',
        'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdead',
        `From: <sip:1001@192.0.2.1>;tag=${localTag}`,
        `To: <sip:1002@192.0.2.2>;tag=${remoteTag}`,
        `Call-ID: ${callId}`,
        'CSeq: 1 INVITE',
        'Contact: <sip:carillon@192.0.2.2:5060>',
      ),
      peerHop,
    )
    again.world.run(10)
    expect(again.peer.received.map((one) => `${one.cseq} ${one.method}`)).toEqual(['1 ACK'])
    expect(again.node.legs.size).toBe(1)
  })
})
