/**
 * Which events a webhook gets: the types it names, of these what whoever named them may read (E6), and of these what its
 * conditions let through.
 */
import type { Scope } from '../../contract/access.ts'
import { type EventType, events, eventTypes } from '../../contract/events.ts'
import type { EventCondition } from '../../contract/webhook.ts'
import { isHook } from './meeting-hooks.ts'

/** The types that patterns name; `unknown` is the first that names none. */
export function typesNamed(patterns: readonly string[]): { types: EventType[]; unknown: string | undefined } {
  const types = eventTypes.filter((type) => patterns.some((pattern) => isNamed(type, pattern)))
  return { types, unknown: patterns.find((pattern) => !eventTypes.some((type) => isNamed(type, pattern))) }
}

const isNamed = (type: string, pattern: string) =>
  pattern === '*' || type === pattern || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)))

export const scopesOf = (types: readonly EventType[]): Set<Scope> => new Set(types.map((type) => events[type].scope))

interface Choice {
  readonly patterns: readonly string[]
  readonly scopes: readonly Scope[]
  readonly format: 'standard' | 'meeting_v6'
}

export function typesChosen({ patterns, scopes, format }: Choice): Set<EventType> {
  const readable = typesNamed(patterns).types.filter((type) => scopes.includes(events[type].scope))
  return new Set(format === 'meeting_v6' ? readable.filter(isHook) : readable)
}

/** All conditions hold for the event as it is sent. */
export function meetsConditions(text: string, conditions: readonly EventCondition[]): boolean {
  if (conditions.length === 0) return true
  const event: unknown = JSON.parse(text)
  return conditions.every((condition) => isMet(condition, valueAt(event, condition.path)))
}

function valueAt(event: unknown, path: string): unknown {
  let value = event
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function isMet({ op, value: wanted }: EventCondition, value: unknown): boolean {
  switch (op) {
    case 'eq':
      return value === wanted
    case 'ne':
      return value !== wanted
    case 'in':
      return Array.isArray(wanted) && wanted.some((one) => one === value)
    case 'not_in':
      return Array.isArray(wanted) && wanted.every((one) => one !== value)
    case 'prefix':
      return typeof value === 'string' && typeof wanted === 'string' && value.startsWith(wanted)
    case 'exists':
      return (value !== null) === (wanted !== false)
  }
}
