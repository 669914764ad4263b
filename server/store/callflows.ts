/** Callflows: rows, the numbers that lead to them and what their trees name. */
import type { Callflow, FlowNode } from '../../contract/callflow.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'

export type CallflowRow = RowOf<'callflows'>

const toSummary = (row: Omit<CallflowRow, 'flow'>) => ({
  id: row.id,
  account_id: row.accountId,
  name: row.name,
  numbers: row.numbers,
  featurecode: row.featurecode ?? (false as const),
  external_id: row.externalId,
  metadata: row.settings.metadata ?? {},
  created: row.createdAt.toISOString(),
})

export const toCallflowSummary = toSummary

// What is written passed the contract.
export const toCallflow = (row: CallflowRow): Callflow => ({ ...toSummary(row), flow: row.flow as FlowNode })

/** One name in a tree, and where it stands. */
export interface TreeReference {
  readonly kind: 'user' | 'device' | 'callflow' | 'media'
  readonly id: string
  readonly path: string
}

const kinds = { user: 'user', device: 'device', callflow: 'callflow', play: 'media' } as const

export function referencesOf(node: FlowNode, path: string): TreeReference[] {
  const kind = Object.entries(kinds).find(([module]) => module === node.module)?.[1]
  const own = kind ? [{ kind, id: String(node.data.id), path: `${path}.data.id` }] : []
  const below = Object.entries(node.children).flatMap(([branch, child]) =>
    referencesOf(child, `${path}.children.${branch}`),
  )
  return [...own, ...below]
}

const columns = { user: 'userId', device: 'deviceId', callflow: 'targetId', media: 'mediaId' } as const
const noReference = { userId: null, deviceId: null, targetId: null, mediaId: null }

export async function writeReferences(trx: Queries, callflowId: string, references: readonly TreeReference[]) {
  await trx.deleteFrom('callflowReferences').where('callflowId', '=', callflowId).execute()
  const named = new Map(references.map((reference) => [`${reference.kind} ${reference.id}`, reference]))
  if (named.size === 0) return
  const rows = [...named.values()].map(({ kind, id }) => ({ callflowId, ...noReference, [columns[kind]]: id }))
  await trx.insertInto('callflowReferences').values(rows).execute()
}

/** Those of a callflow and of its feature code, each once. */
export const boundNumbers = ({ numbers, featurecode }: Pick<CallflowRow, 'numbers' | 'featurecode'>): string[] => [
  ...new Set([...numbers, ...(featurecode ? [featurecode.number] : [])]),
]

export const isPhoneNumber = (number: string): boolean => number.startsWith('+')

export async function writeNumbers(trx: Queries, row: CallflowRow): Promise<void> {
  await trx.deleteFrom('callflowNumbers').where('callflowId', '=', row.id).execute()
  const numbers = boundNumbers(row)
  if (numbers.length === 0) return
  const rows = numbers.map((number) => ({
    accountId: row.accountId,
    number,
    callflowId: row.id,
    phoneNumber: isPhoneNumber(number) ? number : null,
  }))
  await trx.insertInto('callflowNumbers').values(rows).execute()
}
