/** What the people in a meeting see of a phone: a number without its middle, as on a till receipt. */
import type { MeetingPhone } from '../../engine/call/meeting-phone.ts'

/** Internal numbers are nobody's secret. */
const shortest = 7
const shownFirst = 4
const shownLast = 2
const longestName = 80
const withoutNumber = 'Phone'

export function maskNumber(number: string): string {
  const digits = number.replaceAll(/[^+0-9*#]/g, '')
  if (digits === '') return withoutNumber
  if (digits.length < shortest) return digits
  const hidden = digits.length - shownFirst - shownLast
  return `${digits.slice(0, shownFirst)}${'•'.repeat(hidden)}${digits.slice(-shownLast)}`
}

/** One line; the masked number where nothing better is known. */
export function nameOfPhone({ name, number }: Pick<MeetingPhone, 'name' | 'number'>): string {
  const text = (name ?? '')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, longestName)
  // Many networks put the number where a name should be.
  const isNumber = text.replaceAll(/[^0-9]/g, '').length >= shortest - 1
  return text === '' || isNumber ? maskNumber(number) : text
}
