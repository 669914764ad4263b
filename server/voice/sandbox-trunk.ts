/** The trunk of a sandbox account to the simulated outside world. It is made here and is no row: nobody can change it. */
import { createHash } from 'node:crypto'
import { standardTrunk } from '../../contract/trunk.ts'
import type { Configuration } from './configuration.ts'

/** The same at every start; 24 hexadecimal digits, as every id. */
export const sandboxTrunkId = (accountId: string): string =>
  createHash('sha256').update(`sandbox trunk of ${accountId}`).digest('hex').slice(0, 24)

export function sandboxTrunk(accountId: string, address: string, port: number): Configuration['trunks'][number] {
  const { advanced } = standardTrunk
  return {
    id: sandboxTrunkId(accountId),
    accountId,
    resourceSeq: 1,
    name: 'Sandbox',
    category: 'carrier',
    isEnabled: true,
    trunkOrder: 0,
    externalId: null,
    createdAt: new Date(0),
    password: null,
    settings: {
      server: address,
      port,
      transport: 'udp',
      caller_id_used: 'device',
      max_calls: 200,
      // Everything that a carrier may be able to do, this one can.
      advanced: { ...advanced, number_form: 'plus_e164', clir: true, is_trusted: true, options_seconds: 0 },
    },
  }
}
