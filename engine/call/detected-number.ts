/**
 * What a number in E.164 says of itself, for the history: its country and its kind, as far as the numbering plans that we
 * have (numbering-plans.ts) tell. Which operator it is with no number says, since numbers are ported.
 */
import { canadianAreaCodes, caribbeanAreaCodes, numberingPlans, premiumInternational } from './numbering-plans.ts'
import { readNumber } from './numbers.ts'

export interface DetectedNumber {
  /** ISO 3166-1 alpha-2; null: not known. */
  readonly country: string | null
  readonly type: 'mobile' | 'national' | 'premium' | 'toll_free' | null
}

const nothing: DetectedNumber = { country: null, type: null }

/** Jersey, Guernsey and the Isle of Man are within +44, and countries of their own: their landlines. */
const crownDependencies = /^1(481|534|624)/

export function detectNumber(number: string | null): DetectedNumber {
  if (number === null || !/^\+[1-9]\d{4,14}$/.test(number)) return nothing
  const country = countryOf(number.slice(1))
  if (country === null) return premiumInternational.test(number.slice(1)) ? { country, type: 'premium' } : nothing
  const { kind } = readNumber(number, country)
  const isType = kind === 'mobile' || kind === 'national' || kind === 'premium' || kind === 'toll_free'
  return { country, type: isType ? kind : null }
}

function countryOf(digits: string): string | null {
  const found = Object.entries(numberingPlans).find(([, { callingCode }]) => digits.startsWith(callingCode))
  if (!found) return null
  const [country, { callingCode, minDigits, maxDigits }] = found
  const national = digits.slice(callingCode.length)
  if (national.length < minDigits || national.length > maxDigits) return null
  if (callingCode === '1') return northAmerican(national)
  return country === 'GB' && crownDependencies.test(national) ? null : country
}

/** 800 and 900 are shared by all of +1. */
function northAmerican(national: string): string | null {
  if (caribbeanAreaCodes.test(national) || /^[89]00|^8(33|44|55|66|77|88)/.test(national)) return null
  return canadianAreaCodes.test(national) ? 'CA' : 'US'
}
