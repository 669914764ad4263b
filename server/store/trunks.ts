/** Trunks as readers see them: without the password. */
import { standardTrunk } from '../../contract/trunk.ts'
import type { RowOf } from './configured.ts'

export const toTrunkState = (row: RowOf<'trunks'>) => ({
  id: row.id,
  account_id: row.accountId,
  name: row.name,
  category: row.category,
  trunk_order: row.trunkOrder,
  enabled: row.isEnabled,
  external_id: row.externalId,
  ...standardTrunk,
  ...row.settings,
  created: row.createdAt.toISOString(),
})
