/** An incoming INVITE becomes a call: whom it is for, whether it may be, and its first steps. */
import type { Instant } from '../machine.ts'
import { Call } from './call.ts'
import { CallLeg } from './call-leg.ts'
import { asAccount } from './caller-id.ts'
import type { IncomingInvite, LegId } from './leg.ts'
import { Ledger } from './ledger.ts'
import type { ReadNumber } from './numbers.ts'
import { loopDetected, mediaFailed, type Outcome, refusal } from './outcome.ts'
import type { RoutedCall } from './routing.ts'
import type { CallServices } from './services.ts'
import { planForward, planNumber, type RingPlan } from './targets.ts'

/** A call that was forwarded so often is going round in circles, whatever carriers do with Max-Forwards. */
const mostDiversions = 10

/** The call is known to `remember` before its first step, which may be its last. */
export function beginCall(
  now: Instant,
  services: CallServices<Call>,
  { leg, invite, routed }: { leg: LegId; invite: IncomingInvite; routed: RoutedCall },
  remember: (call: Call) => void,
): void {
  const call = newCall(now, services, leg, invite, routed)
  const { destination } = routed
  remember(call)
  call.start(now)
  if (destination.type === 'refused') return call.end(now, { by: 'system', outcome: destination.outcome })
  const outcome = obstacle(call, invite)
  if (outcome) return call.end(now, { by: 'system', outcome })
  if (!call.media.openCaller(call.caller)) return call.end(now, { by: 'system', outcome: mediaFailed })
  if (destination.type === 'flow') {
    const { node, callflow } = destination
    const instead = { type: 'ring', targets: [], failed: [] } as const
    call.follow(now, { type: 'enter', node, callflowId: callflow.id, forwardedBy: null, instead })
  } else {
    call.follow(now, planOutside(call, destination.number, routed.isBypassed))
  }
}

/** A number that is bypassed is a forward of the account's. */
function planOutside(call: Call, number: ReadNumber, isBypassed: boolean): RingPlan {
  const context = call.planContext(false)
  if (!isBypassed) return planNumber(context, number)
  return planForward(context, {
    number: number.text,
    forwarder: asAccount,
    keepsCallerId: true,
    isKeyPressRequired: false,
    reason: 'unconditional',
  })
}

function newCall(
  now: Instant,
  services: CallServices<Call>,
  leg: LegId,
  invite: IncomingInvite,
  { directory, direction, caller, originator, called, destination, wantsPrivacy }: RoutedCall,
): Call {
  const isEmergency = destination.type === 'outside' && destination.isEmergency
  const billed = { userId: null, deviceId: null }
  const isOutside = caller.trunkId !== null
  const facts = { id: leg, role: 'caller', isOutside, isEmergency, isForwarded: false, billed, startedAt: now } as const
  const ledger = new Ledger({
    id: services.host.newCallId(),
    accountId: directory.account.id,
    direction,
    isEmergency,
    caller,
    callerLeg: leg,
    calledNumber: called.text,
    calledE164: called.e164,
    startedAt: now,
    correlationId: null,
  })
  return new Call(services, {
    directory,
    ledger,
    caller: new CallLeg(facts, caller),
    aim: { originator, called, wantsPrivacy, timesDiverted: timesDiverted(invite) },
    maxForwards: invite.maxForwards,
    offer: invite.sdp,
  })
}

/** RFC 5806 section 4: a header without a counter stands for one. */
const timesDiverted = ({ diversion }: IncomingInvite): number =>
  diversion.reduce((sum, header) => sum + Number(/;\s*counter\s*=\s*(\d{1,3})/i.exec(header)?.[1] ?? 1), 0)

/** What the account has no room for. Emergency calls are counted, never refused (T18). */
function obstacle(call: Call, invite: IncomingInvite): Outcome | null {
  const { account } = call.directory
  const { direction, isEmergency } = call.ledger.facts
  if (invite.maxForwards <= 0) return refusal('too_many_hops')
  if (timesDiverted(invite) >= mostDiversions) return loopDetected
  const { maxNumberSimCalls, maxNumberIncomingCalls } = account.limits
  const limits = [{ key: `sim:${account.id}`, max: maxNumberSimCalls }]
  if (direction === 'incoming') limits.push({ key: `in:${account.id}`, max: maxNumberIncomingCalls })
  if (call.services.limits.acquire(limits, isEmergency)) {
    return refusal(direction === 'incoming' ? 'too_many_calls_in' : 'too_many_calls')
  }
  call.limits = limits
  return null
}
