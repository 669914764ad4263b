import { describe, expect, it } from 'vitest'
import { inDialogOf, nodeAndPeer, peerContact, sdpLines } from '../testing/sip-call.ts'
import { anAnswer } from '../testing/sip-text.ts'
import { nothing } from '../testing/sip-world.ts'
import type { Hop } from './hop.ts'
import type { LegsOptions } from './leg-port.ts'

function dialled(legs: Partial<LegsOptions> = {}) {
  const { world, node, peer } = nodeAndPeer(legs)
  const leg = node.dial('sip:peer@192.0.2.7', {
    to: { uri: 'sip:peer@192.0.2.7', route: [], flow: null, credentials: { username: 'trunk', password: 'secret' } },
  })
  world.run(10)
  const invite = peer.last('INVITE')
  const answer = (status: number, tag: string, more: string[] = [], body = '') => {
    const lines = [peerContact, ...more, ...(body === '' ? [] : sdpLines)]
    peer.send(node, anAnswer(peer.last('INVITE'), status, { tag, more: lines, body }))
    world.run(10)
  }
  return { world, node, peer, leg, invite, answer }
}

describe('RFC 3261 §13.2.2.4 and T24: a peer that forks', () => {
  it('rings in several branches, and each is named', () => {
    const { node, answer } = dialled()
    answer(180, 'one')
    answer(183, 'two', [], 'media of two')
    answer(183, 'one', [], 'media of one')
    const heard = node.events.map((event) => event.type === 'progress' && [event.status, event.branch, event.sdp])
    expect(heard).toEqual([
      [180, 'one', null],
      [183, 'two', 'media of two'],
      [183, 'one', 'media of one'],
    ])
  })
  it('one branch answers, and talks in its own dialog', () => {
    const { world, node, peer, leg, answer } = dialled()
    answer(180, 'one')
    answer(180, 'two')
    answer(200, 'two', [], 'answer')
    expect(node.last('answered')).toMatchObject({ branch: 'two', sdp: 'answer' })
    expect([peer.last('ACK').toTag, peer.last('ACK').cseq]).toEqual(['two', 1])
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect([peer.last('BYE').toTag, peer.last('BYE').cseq]).toEqual(['two', 2])
  })
  it('a second 2xx gets ACK and BYE in its own dialog, each time it comes an ACK, and the call goes on', () => {
    const { world, node, peer, answer } = dialled()
    answer(200, 'one', [], 'answer')
    answer(200, 'two', ['Record-Route: <sip:192.0.2.7;lr>'], 'other')
    answer(200, 'two', [], 'other')
    answer(200, 'one', [], 'answer')
    expect(peer.received.filter((one) => one.method === 'ACK').map((one) => one.toTag)).toEqual([
      'one',
      'two',
      'two',
      'one',
    ])
    expect(peer.received.filter((one) => one.method === 'BYE').map((one) => one.toTag)).toEqual(['two'])
    expect(peer.last('BYE').header('route')).toBe('<sip:192.0.2.7;lr>')
    expect(node.story).toEqual(['answered', 'confirmed'])
    expect(node.legs.size).toBe(1)
    peer.send(node, anAnswer(peer.last('BYE'), 200))
    world.run(60_000)
    expect(node.legs.size).toBe(1)
  })
  it('a 2xx after a refusal gets ACK and BYE', () => {
    const { world, node, peer, answer } = dialled()
    answer(486, 'one')
    answer(200, 'two', [], 'answer')
    expect(peer.last('BYE').toTag).toBe('two')
    peer.send(node, anAnswer(peer.last('BYE'), 200))
    world.run()
    expect([node.story, node.remains]).toEqual([['failed 486'], nothing])
  })
  it('§15: a callee that says BYE before it answers has given the call up', () => {
    const { world, node, peer, invite, answer } = dialled()
    answer(180, 'one')
    peer.send(node, inDialogOf(invite, 'one', 'BYE', 1))
    world.run(10)
    expect([peer.last(200).method, peer.count('CANCEL'), node.story.at(-1)]).toEqual(['BYE', 1, 'failed 480'])
    answer(487, 'one')
    world.run()
    expect(node.remains).toBe(nothing)
  })
  it('a phone that allows it is told to answer in its early dialog, by NOTIFY of `talk`', () => {
    const { world, node, peer, leg, answer } = dialled()
    answer(180, 'one', ['Allow-Events: hold, talk, conference'])
    expect(node.last('progress').takesTalk).toBe(true)
    node.command({ type: 'talk', leg })
    world.run(10)
    const notify = peer.last('NOTIFY')
    expect([notify.toTag, notify.header('event'), notify.header('subscription-state')]).toEqual([
      'one',
      'talk',
      'active',
    ])
    expect(notify.headers('contact')).toHaveLength(1)
    peer.send(node, anAnswer(notify, 200))
    world.run(10)
    expect(node.last('talk_result').status).toBe(200)
    answer(200, 'one', [], 'answer')
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect(peer.last('BYE').cseq).toBeGreaterThan(notify.cseq)
  })
  it('one that does not is not told anything', () => {
    const { world, node, peer, leg, answer } = dialled()
    answer(180, 'one', ['Allow-Events: presence'])
    node.command({ type: 'talk', leg })
    world.run(10)
    expect([peer.count('NOTIFY'), node.last('talk_result').status]).toEqual([0, 481])
  })
  it('an UPDATE that an early dialog does not take changes nothing', () => {
    const { world, node, peer, leg, answer } = dialled()
    answer(180, 'one', ['Allow: UPDATE'])
    node.command({ type: 'identity', leg, identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(10)
    peer.send(node, anAnswer(peer.last('UPDATE'), 481))
    world.run(10)
    answer(200, 'one', [], 'answer')
    expect(node.story).toEqual(['progress 180', 'answered', 'confirmed'])
  })
  it('§12.1.2: the route set is that of the 2xx, backwards', () => {
    const { world, node, peer, leg, answer } = dialled()
    answer(180, 'one', ['Record-Route: <sip:192.0.2.99;lr>'])
    answer(200, 'one', ['Record-Route: <sip:far.example;lr>, <sip:192.0.2.7:5070;lr>'], 'answer')
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect(peer.last('BYE').headers('route')).toEqual(['<sip:192.0.2.7:5070;lr>', '<sip:far.example;lr>'])
    expect(peer.last('BYE').uri).toBe('sip:peer@192.0.2.7')
  })
})

describe('T5 the ACK of a peer that answered', () => {
  /** What becomes durable when `flush` is called. */
  function held() {
    const waiting: ((now: number) => void)[] = []
    const { world, node, peer, leg, answer } = dialled({ whenDurable: (then) => waiting.push(then) })
    const flush = () => {
      for (const then of waiting.splice(0)) then(world.now)
      world.run(10)
    }
    answer(200, 'one', ['Allow: INVITE, UPDATE'], 'answer')
    return { world, node, peer, leg, answer, flush }
  }

  it('waits until its dialog is durable, and so does what we want to change', () => {
    const { world, node, peer, leg, answer, flush } = held()
    expect(node.story).toEqual(['answered', 'confirmed'])
    answer(200, 'one', [], 'answer')
    node.command({ type: 'offer', leg, sdp: 'another' })
    node.command({ type: 'identity', leg, identity: { number: '1003', name: null, isAnonymous: false } })
    world.run(10)
    expect([peer.count('ACK'), peer.count('INVITE'), peer.count('UPDATE')]).toEqual([0, 1, 0])
    flush()
    expect([peer.count('ACK'), peer.count('INVITE')]).toEqual([1, 2])
    answer(200, 'one', [], 'answer')
    expect(peer.last('ACK').cseq).toBe(2)
  })

  it('comes before our BYE', () => {
    const { world, node, peer, leg, flush } = held()
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect(peer.received.slice(-2).map(({ method }) => method)).toEqual(['ACK', 'BYE'])
    peer.send(node, anAnswer(peer.last('BYE'), 200))
    flush()
    expect(peer.count('ACK')).toBe(1)
    world.run()
    expect(node.remains).toBe(nothing)
  })

  it('comes when the peer hangs up at once', () => {
    const { world, node, peer, flush } = held()
    peer.send(node, inDialogOf(peer.last('INVITE'), 'one', 'BYE', 1))
    world.run(10)
    flush()
    expect([peer.count('ACK'), peer.last(200).method]).toEqual([1, 'BYE'])
    world.run()
    expect(node.remains).toBe(nothing)
  })
})

describe('RFC 3261 §8.1.3 refusals', () => {
  it('report status, Q.850 cause, Retry-After and text', () => {
    const { node, answer } = dialled()
    answer(503, 'x', ['Retry-After: 30 (busy)', 'Reason: Q.850;cause=34;text="No circuit"'])
    expect(node.last('failed')).toEqual({
      ...{ type: 'failed', leg: 'leg_n1', status: 503, reason: 'Whatever', q850: 34, retryAfter: 30 },
      ...{ contacts: [], isTimeout: false },
    })
  })
  it('§8.1.3.4: a 3xx reports its contacts, the best first', () => {
    const { world, node, peer, invite } = dialled()
    const more = ['Contact: <sip:a@x.example>;q=0.2, <sip:b@x.example>;q=0.9']
    peer.send(node, anAnswer(invite, 302, { more }))
    world.run(10)
    expect(node.last('failed').contacts).toEqual(['sip:b@x.example', 'sip:a@x.example'])
  })
})

describe('RFC 3261 §22 challenges', () => {
  const authorize: LegsOptions['authorize'] = (_challenge, { method, uri }, login) => [
    ['Proxy-Authorization', `${login.username} ${method} ${uri}`],
  ]

  it('are answered once, in the same call with the next CSeq, and the ACK shows the same', () => {
    const { peer, invite, answer } = dialled({ authorize })
    answer(407, 'x', ['Proxy-Authenticate: Digest realm="r", nonce="1"'])
    const second = peer.last('INVITE')
    expect([second.callId, second.fromTag, second.cseq, second.toTag]).toEqual([invite.callId, invite.fromTag, 2, ''])
    expect(second.header('proxy-authorization')).toBe('trunk INVITE sip:peer@192.0.2.7')
    expect(second.branch).not.toBe(invite.branch)
    answer(200, 'peer', [], 'answer')
    expect([peer.last('ACK').cseq, peer.last('ACK').header('proxy-authorization')]).toEqual([
      2,
      'trunk INVITE sip:peer@192.0.2.7',
    ])
  })
  it('twice mean a wrong password; a stale nonce is none', () => {
    const wrong = dialled({ authorize })
    const challenge = ['Proxy-Authenticate: Digest realm="r", nonce="1"']
    wrong.answer(407, 'x', challenge)
    wrong.answer(407, 'y', challenge)
    expect([wrong.node.story, wrong.peer.count('INVITE')]).toEqual([['failed 407'], 2])
    const stale = dialled({ authorize })
    stale.answer(407, 'x', challenge)
    stale.answer(407, 'y', ['Proxy-Authenticate: Digest realm="r", nonce="2", stale=true'])
    expect([stale.node.story, stale.peer.count('INVITE')]).toEqual([[], 3])
  })
  it('§22.3: of a proxy and of the server behind it are both answered, each once', () => {
    const { node, peer, answer } = dialled({
      authorize: ({ status }) => [
        status === 401 ? ['Authorization', 'to server'] : ['Proxy-Authorization', 'to proxy'],
      ],
    })
    answer(407, 'x', ['Proxy-Authenticate: Digest realm="proxy", nonce="1"'])
    answer(401, 'y', ['WWW-Authenticate: Digest realm="server", nonce="2"'])
    const third = peer.last('INVITE')
    expect([third.header('proxy-authorization'), third.header('authorization')]).toEqual(['to proxy', 'to server'])
    answer(407, 'z', ['Proxy-Authenticate: Digest realm="proxy", nonce="3"'])
    expect([node.story, peer.count('INVITE')]).toEqual([['failed 407'], 3])
  })
  it('nonces that are stale for ever are given up', () => {
    const { node, peer, answer } = dialled({ authorize })
    for (let time = 0; time < 6; time += 1) {
      answer(407, `${time}`, ['Proxy-Authenticate: Digest realm="r", nonce="1", stale=true'])
    }
    expect(node.story).toEqual(['failed 407'])
    expect(peer.count('INVITE')).toBeLessThanOrEqual(4)
  })
  it('are answered for a BYE too', () => {
    const { world, node, peer, leg, answer } = dialled({ authorize })
    answer(200, 'peer', [], 'answer')
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    peer.send(node, anAnswer(peer.last('BYE'), 401, { more: ['WWW-Authenticate: Digest realm="r", nonce="1"'] }))
    world.run(10)
    expect([peer.last('BYE').cseq, peer.last('BYE').header('proxy-authorization')]).toEqual([
      3,
      'trunk BYE sip:peer@192.0.2.7',
    ])
  })
  it('are nothing to whom the caller hung up on', () => {
    const { world, node, peer, leg, answer } = dialled({ authorize })
    node.command({ type: 'hangup', leg, reason: null })
    answer(407, 'x', ['Proxy-Authenticate: Digest realm="r", nonce="1"'])
    world.run()
    expect([node.story, peer.count('INVITE')]).toEqual([['failed 487'], 1])
  })
})

describe('RFC 3263 §4.3 the next server', () => {
  const hops = (...addresses: string[]): Hop[] =>
    addresses.map((address) => ({ transport: 'udp', address, port: 5060, flow: null }))

  it('is tried after a 503, a timeout and a broken transport, under a new branch and the same CSeq', () => {
    const locate: LegsOptions['locate'] = (now, _uri, done) => done(now, hops('192.0.2.7', '192.0.2.8', '192.0.2.9'))
    const { world, node, peer } = nodeAndPeer({ locate })
    const third = world.peer('q', '192.0.2.9')
    node.dial('sip:carrier.example')
    world.run(10)
    peer.send(node, anAnswer(peer.last('INVITE'), 503))
    world.run(32_100)
    const [first, second] = [peer.last('INVITE'), third.last('INVITE')]
    expect([second.callId, second.cseq]).toEqual([first.callId, first.cseq])
    expect(second.branch).not.toBe(first.branch)
    expect(node.story).toEqual([])
    third.send(node, anAnswer(second, 503))
    world.run(10)
    expect(node.story).toEqual(['failed 503'])
  })
  it('asks for the password by itself, and is answered', () => {
    const { world, node, peer } = nodeAndPeer({
      locate: (now, _uri, done) => done(now, hops('192.0.2.7', '192.0.2.8')),
      authorize: (challenge) => [['Proxy-Authorization', `for ${challenge.header('proxy-authenticate')}`]],
    })
    const other = world.peer('q', '192.0.2.8')
    const login = { username: 'trunk', password: 'secret' }
    node.dial('sip:carrier.example', { to: { uri: 'sip:carrier.example', route: [], flow: null, credentials: login } })
    const answer = (by: typeof peer, status: number, nonce = '') => {
      world.run(10)
      by.send(node, anAnswer(by.last('INVITE'), status, { more: [`Proxy-Authenticate: ${nonce}`] }))
      world.run(10)
    }
    answer(peer, 407, 'one')
    answer(peer, 503)
    expect(other.last('INVITE').header('proxy-authorization')).toBeUndefined()
    answer(other, 407, 'two')
    expect(other.last('INVITE').header('proxy-authorization')).toBe('for two')
    answer(other, 407, 'three')
    expect([other.count('INVITE'), node.story]).toEqual([2, ['failed 407']])
  })
  it('is not tried once the first one rang', () => {
    const locate: LegsOptions['locate'] = (now, _uri, done) => done(now, hops('192.0.2.7', '192.0.2.8'))
    const { world, node, peer } = nodeAndPeer({ locate })
    node.dial('sip:carrier.example')
    world.run(10)
    peer.send(node, anAnswer(peer.last('INVITE'), 180, { more: [peerContact] }))
    world.run(10)
    node.transactions.onSendFailed(world.now, peer.last('INVITE').branch)
    world.run(10)
    expect(node.last('failed')).toMatchObject({ status: 503, isTimeout: false })
  })
  it('may be found later; a hang-up in between ends the leg at once', () => {
    const waiting: (() => void)[] = []
    const locate: LegsOptions['locate'] = (now, _uri, done) => waiting.push(() => done(now, hops('192.0.2.7')))
    const { world, node, peer } = nodeAndPeer({ locate })
    const leg = node.dial('sip:carrier.example')
    node.dial('sip:carrier.example')
    node.command({ type: 'hangup', leg, reason: null })
    expect(node.legs.poll()).toMatchObject({ type: 'failed', leg, status: 487 })
    for (const find of waiting) find()
    world.run(10)
    expect(peer.count('INVITE')).toBe(1)
  })
})

describe('T10 a device by its flow', () => {
  it('gets everything where it was seen, whatever its Contact says', () => {
    const { world, node, peer } = nodeAndPeer()
    const to = { uri: 'sip:peer@10.0.0.5:5062;ob', route: [], flow: '192.0.2.7', credentials: null }
    const leg = node.dial('', { to, fromDomain: 'pbx.example' })
    world.run(10)
    const invite = peer.last('INVITE')
    expect([invite.uri, invite.to.uri, invite.from.uri]).toEqual([
      'sip:peer@10.0.0.5:5062;ob',
      'sip:1002@pbx.example',
      'sip:1001@pbx.example',
    ])
    peer.send(
      node,
      anAnswer(invite, 200, { tag: 'peer', more: ['Contact: <sip:peer@10.0.0.5:5062>', ...sdpLines], body: 'x' }),
    )
    world.run(10)
    expect(peer.count('ACK')).toBe(1)
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect(peer.last('BYE').uri).toBe('sip:peer@10.0.0.5:5062')
  })
  it('that moved to another address is reached there', () => {
    const { world, node, peer } = nodeAndPeer()
    const moved = world.peer('m', '192.0.2.33')
    const leg = node.dial('', { to: { uri: 'sip:peer@10.0.0.5', route: [], flow: '192.0.2.7', credentials: null } })
    world.run(10)
    const invite = peer.last('INVITE')
    peer.send(node, anAnswer(invite, 200, { tag: 'peer', more: [peerContact, ...sdpLines], body: 'x' }))
    world.run(10)
    moved.send(node, inDialogOf(invite, 'peer', 'OPTIONS', 1))
    world.run(10)
    node.command({ type: 'hangup', leg, reason: null })
    world.run(10)
    expect([moved.count('BYE'), peer.count('BYE')]).toEqual([1, 0])
  })
})

describe('T19, RFC 3325, RFC 3323 who calls', () => {
  const invited = (more: Parameters<ReturnType<typeof nodeAndPeer>['node']['dial']>[1]) => {
    const { world, node, peer } = nodeAndPeer()
    node.dial('sip:+3225550100@192.0.2.7', { toNumber: '+3225550100', ...more })
    world.run(10)
    return peer.last('INVITE')
  }
  const anonymous = { number: '+3225550111', name: 'Alice', isAnonymous: true }

  it('is asserted beside From, which may have another user and domain', () => {
    const invite = invited({ fromUser: 'acct77', fromDomain: 'carrier.example' })
    expect(invite.from).toMatchObject({ displayName: 'Alice', uri: 'sip:acct77@carrier.example' })
    expect(invite.headers('p-asserted-identity')).toEqual(['Alice <sip:1001@carrier.example>'])
    expect(invite.to.uri).toBe('sip:+3225550100@192.0.2.7')
  })
  it('is not told when anonymous, but to whom we trust', () => {
    const told = invited({ from: anonymous, isIdentityTrusted: true })
    expect(told.from.uri).toBe('sip:anonymous@anonymous.invalid')
    expect([told.header('p-asserted-identity'), told.header('privacy')]).toEqual([
      'Alice <sip:+3225550111@192.0.2.1>',
      'id',
    ])
    const untold = invited({ from: anonymous, isIdentityTrusted: false })
    expect([untold.header('p-asserted-identity'), untold.header('privacy')]).toEqual([undefined, 'id'])
    untold.forEachLine((_name, value) => expect(value).not.toContain('3225550111'))
  })
  it('T11: the INVITE to a carrier stays below 1,300 bytes with room for 600 of SDP', () => {
    const { world, node, peer } = nodeAndPeer()
    let longest = 0
    const { send } = node.transactions.options
    Object.assign(node.transactions.options, {
      send: (...parts: Parameters<typeof send>) => {
        longest = Math.max(longest, parts[1].length)
        send(...parts)
      },
    })
    node.dial('sip:+3225550100@192.0.2.7', {
      headers: [['Diversion', '<sip:+3225550199@carrier.example>;reason=unconditional']],
    })
    world.run(10)
    expect(peer.count('INVITE')).toBe(1)
    expect(longest).toBeLessThan(1_300 - 600 + 'offer'.length)
  })
  it('who answered is reported', () => {
    const { node, answer } = dialled()
    answer(200, 'peer', ['P-Asserted-Identity: "Bob" <sip:1002@pbx.example>', 'Privacy: id'], 'answer')
    expect(node.last('answered').identity).toEqual({ number: '1002', name: 'Bob', isAnonymous: true })
  })
})
