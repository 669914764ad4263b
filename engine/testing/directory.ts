/** Parts of a directory with everything at its standard value, for tests of call logic. */
import type {
  Account,
  Callflow,
  CallForward,
  Device,
  FlowNode,
  FlowValue,
  PhoneNumber,
  Trunk,
  TrunkOptions,
  User,
} from '../call/directory.ts'

export const anAccount = (parts: Partial<Account> = {}): Account => ({
  id: 'acme',
  name: 'Acme',
  realm: 'acme.example.com',
  country: 'BE',
  language: 'en',
  callerId: null,
  restriction: 'none',
  musicOnHoldId: null,
  limits: {
    maxNumberSimCalls: null,
    maxNumberIncomingCalls: null,
    maxNumberOutgoingCalls: null,
    maxNumberFwdCalls: null,
    maxOutsideMinutesPerHour: null,
    maxCallSeconds: null,
  },
  failoverNumber: null,
  enabled: true,
  ...parts,
})

export const aUser = (id: string, parts: Partial<User> = {}): User => ({
  id,
  firstName: id,
  lastName: '',
  enabled: true,
  country: null,
  language: null,
  callerId: null,
  restriction: null,
  callForward: null,
  doNotDisturb: false,
  callWaiting: true,
  quickcallDeviceId: null,
  musicOnHoldId: null,
  ...parts,
})

export const aDevice = (id: string, ownerId: string | null, parts: Partial<Device> = {}): Device => ({
  id,
  name: id,
  ownerId,
  username: `${id}-sip`,
  enabled: true,
  country: null,
  language: null,
  callerId: null,
  restriction: null,
  callForward: null,
  doNotDisturb: false,
  musicOnHoldId: null,
  transport: null,
  maxOutsideCalls: null,
  ...parts,
})

export const aForward = (number: string, parts: Partial<CallForward> = {}): CallForward => ({
  enabled: true,
  number,
  requireKeyPress: false,
  directCallsOnly: false,
  keepCallerId: false,
  ...parts,
})

let nodes = 0
export const node = (
  module: string,
  data: Record<string, FlowValue> = {},
  children: Record<string, FlowNode> = {},
): FlowNode => {
  nodes += 1
  return { id: `node${nodes}`, module, data, children }
}

export const aCallflow = (id: string, numbers: readonly string[], flow: FlowNode): Callflow => ({
  id,
  name: id,
  numbers,
  featurecode: null,
  flow,
})

export const aPhoneNumber = (number: string, parts: Partial<PhoneNumber> = {}): PhoneNumber => ({
  number,
  trunkId: null,
  bypassNumber: null,
  bypassEnabled: false,
  ...parts,
})

export const trunkOptions: TrunkOptions = {
  overrideFromDomain: null,
  overrideFromUser: null,
  addCountryPrefixForEmergencyCalls: false,
  stripNumbers: 0,
  prependNumbers: '',
  didSource: 'request_uri',
  numberFormIn: 'plus_e164',
  numberFormOut: 'plus_e164',
  fromContent: 'caller_id',
  sendsRemotePartyId: false,
  isTrusted: false,
  hasClir: true,
  forwardedCaller: 'keep_with_diversion',
}

export const aTrunk = (id: string, parts: Partial<Trunk> = {}): Trunk => ({
  id,
  accountId: 'acme',
  name: id,
  category: 'carrier',
  enabled: true,
  callsDirection: 'both',
  trunkOrder: 1,
  maxCalls: null,
  internalCalls: false,
  restriction: null,
  country: null,
  server: `${id}.example.net`,
  port: null,
  transport: 'udp',
  outboundProxy: null,
  username: null,
  authUsername: null,
  password: null,
  callerIdUsed: 'device',
  options: trunkOptions,
  ...parts,
})
