/**
 * One INVITE that could be sent: everything of it but the leg and the SDP. To a phone it goes by a binding of its
 * registration, to the outside by a trunk with what that carrier wants to see (T15).
 */
import type { Directory, Trunk } from './directory.ts'
import type { DeviceContact } from './host.ts'
import type { DialTarget, Identity, LegCommand } from './leg.ts'
import type { Limit } from './limits.ts'
import { emergencyWithCountryPrefix, formatNumber, type ReadNumber, readNumber } from './numbers.ts'
import type { Party } from './party.ts'

type Dial = Extract<LegCommand, { type: 'dial' }>
type Header = readonly [string, string]

export interface Attempt {
  readonly party: Party
  readonly dial: Omit<Dial, 'type' | 'leg' | 'sdp' | 'maxForwards'>
  /** SRTP: `optional` is offered as what a peer may leave aside, `required` as all there is (engine/sdp/audio.ts). */
  readonly security: 'none' | 'optional' | 'required'
  readonly limits: readonly Limit[]
}

/** Who passed a call on, as the next one is told (RFC 5806). */
export interface Diversion {
  readonly number: string
  readonly reason: 'unconditional' | 'deflection'
  /** With those before it, so that a circle over several carriers ends. */
  readonly times: number
}

export function deviceAttempt(
  parts: { directory: Directory; callee: Party; from: Identity; toNumber: string },
  contact: DeviceContact,
  diversion: Diversion | null,
): Attempt {
  const { directory, callee, from, toNumber } = parts
  const { realm } = directory.account
  return {
    party: callee,
    dial: {
      to: contact.target,
      from,
      toNumber,
      headers: diversion ? [diversionHeader(diversion, realm)] : [],
      fromDomain: realm,
      // Our own phones are told that somebody is anonymous, never who (T19).
      isIdentityTrusted: false,
    },
    security: contact.isSecure ? 'optional' : 'none',
    limits: [],
  }
}

export interface TrunkCall {
  readonly directory: Directory
  readonly trunk: Trunk
  readonly number: ReadNumber
  readonly isEmergency: boolean
  /** With the number in E.164, where it is one. */
  readonly from: Identity
  readonly diversion: Diversion | null
  readonly limits: readonly Limit[]
}

/** `contact`: where the trunk registered with us; null: it has a server of its own. */
export function trunkAttempt(call: TrunkCall, contact: DeviceContact | null): Attempt {
  const { directory, trunk, number, from, diversion, limits } = call
  const { options } = trunk
  const country = trunk.country ?? directory.account.country
  const shown = inForm(from, trunk, country)
  const toNumber = dialledNumber(call, country)
  const headers: Header[] = []
  const domain = options.overrideFromDomain ?? (trunk.server || directory.account.realm)
  if (diversion) {
    headers.push(diversionHeader({ ...diversion, number: inTrunkForm(diversion.number, trunk, country) }, domain))
  }
  if (options.sendsRemotePartyId && (!from.isAnonymous || options.isTrusted)) {
    headers.push(remotePartyId(shown, domain))
  }
  const fromUser = fromUserOf(trunk)
  return {
    party: {
      identity: { number: number.e164 ?? number.text, name: null, isAnonymous: false },
      userId: null,
      deviceId: null,
      trunkId: trunk.id,
    },
    dial: {
      to: contact
        ? { ...contact.target, uri: contact.target.uri.replace(/^(sips?:)(?:[^@]*@)?/i, `$1${escapeUser(toNumber)}@`) }
        : serverOf(trunk, toNumber),
      from: shown,
      toNumber,
      headers,
      isIdentityTrusted: options.isTrusted,
      fromDomain: domain,
      ...(fromUser === null ? {} : { fromUser }),
    },
    security: (contact?.isSecure ?? trunk.transport === 'tls') ? 'optional' : 'none',
    limits,
  }
}

function serverOf(trunk: Trunk, toNumber: string): DialTarget {
  const port = trunk.port === null ? '' : `:${trunk.port}`
  const transport = trunk.transport === 'udp' ? '' : `;transport=${trunk.transport}`
  const username = trunk.authUsername ?? trunk.username
  return {
    uri: `sip:${escapeUser(toNumber)}@${hostOf(trunk.server)}${port}${transport}`,
    route: trunk.outboundProxy === null ? [] : [routeOf(trunk.outboundProxy, transport)],
    flow: null,
    credentials: username === null ? null : { username, password: trunk.password ?? '' },
  }
}

function dialledNumber({ trunk, number, isEmergency }: TrunkCall, country: string): string {
  if (isEmergency && trunk.options.addCountryPrefixForEmergencyCalls) {
    return emergencyWithCountryPrefix(number.text, country)
  }
  return formatNumber(number, trunk.options.numberFormOut, country)
}

function fromUserOf({ options, username }: Trunk): string | null {
  return options.overrideFromUser ?? (options.fromContent === 'username' ? username : null)
}

const inForm = (from: Identity, trunk: Trunk, country: string): Identity => ({
  ...from,
  number: inTrunkForm(from.number, trunk, country),
})

const inTrunkForm = (number: string, trunk: Trunk, country: string): string =>
  formatNumber(readNumber(number, country), trunk.options.numberFormOut, country)

const hostOf = (server: string): string => (server.includes(':') && !server.startsWith('[') ? `[${server}]` : server)

const routeOf = (proxy: string, transport: string): string =>
  /^sips?:/i.test(proxy) ? `<${proxy}>` : `<sip:${proxy}${transport};lr>`

function diversionHeader({ number, reason, times }: Diversion, domain: string): Header {
  const counter = times > 1 ? `;counter=${times}` : ''
  return ['Diversion', `<sip:${escapeUser(number)}@${hostOf(domain)}>;reason=${reason}${counter}`]
}

function remotePartyId({ number, name, isAnonymous }: Identity, domain: string): Header {
  const display = name === null ? '' : `"${name.replace(/["\\\r\n]/g, ' ')}" `
  const privacy = isAnonymous ? 'full' : 'off'
  return [
    'Remote-Party-ID',
    `${display}<sip:${escapeUser(number)}@${hostOf(domain)}>;party=calling;privacy=${privacy};screen=yes`,
  ]
}

/** RFC 3261 §25.1 `user`: whatever a number may hold besides becomes an escape. */
const escapeUser = (user: string): string =>
  user.toWellFormed().replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, (character) => encodeURIComponent(character))
