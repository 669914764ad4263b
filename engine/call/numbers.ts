/**
 * Telephone numbers as people dial and carriers send them: read in the country of whoever dials, written in E.164 where
 * they are numbers of the world, and kept as the text they are where not: short and service codes, names, "anonymous"
 * (T17). Written out again in the form that a trunk wants (T15).
 */
import type { NumberForm } from './directory.ts'
import {
  canadianAreaCodes,
  caribbeanAreaCodes,
  defaultPlan,
  type NumberingPlan,
  numberingPlans,
  premiumInternational,
} from './numbering-plans.ts'

/** `text`: nothing that a carrier could be asked for. */
export type NumberClass =
  | 'emergency'
  | 'short'
  | 'toll_free'
  | 'national'
  | 'mobile'
  | 'international'
  | 'premium'
  | 'text'

export interface ReadNumber {
  /** As dialled, without what only helps the eye. */
  readonly text: string
  /** With its plus; null where the number exists in one country or one organisation only. */
  readonly e164: string | null
  readonly kind: NumberClass
}

/** `country` is that of whoever dials, or of the trunk that a number came by. */
export function readNumber(dialled: string, country: string): ReadNumber {
  const plan = planOf(country)
  const text = withoutSeparators(dialled)
  if (plan.emergency.includes(text)) return { text, e164: null, kind: 'emergency' }
  if (!/^\+?\d+$/.test(text)) return { text, e164: null, kind: 'text' }
  const abroad = internationalDigits(text, plan)
  if (abroad !== null) return readInternational(text, abroad, country, plan)
  if (plan.premiumShort?.test(text)) return { text, e164: null, kind: 'premium' }
  if (plan.short.test(text)) return { text, e164: null, kind: 'short' }
  const national = nationalDigits(text, plan)
  if (national === null || plan.callingCode === '') return { text, e164: null, kind: 'text' }
  return { text, e164: `+${plan.callingCode}${national}`, kind: nationalKind(national, country, plan) }
}

/** As a trunk in `country` wants to see it. Short codes and text go as they are. */
export function formatNumber(number: ReadNumber, form: NumberForm, country: string): string {
  if (number.e164 === null) return number.text
  const digits = number.e164.slice(1)
  if (form === 'plus_e164') return number.e164
  if (form === '00') return `00${digits}`
  const plan = planOf(country)
  const isAtHome = plan.callingCode !== '' && digits.startsWith(plan.callingCode)
  if (!isAtHome) return `${plan.internationalPrefixes[0] ?? '00'}${digits}`
  return `${plan.trunkPrefix}${digits.slice(plan.callingCode.length)}`
}

/** E.164 of a number that a trunk sends in its own form; the text where it is none. */
export function readTrunkNumber(sent: string, form: NumberForm, country: string): ReadNumber {
  const text = withoutSeparators(sent)
  // Carriers that send E.164 often leave the plus out; a service code is shorter than any such number.
  if (form === 'plus_e164' && /^[1-9]\d{6,14}$/.test(text)) return readNumber(`+${text}`, country)
  return readNumber(text, country)
}

export function isEmergencyNumber(dialled: string, country: string): boolean {
  return planOf(country).emergency.includes(withoutSeparators(dialled))
}

/** What some carriers want before an emergency number: the country's calling code. */
export function emergencyWithCountryPrefix(number: string, country: string): string {
  return `+${planOf(country).callingCode}${number}`
}

/**
 * The number in a SIP or tel URI, or a bare one: the user part without parameters, %-escapes undone. A tel number with
 * a global phone-context (RFC 3966 §5.1.5) is put together; another context is only a hint and left out.
 */
export function numberOfUri(uri: string): string {
  const bare = uri.includes('<') ? (uri.slice(uri.lastIndexOf('<') + 1).split('>', 1)[0] ?? '') : uri
  const scheme = /^(sips?|tel):/i.exec(bare)?.[1]?.toLowerCase() ?? ''
  const rest = scheme === '' ? bare : bare.slice(scheme.length + 1)
  const at = rest.indexOf('@')
  if (scheme.startsWith('sip') && at < 0) return ''
  const user = scheme.startsWith('sip') ? (rest.slice(0, at).split(':', 1)[0] ?? '') : rest
  const [number = '', ...parameters] = user.split(';')
  const context = parameters.find((one) => /^phone-context=/i.test(one))?.slice('phone-context='.length)
  const text = unescaped(number)
  if (context === undefined || text.startsWith('+') || !/^\+\d+$/.test(context)) return text
  return `${context}${text.replace(/^0/, '')}`
}

/** RFC 3323 and what carriers write instead. */
export function isAnonymousUser(user: string): boolean {
  return /^(anonymous|restricted|unavailable|unknown|private|withheld)?$/i.test(user)
}

export function hasCountryTable(country: string): boolean {
  return country.toUpperCase() in numberingPlans
}

function planOf(country: string): NumberingPlan {
  return numberingPlans[country] ?? numberingPlans[country.toUpperCase()] ?? defaultPlan
}

/** Spaces, dots, brackets and dashes go, and "(0)"; letters and * # stay. Text with letters is not touched at all. */
function withoutSeparators(text: string): string {
  const trimmed = text.trim()
  if (/[^\d+*#()\s./-]/.test(trimmed)) return trimmed
  const isInternational = trimmed.startsWith('+') || trimmed.startsWith('00')
  return (isInternational ? trimmed.replace('(0)', '') : trimmed).replace(/[()\s./-]/g, '')
}

function internationalDigits(text: string, plan: NumberingPlan): string | null {
  if (text.startsWith('+')) return text.slice(1)
  for (const prefix of plan.internationalPrefixes) {
    if (text.startsWith(prefix) && text.length > prefix.length + 4) return text.slice(prefix.length)
  }
  return null
}

function readInternational(text: string, digits: string, country: string, plan: NumberingPlan): ReadNumber {
  // ITU-T E.164 gives 999 to nobody: such a number is a simulated one and costs nothing.
  if (/^999\d{2,12}$/.test(digits)) return { text, e164: `+${digits}`, kind: 'national' }
  if (!/^[1-9]\d{4,14}$/.test(digits)) return shortWithPrefix(text, digits, plan)
  if (plan.callingCode !== '' && digits.startsWith(plan.callingCode)) {
    const rest = digits.slice(plan.callingCode.length)
    // T17: +32112 and +32116000 are the service codes that somebody wrote a calling code before.
    const service = serviceCode(rest, plan)
    if (service) return service
    const national = plan.trunkPrefix === '0' && rest.startsWith('0') ? rest.slice(1) : rest
    return { text, e164: `+${plan.callingCode}${national}`, kind: nationalKind(national, country, plan) }
  }
  return { text, e164: `+${digits}`, kind: premiumAbroad(digits) ? 'premium' : 'international' }
}

function shortWithPrefix(text: string, digits: string, plan: NumberingPlan): ReadNumber {
  const rest =
    plan.callingCode !== '' && digits.startsWith(plan.callingCode) ? digits.slice(plan.callingCode.length) : ''
  return serviceCode(rest, plan) ?? { text, e164: null, kind: 'text' }
}

function serviceCode(digits: string, plan: NumberingPlan): ReadNumber | null {
  if (plan.emergency.includes(digits)) return { text: digits, e164: null, kind: 'emergency' }
  if (digits.length >= plan.minDigits) return null
  if (plan.premiumShort?.test(digits)) return { text: digits, e164: null, kind: 'premium' }
  return plan.short.test(digits) ? { text: digits, e164: null, kind: 'short' } : null
}

/** Null: neither with its trunk prefix nor, where there is none, a number of a possible length. */
function nationalDigits(text: string, plan: NumberingPlan): string | null {
  const { trunkPrefix, minDigits, maxDigits } = plan
  const isWithPrefix = trunkPrefix !== '' && text.startsWith(trunkPrefix)
  // In North America ten digits are dialled without the 1; elsewhere a number without its prefix is none.
  if (trunkPrefix !== '' && !isWithPrefix && trunkPrefix !== '1') return null
  const digits = isWithPrefix ? text.slice(trunkPrefix.length) : text
  return digits.length >= minDigits && digits.length <= maxDigits ? digits : null
}

function nationalKind(digits: string, country: string, plan: NumberingPlan): NumberClass {
  if (plan.premium.test(digits)) return 'premium'
  if (plan.callingCode === '1') return northAmericanKind(digits, country, plan)
  if (plan.tollFree.test(digits)) return 'toll_free'
  return plan.mobile?.test(digits) ? 'mobile' : 'national'
}

function northAmericanKind(digits: string, country: string, plan: NumberingPlan): NumberClass {
  if (plan.tollFree.test(digits)) return 'toll_free'
  if (caribbeanAreaCodes.test(digits)) return 'international'
  const isCanadian = canadianAreaCodes.test(digits)
  return isCanadian === (country.toUpperCase() === 'CA') ? 'national' : 'international'
}

/** Premium numbers of countries with a table are premium from abroad too: whoever bars them means the cost. */
function premiumAbroad(digits: string): boolean {
  if (premiumInternational.test(digits)) return true
  for (const plan of Object.values(numberingPlans)) {
    if (!digits.startsWith(plan.callingCode)) continue
    if (plan.premium.test(digits.slice(plan.callingCode.length))) return true
  }
  return false
}

function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
