/** Points in time and lengths, by the reader's language: relative, with the exact instant and zone on hover. */
import { useLingui } from '@lingui/react/macro'
import { useSyncExternalStore } from 'react'

const tickMs = 1_000
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | null = null

/** One clock for all that shows time. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const one of listeners) one()
  }, tickMs)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0 || !timer) return
    clearInterval(timer)
    timer = null
  }
}

/** Rounded, so that what shows minutes is not drawn every second. */
function useNow(stepMs: number): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Math.max(now, Date.now() - tickMs) / stepMs) * stepMs)
}

const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

export function When({ at }: { readonly at: string }) {
  const { i18n } = useLingui()
  const time = Date.parse(at)
  const isRecent = Math.abs(Date.now() - time) < 90_000
  const seconds = (time - useNow(isRecent ? 1_000 : 10_000)) / 1_000
  return (
    <time className="numbers" dateTime={at} title={exact(at, i18n.locale)}>
      {relative(Math.abs(seconds) < 2 ? 0 : seconds, i18n.locale)}
    </time>
  )
}

function relative(seconds: number, locale: string): string {
  const size = Math.abs(seconds)
  if (size > 6 * 86_400) {
    const date = new Date(Date.now() + seconds * 1_000)
    const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' as const }
    return date.toLocaleDateString(locale, { day: 'numeric', month: 'short', ...year })
  }
  const [unit, length] = units.find(([, each]) => size >= each) ?? ['second', 1]
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' })
  return format.format(Math.trunc(seconds / length), unit)
}

const exact = (at: string, locale: string): string =>
  new Date(at).toLocaleString(locale, { dateStyle: 'full', timeStyle: 'long' })

const clock = {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
} as const

/** `10:14:03.250`, for logs; of another day with its date. */
export function Clock({ at }: { readonly at: string }) {
  const { i18n } = useLingui()
  const date = new Date(at)
  const isToday = date.toDateString() === new Date().toDateString()
  const day = date.toLocaleDateString(i18n.locale, { day: 'numeric', month: 'short' })
  return (
    <time className="numbers" dateTime={at} title={exact(at, i18n.locale)}>
      {!isToday && <span className="soft">{day} </span>}
      {date.toLocaleTimeString(i18n.locale, clock)}
    </time>
  )
}

/** 1:02:03 */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** How long something has gone on, second by second. */
export function Since({ at }: { readonly at: string | number }) {
  const from = typeof at === 'number' ? at : Date.parse(at)
  return <span className="numbers">{duration((useNow(1_000) + tickMs - from) / 1_000)}</span>
}
