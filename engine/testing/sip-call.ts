/** Calls between two nodes, or a node and a peer that the test plays, brought to the point where a test begins. */
import { anAnswer, type RequestOptions, sip } from './sip-text.ts'
import type { SipMessage } from '../sip/message.ts'
import { type ScriptedPeer, type SipNode, SipWorld, type Weather } from './sip-world.ts'
import type { LegsOptions } from '../sip/leg-port.ts'

export interface TwoNodes {
  readonly world: SipWorld
  readonly alice: SipNode
  readonly bob: SipNode
}

/** Alice (192.0.2.1) and Bob (192.0.2.2), who rings, and answers unless he is told not to. */
export function twoNodes(
  options: { does?: 'answer' | 'ring' | 'refuse' | 'nothing'; legs?: Partial<LegsOptions> } & Weather = {},
): TwoNodes {
  const { does = 'answer', legs = {}, ...weather } = options
  const world = new SipWorld(weather)
  const alice = world.node('a', '192.0.2.1', legs)
  const bob = world.node('b', '192.0.2.2', legs)
  bob.onEvent = (event) => {
    if (event.type !== 'incoming' || does === 'nothing') return
    const { leg } = event
    if (does === 'refuse') return bob.command({ type: 'reject', leg, status: 486 })
    bob.command({ type: 'progress', leg, status: 180, sdp: null })
    if (does === 'answer') bob.command({ type: 'answer', leg, sdp: 'answer' })
  }
  return { world, alice, bob }
}

/** As `twoNodes`, with the call answered, acknowledged, and everything before it off the record. */
export function inCall(options: Parameters<typeof twoNodes>[0] = {}): TwoNodes {
  const nodes = twoNodes(options)
  nodes.alice.dial('sip:bob@192.0.2.2')
  nodes.world.run(1_000)
  for (const node of [nodes.alice, nodes.bob]) node.events.length = 0
  nodes.world.wire.length = 0
  return nodes
}

/** A node (192.0.2.1) and a peer (192.0.2.7) that is played by hand. */
export function nodeAndPeer(legs: Partial<LegsOptions> = {}): { world: SipWorld; node: SipNode; peer: ScriptedPeer } {
  const world = new SipWorld()
  return { world, node: world.node('n', '192.0.2.1', legs), peer: world.peer('p', '192.0.2.7') }
}

export const peerContact = 'Contact: <sip:peer@192.0.2.7>'
export const sdpLines = ['Content-Type: application/sdp']

/** A request of the peer in the dialog that it began by `invite`, whose answer was `answer`. */
export function inDialog(
  invite: SipMessage,
  answer: SipMessage,
  method: string,
  cseq: number,
  options: RequestOptions = {},
) {
  const { more = [], body = '', branch = `z9hG4bK${method}${cseq}` } = options
  return sip(
    `${method} sip:carillon@192.0.2.1 SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.7:5060;branch=${branch};rport`,
    'Max-Forwards: 70',
    `From: ${invite.header('from')}`,
    `To: ${answer.header('to')}`,
    `Call-ID: ${invite.callId}`,
    `CSeq: ${cseq} ${method}`,
    ...more,
    '',
    ...(body === '' ? [] : [body]),
  )
}

/** A request of the peer in the dialog that the node began by `invite`. */
export function inDialogOf(
  invite: SipMessage,
  tag: string,
  method: string,
  cseq: number,
  options: RequestOptions = {},
) {
  const { more = [], body = '', branch = `z9hG4bK${method}${cseq}` } = options
  return sip(
    `${method} sip:carillon@192.0.2.1 SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.7:5060;branch=${branch};rport`,
    'Max-Forwards: 70',
    `From: ${invite.header('to')};tag=${tag}`,
    `To: ${invite.header('from')}`,
    `Call-ID: ${invite.callId}`,
    `CSeq: ${cseq} ${method}`,
    ...more,
    '',
    ...(body === '' ? [] : [body]),
  )
}

/** The peer answers all requests of the node by 200, an INVITE with SDP. */
export function answersAll(node: SipNode, peer: ScriptedPeer): void {
  peer.onMessage = (message) => {
    if (!message.isRequest || message.method === 'ACK') return
    const isInvite = message.method === 'INVITE'
    const more = isInvite ? [peerContact, ...sdpLines] : []
    peer.send(node, anAnswer(message, 200, { more, body: isInvite ? 'answer' : '' }))
  }
}
