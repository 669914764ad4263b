import { expect, it } from 'vitest'
import { aRequest, peerHop } from '../../engine/testing/sip-text.ts'
import { Doorkeeper } from './doorkeeper.ts'

/** Whose call it is that comes from a carrier's address, with that Authorization; a status where it is nobody's. */
function admitted(authorization: string, isDeviceThere = false): string | number {
  const source = { kind: 'trunk', accountId: 'acc', trunkId: 'trunk' } as const
  const doorkeeper = new Doorkeeper({
    directories: { signIn: () => undefined } as never,
    trunks: { find: () => source } as never,
    isDeviceAt: () => isDeviceThere,
    trunkAt: () => null,
    clock: () => 0,
    sign: () => 'signature',
    hasRegistration: () => false,
    isEmergency: () => false,
    log: { warn: () => {} },
  })
  const invite = aRequest('INVITE', { more: [`Authorization: ${authorization}`] })
  const admission = doorkeeper.admit(invite, peerHop, true)
  return admission.kind === 'refused' ? admission.status : admission.kind
}

it('T14: what a caller answered to its carrier, and the carrier passed on, is no answer to us', () => {
  const answer = 'Digest username="bob", realm="carrier", nonce="theirs", uri="sip:x", response="0"'
  expect(admitted(answer)).toBe('trunk')
  expect(admitted('Bearer abc')).toBe('trunk')
  expect(admitted(answer, true)).toBe(401)
})
