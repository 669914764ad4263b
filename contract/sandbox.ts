/**
 * The sandbox: an organisation whose outside world is simulated. Its calls run through routing, SIP and sound as all calls
 * do, over a trunk to numbers that answer, are busy, or ring in vain, and leave the events and records of real ones.
 *
 * Invariant: no number here can be anybody's: +999 is reserved, and given to no country or service (ITU-T E.164).
 */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import { creating, dataOf, readErrors, writeErrors } from './resource.ts'
import { telephonyIds } from './telephony-examples.ts'
import { E164 } from './telephony-values.ts'
import { Id } from './values.ts'

/** What is called, by scenario; the times are in server/sandbox. */
export const sandboxNumbers = {
  answer: { number: '+9990000001', meaning: 'Rings for a second, answers, and sends back what it hears.' },
  busy: { number: '+9990000002', meaning: 'Is busy.' },
  no_answer: { number: '+9990000003', meaning: 'Rings, and nobody answers.' },
  voicemail: {
    number: '+9990000004',
    meaning: 'A mailbox: answers, beeps, listens in silence for 30 seconds, hangs up.',
  },
  slow_answer: { number: '+9990000005', meaning: 'Answers after 15 seconds, and sends back what it hears.' },
  drop: { number: '+9990000006', meaning: 'Answers, and hangs up after five seconds.' },
  transfer: {
    number: '+9990000007',
    meaning: 'Answers, and after three seconds hands the caller on to +9990000001: sound then comes from there.',
  },
  unknown_number: { number: '+9990000008', meaning: 'Does not exist.' },
  congestion: { number: '+9990000009', meaning: 'Cannot be reached: the network has no lines.' },
} as const satisfies Record<string, { number: string; meaning: string }>
export type SandboxNumber = keyof typeof sandboxNumbers

/** Who calls in. */
const sandboxCallers = {
  talk: 'Stays on the line, and sends back what it hears.',
  hang_up: 'Hangs up five seconds after the answer.',
  give_up: 'Hangs up after ten seconds of ringing.',
} as const
export type SandboxCaller = keyof typeof sandboxCallers
const callers = Object.keys(sandboxCallers) as [SandboxCaller, ...SandboxCaller[]]

const firstCaller = '+9990000100'
const CallerNumber = E164.refine((number) => number.startsWith('+999'), 'must be a number of the sandbox: +999…')

const NewSandboxCall = z
  .strictObject({
    scenario: z.enum(callers).meta({
      description: Object.entries(sandboxCallers)
        .map(([name, meaning]) => `\`${name}\`: ${meaning}`)
        .join(' '),
    }),
    to: E164.meta({ description: 'A phone number of the account.' }),
    from: CallerNumber.default(firstCaller).meta({ description: 'Who calls: a number that begins with +999.' }),
  })
  .meta({ id: 'NewSandboxCall' })

const SandboxCall = z
  .object({
    scenario: z.enum(callers),
    to: z.string(),
    from: z.string(),
    cursor: z.string().meta({ description: 'Of the log before the call: give it as `after` to see all its events.' }),
  })
  .meta({ id: 'SandboxCall' })

const Sandbox = z
  .object({
    enabled: z.boolean().meta({ description: 'Whether the account is a sandbox: `sandbox` of the account says so.' }),
    trunk_id: Id.meta({ description: 'The simulated trunk, as calls name it; it is not among `trunks`.' }),
    numbers: z.array(z.object({ number: z.string(), scenario: z.string(), meaning: z.string() })),
    callers: z.array(z.object({ scenario: z.string(), meaning: z.string() })),
  })
  .meta({ id: 'Sandbox' })

export const sandboxList = {
  numbers: Object.entries(sandboxNumbers).map(([scenario, one]) => ({ ...one, scenario })),
  callers: Object.entries(sandboxCallers).map(([scenario, meaning]) => ({ scenario, meaning })),
}

const sandbox = { tag: 'Sandbox' } as const

export const sandboxOperations = defineOperations({
  getSandbox: {
    ...sandbox,
    surface: 'telephony',
    method: 'GET',
    path: '/v3.0/sandbox',
    access: { kind: 'credential', scope: 'telephony:read', minRole: 'user' },
    summary: 'What can be called in the sandbox, and who can call in',
    description:
      'All calls of a sandbox to outside go to the simulation, by whatever number: those that are not listed answer as `answer` does, emergency numbers too. Its own trunks are not used.',
    result: dataOf(Sandbox),
    errors: readErrors,
    example: { result: { data: { enabled: true, trunk_id: telephonyIds.trunk, ...sandboxList } } },
  },
  createSandboxCall: {
    ...creating({
      ...sandbox,
      path: '/v3.0/sandbox/calls',
      summary: 'Let a simulated caller from outside ring a phone number',
      body: NewSandboxCall,
      data: SandboxCall,
      asked: { scenario: 'talk', to: telephonyIds.number },
      example: { scenario: 'talk', to: telephonyIds.number, from: firstCaller, cursor: 'c1e' },
    }),
    errors: [...writeErrors, 'unavailable'],
  },
})
