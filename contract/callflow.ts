/**
 * Callflows: what happens to a call to one of its numbers, as a tree of modules. A module's outcome chooses the branch
 * by which the call goes on; `_` is the branch for every outcome that has none of its own.
 */
import { z } from 'zod'
import { BooleanQuery, Dialable, identity, paging, tagged } from './telephony-values.ts'
import { Id, line, Timestamp } from './values.ts'

const modules = ['user', 'device', 'callflow', 'external_number', 'play', 'hangup'] as const

const caption = line(120).nullish().meta({ description: 'Shown in editors; has no effect.' })
const timeout = z.int().min(1).max(600).nullish().meta({ description: 'Seconds to ring; absent: 30.' })
const of = (what: string) => Id.meta({ description: what })

/** What each module is told. An `id` of null is what editors send where a module needs none. */
const moduleData = {
  user: z.strictObject({ id: of('Whose devices ring, all at once.'), timeout, caption }),
  device: z.strictObject({ id: of('The device that rings.'), timeout, caption }),
  callflow: z.strictObject({ id: of('The callflow that goes on.'), caption }),
  external_number: z.strictObject({
    id: z.null().optional(),
    number: Dialable.meta({ description: 'An outside or internal number, as somebody of the account would dial it.' }),
    timeout,
    keep_caller_id: z.boolean().nullish().meta({ description: 'The original caller is shown. Default true.' }),
    require_key_press: z.boolean().nullish().meta({ description: 'Whoever answers takes the call by pressing 1.' }),
    caption,
  }),
  play: z.strictObject({ id: of('The media that is played, once.'), caption }),
  hangup: z.strictObject({
    id: z.null().optional(),
    cause: z
      .enum(['normal', 'busy', 'rejected', 'unavailable'])
      .nullish()
      .meta({ description: 'What the caller is told when the call was not answered. Default `normal`.' }),
    caption,
  }),
}

const branchPattern = /^(_|[a-z0-9_:*#+-]{1,40})$/

export interface FlowNode {
  readonly id: string
  readonly module: (typeof modules)[number]
  readonly data: Readonly<Record<string, string | number | boolean | null>>
  readonly children: Readonly<Record<string, FlowNode>>
}

export const FlowNode: z.ZodType<FlowNode> = z
  .object({
    id: z.string(),
    module: z.enum(modules),
    data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    get children(): z.ZodType<Record<string, FlowNode>> {
      return z.record(z.string(), FlowNode)
    },
  })
  .meta({
    id: 'FlowNode',
    description: 'One step. `children` is keyed by outcome: `busy`, `no_answer`, `unreachable` …, `_` for every other.',
  })

export type NewFlowNode = {
  readonly id?: string | null | undefined
  readonly caption?: string | null | undefined
  readonly children?: NewFlowNode | Readonly<Record<string, NewFlowNode>> | null | undefined
} & {
  [M in keyof typeof moduleData]: { readonly module: M; readonly data: z.output<(typeof moduleData)[M]> }
}[keyof typeof moduleData]

const node = <M extends keyof typeof moduleData>(module: M) =>
  z.strictObject({
    id: line(64).nullish().meta({ description: 'Yours to choose; made when absent.' }),
    module: z.literal(module),
    data: moduleData[module],
    get children() {
      return Children
    },
  })

/** A step with its own branches, or the one step that follows whatever happens. */
const Children: z.ZodType<NewFlowNode['children']> = z
  .union([
    z.lazy(() => NewFlowNode),
    z.record(
      z.string().regex(branchPattern),
      z.lazy(() => NewFlowNode),
    ),
  ])
  .nullish()

export const NewFlowNode: z.ZodType<NewFlowNode> = z
  .discriminatedUnion('module', [
    node('user'),
    node('device'),
    node('callflow'),
    node('external_number'),
    node('play'),
    node('hangup'),
  ])
  .meta({ id: 'NewFlowNode', description: 'A step; a single child without a branch is read as `_`.' })

/** An internal number or feature code, or one of the account's phone numbers. */
const CallflowNumber = z
  .string()
  .regex(/^([0-9*#]{1,20}|\+[1-9][0-9]{4,14})$/, 'must be an internal number such as 1001, or a phone number with +')
  .meta({ id: 'CallflowNumber' })

const FeatureCode = z.object({
  name: line(60).min(1),
  number: z.string().regex(/^[0-9*#]{1,20}$/, 'must be digits, * and #'),
})

const name = line(120).trim().min(1)
const numbers = z
  .array(CallflowNumber)
  .max(1000)
  .meta({ description: 'Internal numbers and phone numbers that lead here; each leads to one callflow only.' })
const featurecode = z
  .union([z.literal(false), FeatureCode])
  .meta({ description: 'A code that people dial on their phones; false: it is none.' })

const summary = {
  id: Id,
  account_id: Id,
  name: z.string(),
  numbers: z.array(z.string()),
  featurecode,
  external_id: tagged.external_id,
  metadata: tagged.metadata,
  created: Timestamp,
}
export const CallflowSummary = z
  .object(summary)
  .meta({ id: 'CallflowSummary', description: 'A callflow without its tree.' })
export const Callflow = z.object({ ...summary, flow: FlowNode }).meta({ id: 'Callflow' })
export type Callflow = z.output<typeof Callflow>

const wanted = {
  numbers: numbers.nullish(),
  featurecode: featurecode.nullish(),
  external_id: tagged.external_id.nullish(),
  metadata: tagged.metadata.nullish(),
}
export const NewCallflow = z.strictObject({ name, flow: NewFlowNode, ...wanted }).meta({ id: 'NewCallflow' })
export type NewCallflow = z.output<typeof NewCallflow>
export const PatchCallflow = z
  .strictObject({
    name: name.optional(),
    flow: NewFlowNode.optional().meta({ description: 'Replaced whole.' }),
    ...wanted,
    ...identity,
  })
  .meta({ id: 'PatchCallflow' })
export type PatchCallflow = z.output<typeof PatchCallflow>
export const UpdateCallflow = PatchCallflow.extend({ id: Id }).meta({ id: 'UpdateCallflow' })

export const CallflowFilter = z.strictObject({
  ...paging,
  number: CallflowNumber.optional(),
  is_featurecode: BooleanQuery.optional(),
  uses: Id.optional().meta({ description: 'Its tree names this user, device, callflow or media.' }),
  search: line(120).min(1).optional().meta({ description: 'The name contains this, in any case.' }),
  sort: z.enum(['created', '-created', 'name', '-name']).optional().meta({ description: 'Default `created`.' }),
})
export type CallflowFilter = z.output<typeof CallflowFilter>
