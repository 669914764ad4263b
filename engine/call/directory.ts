/**
 * The configuration of one account as routing needs it: plain data in memory with its indexes, so that a call reads
 * nothing from anywhere (T4). The voice process fills it and changes single objects in it as configuration is written.
 * Field names are those of the Configuration API in camelCase; null is "not set", and then the next wider level counts
 * (device, user, account).
 *
 * Invariant: every id in here belongs to this account, except that `trunks` may hold a provider's trunks too.
 */

/** What may not be called. Each bars what the one before bars; emergency numbers never are (T18). */
export type Restriction = 'none' | 'premium' | 'international' | 'mobile' | 'outside'

export interface NameAndNumber {
  readonly name: string | null
  readonly number: string | null
}
export interface CallerId {
  readonly internal: NameAndNumber | null
  readonly external: (NameAndNumber & { readonly anonymous: boolean }) | null
  readonly emergency: NameAndNumber | null
}
export interface CallForward {
  readonly enabled: boolean
  /** An internal number or an outside one. */
  readonly number: string
  /** Whoever answers the forwarded call has to press 1, so that a mailbox of a mobile does not take it. */
  readonly requireKeyPress: boolean
  /** Only calls that reach this user or device directly, by the first module of the callflow that was dialled. */
  readonly directCallsOnly: boolean
  /** Show the caller's number to the forwarded party instead of the forwarder's. */
  readonly keepCallerId: boolean
}

export interface Account {
  readonly id: string
  readonly name: string
  readonly realm: string
  /** Two letters, ISO 3166. */
  readonly country: string
  readonly language: string
  readonly callerId: CallerId | null
  readonly restriction: Restriction | null
  readonly musicOnHoldId: string | null
  readonly limits: AccountLimits
  /** Called when an outside call finds nobody reachable. */
  readonly failoverNumber: string | null
  /** False: suspended, only emergency calls. */
  readonly enabled: boolean
}
/** Null: no limit. */
export interface AccountLimits {
  readonly maxNumberSimCalls: number | null
  readonly maxNumberIncomingCalls: number | null
  readonly maxNumberOutgoingCalls: number | null
  readonly maxNumberFwdCalls: number | null
  /** T31: minutes of outside calls in any hour. */
  readonly maxOutsideMinutesPerHour: number | null
  readonly maxCallSeconds: number | null
}

export interface User {
  readonly id: string
  readonly firstName: string
  readonly lastName: string
  readonly enabled: boolean
  readonly country: string | null
  readonly language: string | null
  readonly callerId: CallerId | null
  readonly restriction: Restriction | null
  readonly callForward: CallForward | null
  readonly doNotDisturb: boolean
  /** A second call rings on a phone that is in use. */
  readonly callWaiting: boolean
  /** Rung first by a click-to-call; null: any of the user's. */
  readonly quickcallDeviceId: string | null
  readonly musicOnHoldId: string | null
}

export interface Device {
  readonly id: string
  readonly name: string
  readonly ownerId: string | null
  readonly username: string
  readonly enabled: boolean
  readonly country: string | null
  readonly language: string | null
  readonly callerId: CallerId | null
  readonly restriction: Restriction | null
  readonly callForward: CallForward | null
  readonly doNotDisturb: boolean
  readonly musicOnHoldId: string | null
  readonly transport: string | null
  /** T31: simultaneous outside calls; null: no limit. */
  readonly maxOutsideCalls: number | null
}

export interface PhoneNumber {
  /** E.164 with its plus. */
  readonly number: string
  readonly trunkId: string | null
  /** Disaster re-route: calls to the number go there instead of to its callflow. */
  readonly bypassNumber: string | null
  readonly bypassEnabled: boolean
}

export type FlowValue = string | number | boolean | null
export interface FlowNode {
  readonly id: string
  readonly module: string
  readonly data: Readonly<Record<string, FlowValue>>
  /** Keyed by branch; `_` is the default. */
  readonly children: Readonly<Record<string, FlowNode>>
}
export interface Callflow {
  readonly id: string
  readonly name: string
  /** Internal numbers as dialled, and phone numbers in E.164. */
  readonly numbers: readonly string[]
  readonly featurecode: { readonly name: string; readonly number: string } | null
  readonly flow: FlowNode | null
}

export type NumberForm = 'plus_e164' | '00' | 'national'
export interface Trunk {
  readonly id: string
  /** Whose trunk it is: a provider's trunk also carries calls of the accounts below. */
  readonly accountId: string
  readonly name: string
  readonly category: 'carrier' | 'pbx_connector' | 'inter_account'
  readonly enabled: boolean
  readonly callsDirection: 'incoming' | 'outgoing' | 'both'
  /** Smaller is tried first. */
  readonly trunkOrder: number
  /** From `concurrent_calls_volume`; null: no limit. */
  readonly maxCalls: number | null
  /**
   * Of a `pbx_connector`, an exchange on site: internal numbers may be called from it, and those that no callflow has
   * are called through it.
   */
  readonly internalCalls: boolean
  readonly restriction: Restriction | null
  readonly country: string | null
  /** Empty: it registers with us, and is called where it did. */
  readonly server: string
  readonly port: number | null
  readonly transport: 'udp' | 'tcp' | 'tls'
  /** As it stands in a URI: an IPv6 address in brackets, a port behind it. */
  readonly outboundProxy: string | null
  readonly username: string | null
  readonly authUsername: string | null
  readonly password: string | null
  /** The most special level whose outside number may be shown. */
  readonly callerIdUsed: 'device' | 'user' | 'account'
  readonly options: TrunkOptions
}
/** T15. */
export interface TrunkOptions {
  readonly overrideFromDomain: string | null
  readonly overrideFromUser: string | null
  readonly addCountryPrefixForEmergencyCalls: boolean
  /** Digits cut from, then text put before an incoming called number. */
  readonly stripNumbers: number
  readonly prependNumbers: string
  readonly didSource: 'request_uri' | 'to' | 'p_called_party_id'
  readonly numberFormIn: NumberForm
  readonly numberFormOut: NumberForm
  readonly fromContent: 'caller_id' | 'username'
  readonly sendsRemotePartyId: boolean
  /** P-Asserted-Identity also of anonymous calls (T19). */
  readonly isTrusted: boolean
  /** The carrier can withhold numbers; without it no anonymous call goes out by this trunk. */
  readonly hasClir: boolean
  readonly forwardedCaller: 'keep_with_diversion' | 'own_did'
}

/** One name for the numbers of a directory entry. */
export interface Contact {
  readonly id: string
  /** Whose personal directory; null: everybody's. */
  readonly userId: string | null
  readonly name: string
  /** E.164 where they are numbers. */
  readonly numbers: readonly string[]
}
export interface Media {
  readonly id: string
  readonly path: string
  /** The account's own, in the place of one that is there for everybody; a language of null is any. */
  readonly prompt?: { readonly name: PromptName; readonly language: string | null }
}
export type PromptName = 'forward_press_1' | 'music_on_hold'

export interface DirectoryParts {
  user: User
  device: Device
  callflow: Callflow
  trunk: Trunk
  phoneNumber: PhoneNumber
  contact: Contact
  media: Media
}
export type DirectoryKind = keyof DirectoryParts

export class Directory {
  account: Account
  readonly users = new Map<string, User>()
  readonly devices = new Map<string, Device>()
  readonly callflows = new Map<string, Callflow>()
  readonly phoneNumbers = new Map<string, PhoneNumber>()
  readonly medias = new Map<string, Media>()
  readonly #trunks = new Map<string, Trunk>()
  readonly #contacts = new Map<string, Contact>()
  readonly #devicesByOwner = new Map<string, Set<Device>>()
  readonly #callflowsByNumber = new Map<string, Callflow>()
  readonly #callflowsByFeatureCode = new Map<string, Callflow>()
  readonly #contactsByNumber = new Map<string, Set<Contact>>()
  /** The callflows that begin with a user or a device, by its id. */
  readonly #callflowsOf = new Map<string, Set<Callflow>>()
  /** By `trunkOrder`; made again when a trunk changes. */
  #trunksInOrder: readonly Trunk[] | null = null

  constructor(account: Account) {
    this.account = account
  }

  put<K extends DirectoryKind>(kind: K, value: DirectoryParts[K]): void
  put(...[kind, value]: { [K in DirectoryKind]: [K, DirectoryParts[K]] }[DirectoryKind]): void {
    switch (kind) {
      case 'user':
        this.users.set(value.id, value)
        return
      case 'device':
        this.remove('device', value.id)
        this.devices.set(value.id, value)
        if (value.ownerId !== null) addTo(this.#devicesByOwner, value.ownerId, value)
        return
      case 'callflow':
        this.remove('callflow', value.id)
        this.callflows.set(value.id, value)
        for (const number of value.numbers) this.#callflowsByNumber.set(number, value)
        if (value.featurecode) this.#callflowsByFeatureCode.set(value.featurecode.number, value)
        else if (value.flow) addTo(this.#callflowsOf, targetOf(value.flow), value)
        return
      case 'trunk':
        this.#trunks.set(value.id, value)
        this.#trunksInOrder = null
        return
      case 'phoneNumber':
        this.phoneNumbers.set(value.number, value)
        return
      case 'contact':
        this.remove('contact', value.id)
        this.#contacts.set(value.id, value)
        for (const number of value.numbers) addTo(this.#contactsByNumber, number, value)
        return
      case 'media':
        this.medias.set(value.id, value)
    }
  }

  /** `id` of a phone number is the number. */
  remove(kind: DirectoryKind, id: string): void {
    switch (kind) {
      case 'user':
        this.users.delete(id)
        return
      case 'device': {
        const device = this.devices.get(id)
        if (!device) return
        this.devices.delete(id)
        if (device.ownerId !== null) dropFrom(this.#devicesByOwner, device.ownerId, device)
        return
      }
      case 'callflow':
        this.#removeCallflow(id)
        return
      case 'trunk':
        this.#trunks.delete(id)
        this.#trunksInOrder = null
        return
      case 'phoneNumber':
        this.phoneNumbers.delete(id)
        return
      case 'contact': {
        const contact = this.#contacts.get(id)
        if (!contact) return
        this.#contacts.delete(id)
        for (const number of contact.numbers) dropFrom(this.#contactsByNumber, number, contact)
        return
      }
      case 'media':
        this.medias.delete(id)
    }
  }

  trunk(id: string): Trunk | undefined {
    return this.#trunks.get(id)
  }

  get trunks(): readonly Trunk[] {
    this.#trunksInOrder ??= [...this.#trunks.values()].sort(
      (a, b) => a.trunkOrder - b.trunkOrder || (a.id < b.id ? -1 : 1),
    )
    return this.#trunksInOrder
  }

  devicesOf(userId: string): Iterable<Device> {
    return this.#devicesByOwner.get(userId) ?? []
  }

  ownerOf(device: Device): User | undefined {
    return device.ownerId === null ? undefined : this.users.get(device.ownerId)
  }

  callflowOf(number: string): Callflow | undefined {
    return this.#callflowsByNumber.get(number)
  }

  callflowOfFeatureCode(number: string): Callflow | undefined {
    return this.#callflowsByFeatureCode.get(number)
  }

  /** The internal number of a user or a device, or its phone number: the first of the callflows that begin with it. */
  numberOf(userOrDeviceId: string, kind: 'internal' | 'outside'): string | null {
    for (const { numbers } of this.#callflowsOf.get(userOrDeviceId) ?? []) {
      const number = numbers.find((one) => one.startsWith('+') === (kind === 'outside'))
      if (number !== undefined) return number
    }
    return null
  }

  /** The name that a ringing phone shows: of the callee's own directory before everybody's. */
  contactName(number: string, userId: string | null): string | null {
    let found: Contact | undefined
    for (const contact of this.#contactsByNumber.get(number) ?? []) {
      if (contact.userId !== null && contact.userId === userId) return contact.name
      if (contact.userId === null) found ??= contact
    }
    return found?.name ?? null
  }

  /** The account's own sound for a prompt, the newest where there are several: in that language, or in none. */
  prompt(name: PromptName, language: string): string | null {
    const own = [...this.medias.values()].filter(({ prompt }) => prompt?.name === name).reverse()
    const said = own.find(({ prompt }) => primaryOf(prompt?.language ?? '') === primaryOf(language))
    return (said ?? own.find(({ prompt }) => prompt?.language === null))?.path ?? null
  }

  #removeCallflow(id: string): void {
    const callflow = this.callflows.get(id)
    if (!callflow) return
    this.callflows.delete(id)
    if (callflow.flow) dropFrom(this.#callflowsOf, targetOf(callflow.flow), callflow)
    // A number that another callflow has taken meanwhile stays that one's.
    for (const number of callflow.numbers) {
      if (this.#callflowsByNumber.get(number) === callflow) this.#callflowsByNumber.delete(number)
    }
    const code = callflow.featurecode?.number
    if (code !== undefined && this.#callflowsByFeatureCode.get(code) === callflow) {
      this.#callflowsByFeatureCode.delete(code)
    }
  }
}

/** All accounts of the process. */
export interface Directories {
  account(accountId: string): Directory | undefined
  /** The account that a phone number belongs to: numbers are unique in the instance (T14). */
  ofPhoneNumber(e164: string): Directory | undefined
}

/** Whom the first module calls; '' where it is nobody in particular. */
const targetOf = ({ module, data }: FlowNode): string =>
  (module === 'user' || module === 'device') && data.id !== null && data.id !== undefined ? String(data.id) : ''

/** `fr` of `fr-BE`. */
const primaryOf = (language: string): string => language.toLowerCase().split('-')[0] ?? ''

function addTo<T>(index: Map<string, Set<T>>, key: string, value: T): void {
  const values = index.get(key)
  if (values) values.add(value)
  else index.set(key, new Set([value]))
}

function dropFrom<T>(index: Map<string, Set<T>>, key: string, value: T): void {
  const values = index.get(key)
  if (!values?.delete(value)) return
  if (values.size === 0) index.delete(key)
}
