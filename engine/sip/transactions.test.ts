import { describe, expect, it } from 'vitest'
import { aRequest, anAnswer, parsed, peerHop, sip } from '../testing/sip-text.ts'
import { TimerQueue } from '../timer-queue.ts'
import type { ClientTransaction } from './client-transaction.ts'
import type { Hop } from './hop.ts'
import { parseMessage, type SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { encodeText } from './text.ts'
import { Transactions } from './transactions.ts'

const connection: Hop = { transport: 'tcp', address: '192.0.2.7', port: 40_000, flow: 'tcp-9' }

function start() {
  const queue = new TimerQueue()
  const sent: { message: SipMessage; hop: Hop; ticket: string }[] = []
  const seen = {
    requests: [] as ServerTransaction[],
    acks: [] as SipMessage[],
    strays: [] as SipMessage[],
    answers: [] as number[],
    failures: [] as number[],
    cancels: 0,
  }
  let tokens = 0
  const transactions = new Transactions({
    queue,
    send: (hop, bytes, ticket) => sent.push({ message: parsed(bytes), hop, ticket }),
    local: () => ({ host: '198.51.100.1', port: 5060 }),
    token: () => {
      tokens += 1
      return `token${tokens}`
    },
  })
  transactions.user = {
    onRequest: (_now, transaction) => seen.requests.push(transaction),
    onAck: (_now, ack) => seen.acks.push(ack),
    onStrayAnswer: (_now, response) => seen.strays.push(response),
  }
  const handler = {
    onResponse: (_now: number, response: SipMessage) => seen.answers.push(response.status),
    onFailure: (_now: number, status: number) => seen.failures.push(status),
  }
  const request = (method: string, hop: Hop = peerHop): ClientTransaction =>
    transactions.request(
      0,
      hop,
      {
        method,
        uri: 'sip:bob@192.0.2.7',
        headers: [
          ['Max-Forwards', '70'],
          ['Route', '<sip:192.0.2.7;lr>'],
          ['From', '<sip:alice@pbx.example>;tag=ours'],
          ['To', '<sip:bob@pbx.example>'],
          ['Call-ID', 'out-1'],
          ['CSeq', `7 ${method}`],
        ],
      },
      handler,
    )
  const onlyRequest = () => {
    const [first] = seen.requests
    if (first === undefined || seen.requests.length > 1) throw new Error(`${seen.requests.length} requests`)
    return first
  }
  const run = (until: number) => {
    for (let at = queue.deadline(); at !== undefined && at <= until; at = queue.deadline()) queue.run(at)
  }
  return { queue, sent, seen, transactions, request, onlyRequest, run }
}

describe('RFC 3261 §17.2.3 requests to server transactions', () => {
  it('hands a request up once and answers its repetition with what was answered', () => {
    const { transactions, seen, sent, onlyRequest, run, queue } = start()
    transactions.receive(0, aRequest('OPTIONS'), peerHop)
    transactions.receive(1, aRequest('OPTIONS'), peerHop)
    expect(sent).toEqual([])
    onlyRequest().respond(2, { status: 200 })
    transactions.receive(3, aRequest('OPTIONS'), peerHop)
    expect(seen.requests.length).toBe(1)
    expect(sent.map(({ message }) => [message.status, message.toTag])).toEqual([
      [200, 'token2'],
      [200, 'token2'],
    ])
    run(60_000)
    expect([transactions.size, queue.size]).toEqual([0, 0])
  })
  it('tells transactions of one branch apart by sent-by', () => {
    const { transactions, seen } = start()
    transactions.receive(0, aRequest('OPTIONS'), peerHop)
    transactions.receive(0, aRequest('OPTIONS', { via: 'SIP/2.0/UDP 192.0.2.8:5060', callId: 'call-2' }), peerHop)
    expect(seen.requests.length).toBe(2)
  })
  it('matches an ACK to its INVITE, and hands up the ACK of a 2xx, which has another branch', () => {
    const { transactions, seen, onlyRequest } = start()
    transactions.receive(0, aRequest('INVITE'), peerHop)
    onlyRequest().respond(0, { status: 486 })
    transactions.receive(1, aRequest('ACK', { toTag: onlyRequest().localTag }), peerHop)
    expect(onlyRequest().state).toBe('confirmed')
    expect(seen.acks).toEqual([])
    transactions.receive(1, aRequest('ACK', { branch: 'z9hG4bK2', toTag: 'x' }), peerHop)
    expect(seen.acks.length).toBe(1)
  })
  it('matches requests of RFC 2543 by what else is in them', () => {
    const { transactions, seen, onlyRequest, sent } = start()
    const invite = () => aRequest('INVITE', { branch: '' })
    transactions.receive(0, invite(), peerHop)
    onlyRequest().respond(0, { status: 404 })
    transactions.receive(1, invite(), peerHop)
    expect(sent.length).toBe(2)
    transactions.receive(2, aRequest('ACK', { branch: '', toTag: onlyRequest().localTag }), peerHop)
    expect(onlyRequest().state).toBe('confirmed')
    transactions.receive(3, aRequest('INVITE', { branch: '', cseq: 2 }), peerHop)
    expect(seen.requests.length).toBe(2)
  })
})

describe('RFC 3261 §8.2.2.2 merged requests', () => {
  it('answers 482 to a copy that took another way, and none to the next request of the same call', () => {
    const { transactions, seen, sent } = start()
    transactions.receive(0, aRequest('INVITE'), peerHop)
    transactions.receive(0, aRequest('INVITE', { branch: 'z9hG4bK2' }), peerHop)
    expect(sent.map(({ message }) => [message.status, message.branch])).toEqual([[482, 'z9hG4bK2']])
    transactions.receive(0, aRequest('INVITE', { branch: 'z9hG4bK3', cseq: 2 }), peerHop)
    expect(seen.requests.length).toBe(2)
  })
})

describe('RFC 3261 §9.2 CANCEL', () => {
  it('is answered 200 with the tag of the INVITE, and reported once', () => {
    const { transactions, seen, onlyRequest, sent } = start()
    transactions.receive(0, aRequest('INVITE'), peerHop)
    onlyRequest().handler = { onCancel: () => (seen.cancels += 1) }
    transactions.receive(1, aRequest('CANCEL'), peerHop)
    transactions.receive(2, aRequest('CANCEL'), peerHop)
    expect(seen.cancels).toBe(1)
    onlyRequest().respond(3, { status: 487 })
    expect(sent.map(({ message }) => `${message.status} ${message.method} ${message.toTag}`)).toEqual([
      `200 CANCEL ${onlyRequest().localTag}`,
      `200 CANCEL ${onlyRequest().localTag}`,
      `487 INVITE ${onlyRequest().localTag}`,
    ])
  })
  it('has no effect after a final response, and is 481 without an INVITE', () => {
    const { transactions, seen, onlyRequest, sent } = start()
    transactions.receive(0, aRequest('INVITE'), peerHop)
    onlyRequest().handler = { onCancel: () => (seen.cancels += 1) }
    onlyRequest().respond(0, { status: 200 })
    transactions.receive(1, aRequest('CANCEL'), peerHop)
    transactions.receive(1, aRequest('CANCEL', { branch: 'z9hG4bK8' }), peerHop)
    expect(seen.cancels).toBe(0)
    expect(sent.map(({ message }) => message.status)).toEqual([200, 200, 481])
  })
})

describe('RFC 3261 §18.2 and RFC 3581: where answers go', () => {
  const answered = (via: string, source: Hop) => {
    const { transactions, onlyRequest, sent } = start()
    const lines = ['OPTIONS sip:x@pbx.example SIP/2.0', `Via: ${via}`, 'From: <sip:a@b>;tag=1', 'To: <sip:x@b>']
    transactions.receive(0, sip(...lines, 'Call-ID: 1', 'CSeq: 1 OPTIONS'), source)
    onlyRequest().respond(0, { status: 200 })
    return { hop: sent[0]?.hop, via: sent[0]?.message.header('via') }
  }
  const natted = { ...peerHop, port: 31_000 }

  it('§4: to the port that the request came from when it asks for rport, which is filled in', () => {
    const { hop, via } = answered('SIP/2.0/UDP 10.1.1.1:5060;rport;branch=z9hG4bKa', natted)
    expect(hop).toEqual(natted)
    expect(via).toMatch(/;received=192\.0\.2\.7;rport=31000$/)
  })
  it('T10: to the observed source when the peer does not know its address', () => {
    expect(answered('SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bKa', natted).hop).toEqual(natted)
  })
  it('§18.2.2: to the port of sent-by when the peer knows its address and does not ask for rport', () => {
    expect(answered('SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa', natted).hop).toEqual(peerHop)
  })
  it('§18.2.2: over the same connection, or to the port of sent-by when that is gone', () => {
    const { hop } = answered('SIP/2.0/TCP 192.0.2.7:5070;branch=z9hG4bKa', connection)
    expect(hop).toEqual({ ...connection, port: 5070 })
  })
})

describe('RFC 3261 §8.2.7 stateless answers', () => {
  it('answers what cannot be read, with one tag for all', () => {
    const { transactions, sent } = start()
    const lines = ['OPTIONS sip:x@b SIP/2.0', 'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa', 'From: <sip:a@b>;tag=1']
    const bytes = encodeText([...lines, 'To: <sip:x@b>', 'Call-ID: 1', 'CSeq: 1 INFO', '', ''].join('\r\n'))
    for (let time = 0; time < 2; time += 1) {
      const fault = parseMessage(bytes)
      if (fault.isFault) transactions.receiveFault(fault, peerHop)
    }
    expect(sent.map(({ message }) => [message.status, message.toTag])).toEqual([
      [400, 'token1'],
      [400, 'token1'],
    ])
    expect(transactions.size).toBe(0)
  })
})

describe('RFC 3261 §17.1.3 responses to client transactions', () => {
  const first = (sent: { message: SipMessage }[]) => {
    const [one] = sent
    if (one === undefined) throw new Error('nothing was sent')
    return one.message
  }

  it('repeats an unanswered request and reports 408 (§8.1.3.1)', () => {
    const { request, seen, sent, run, transactions, queue } = start()
    request('INVITE')
    run(60_000)
    expect(sent.length).toBe(7)
    expect(new Set(sent.map(({ message }) => message.branch)).size).toBe(1)
    expect(seen.failures).toEqual([408])
    expect([transactions.size, queue.size]).toEqual([0, 0])
  })
  it('§17.1.1.3: the ACK to an error has the branch, Route and URI of the INVITE and the To of the response', () => {
    const { request, seen, sent, transactions, run } = start()
    request('INVITE')
    const invite = first(sent)
    transactions.receive(1, anAnswer(invite, 180), peerHop)
    transactions.receive(2, anAnswer(invite, 486), peerHop)
    transactions.receive(3, anAnswer(invite, 486), peerHop)
    expect(seen.answers).toEqual([180, 486])
    const acks = sent.slice(1).map(({ message }) => message)
    expect(acks.map(({ method, branch, uri, toTag, cseq }) => [method, branch, uri, toTag, cseq])).toEqual([
      ['ACK', invite.branch, invite.uri, 'bob', 7],
      ['ACK', invite.branch, invite.uri, 'bob', 7],
    ])
    expect(acks[0]?.header('route')).toBe('<sip:192.0.2.7;lr>')
    run(60_000)
    expect(transactions.size).toBe(0)
  })
  it('drops a response whose method is another one', () => {
    const { request, seen, sent, transactions } = start()
    request('INVITE')
    const wrong = sip(
      'SIP/2.0 200 OK',
      `Via: ${first(sent).header('via')}`,
      'From: <sip:a@b>;tag=ours',
      'To: <sip:b@b>;tag=1',
      'Call-ID: out-1',
      'CSeq: 7 BYE',
    )
    transactions.receive(1, wrong, peerHop)
    expect(seen.answers).toEqual([])
  })
  it('§9.1: a CANCEL waits for a provisional response and is like its INVITE', () => {
    const { request, sent, transactions, run } = start()
    const invite = request('INVITE')
    invite.cancel(1, [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']])
    expect(sent.length).toBe(1)
    transactions.receive(2, anAnswer(first(sent), 100), peerHop)
    const cancel = sent[1]?.message
    expect([cancel?.method, cancel?.branch, cancel?.toTag]).toEqual(['CANCEL', first(sent).branch, ''])
    expect([cancel?.header('cseq'), cancel?.header('reason')]).toEqual([
      '7 CANCEL',
      'SIP;cause=200;text="Call completed elsewhere"',
    ])
    run(60_000)
    expect(transactions.size).toBe(0)
  })
  it('§8.1.3.1: a broken transport is a 503, by its ticket or by its connection', () => {
    const { request, seen, transactions, sent } = start()
    request('OPTIONS')
    transactions.onSendFailed(1, sent[0]?.ticket ?? '')
    request('BYE', connection)
    transactions.onFlowClosed(2, 'tcp-9')
    transactions.onFlowClosed(3, 'tcp-9')
    expect(seen.failures).toEqual([503, 503])
    expect(transactions.size).toBe(0)
  })
  it('T5: hands up a 2xx to an INVITE that nobody sent, and nothing else', () => {
    const { request, seen, sent, transactions } = start()
    request('INVITE')
    const other = start()
    other.transactions.receive(0, anAnswer(first(sent), 200), peerHop)
    other.transactions.receive(0, anAnswer(first(sent), 486), peerHop)
    expect([other.seen.strays.length, seen.strays.length]).toEqual([1, 0])
    expect(transactions.size).toBe(1)
  })
})
