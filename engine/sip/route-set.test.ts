import { describe, expect, it } from 'vitest'
import { anAnswer, aRequest } from '../testing/sip-text.ts'
import { Dialog } from './dialog.ts'
import { formatRoutes, nextHopUri } from './route-set.ts'

const target = 'sip:bob@192.0.2.7'

describe('RFC 3261 §12.2.1.1 the route set of a request', () => {
  it('loose routers stand in Route, the target is the request URI', () => {
    expect(formatRoutes(target, ['<sip:p1.example;lr>', '<sip:p2.example;lr>;x=1'])).toEqual({
      uri: target,
      headers: [
        ['Route', '<sip:p1.example;lr>'],
        ['Route', '<sip:p2.example;lr>;x=1'],
      ],
    })
    expect(nextHopUri(target, ['<sip:p1.example;lr>', '<sip:p2.example;lr>'])).toBe('sip:p1.example;lr')
  })
  it('§16.12: a strict router is the request URI, the target the last Route', () => {
    expect(formatRoutes(target, ['<sip:p1.example;transport=tcp>', '<sip:p2.example;lr>'])).toEqual({
      uri: 'sip:p1.example;transport=tcp',
      headers: [
        ['Route', '<sip:p2.example;lr>'],
        ['Route', `<${target}>`],
      ],
    })
    expect(nextHopUri(target, ['<sip:p1.example;transport=tcp>'])).toBe('sip:p1.example;transport=tcp')
  })
  it('§19.1.1: what may not stand in a request URI does not', () => {
    expect(formatRoutes(target, ['<sip:p1.example?Subject=x>']).uri).toBe('sip:p1.example')
  })
  it('without routes the target is all', () => {
    expect(formatRoutes(target, [])).toEqual({ uri: target, headers: [] })
    expect(nextHopUri(target, [])).toBe(target)
  })
})

describe('RFC 3261 §12.1 dialogs', () => {
  const invite = aRequest('INVITE', {
    cseq: 314,
    more: [
      'Contact: "A" <sip:alice@192.0.2.7:5062;ob>;expires=60',
      'Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>',
    ],
  })

  it('§12.1.1: of a request, the route set in its order', () => {
    expect(Dialog.ofRequest(invite, 'ours')?.state).toEqual({
      ...{ callId: 'call-1', localTag: 'ours', remoteTag: 'alice', localCseq: 0, remoteCseq: 314 },
      ...{ local: '<sip:bob@pbx.example>', remote: 'Alice <sip:alice@pbx.example>' },
      target: 'sip:alice@192.0.2.7:5062;ob',
      routes: ['<sip:p2.example;lr>', '<sip:p1.example;lr>'],
    })
    expect(Dialog.ofRequest(aRequest('INVITE'), 'ours')).toBeNull()
  })
  it('§12.1.2: of a response, the route set backwards', () => {
    const answer = anAnswer(invite, 200, { more: ['Contact: <sip:bob@192.0.2.8>'] })
    expect(Dialog.ofResponse(answer, 'sip:dialled').state).toEqual({
      ...{ callId: 'call-1', localTag: 'alice', remoteTag: 'bob', localCseq: 314, remoteCseq: -1 },
      ...{ local: 'Alice <sip:alice@pbx.example>', remote: '<sip:bob@pbx.example>' },
      target: 'sip:bob@192.0.2.8',
      routes: ['<sip:p1.example;lr>', '<sip:p2.example;lr>'],
    })
    expect(Dialog.ofResponse(anAnswer(invite, 180), 'sip:dialled').state.target).toBe('sip:dialled')
  })
  it('§12.2.2: takes each CSeq of the peer once, and any gap', () => {
    const dialog = Dialog.ofRequest(invite, 'ours')
    expect([313, 315, 400, 399].map((cseq) => dialog?.takeRemoteCseq(cseq))).toEqual([false, true, true, false])
  })
  it('T5: taken up again it has the same words and a higher CSeq', () => {
    const dialog = Dialog.ofRequest(invite, 'ours')
    if (dialog === null) throw new Error('no dialog')
    dialog.nextCseq()
    const again = Dialog.restore(JSON.parse(JSON.stringify(dialog.state)))
    expect({ ...again.state, localCseq: 1 }).toEqual(dialog.state)
    expect(again.nextCseq()).toBeGreaterThan(1_000)
    const request = again.request('BYE', 20_000, [['Reason', 'x']])
    expect(request.headers.map(([name, value]) => `${name}: ${value}`)).toEqual([
      'Max-Forwards: 70',
      'Route: <sip:p2.example;lr>',
      'Route: <sip:p1.example;lr>',
      'From: <sip:bob@pbx.example>;tag=ours',
      'To: Alice <sip:alice@pbx.example>;tag=alice',
      'Call-ID: call-1',
      'CSeq: 20000 BYE',
      'Reason: x',
    ])
  })
})
