/** The sandbox: what can be called there, and callers from outside that are told to call. */
import { sandboxList } from '../../contract/sandbox.ts'
import { standardAccount } from '../../contract/telephony-account.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe } from '../auth/principal.ts'
import { startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { findAccount } from '../store/accounts.ts'
import { sandboxTrunkId } from '../voice/sandbox-trunk.ts'
import type { Call, Handlers } from './call.ts'
import { noSuch } from './configuration.ts'

export const sandboxHandlers: Handlers<'getSandbox' | 'createSandboxCall'> = {
  async getSandbox(call) {
    const { accountId } = call.who
    return { data: { enabled: await isSandbox(call), trunk_id: sandboxTrunkId(accountId), ...sandboxList } }
  },

  async createSandboxCall(call) {
    const { app, who, body } = call
    const { scenario, from, to } = body.data
    if (!(await isSandbox(call))) {
      const remedy = 'an instance key or the parent account sets `sandbox` of the account.'
      throw new ApiError('conflict', `The account is no sandbox: ${remedy}`, describe(who))
    }
    const number = await app.database
      .selectFrom('phoneNumbers')
      .select('number')
      .where('accountId', '=', who.accountId)
      .where('number', '=', to)
      .where('state', '=', 'in_service')
      .executeTakeFirst()
    if (!number) throw invalidField('data.to', `${to} is no phone number of this account that is in service`)
    return call.write(async () => {
      const cursor = formatCursor(await startOf(app.database, 'now'))
      if (!(await app.voice.sandboxCall({ scenario, from, to }))) {
        throw new ApiError('unavailable', 'The simulated outside world is starting: try again.')
      }
      return { data: { scenario, from, to, cursor } }
    })
  },
}

async function isSandbox({ app, who }: Pick<Call, 'app' | 'who'>): Promise<boolean> {
  const account = await findAccount(app.database, who.accountId, who.accountId)
  if (!account) throw noSuch('account', who.accountId, who)
  return account.settings.sandbox ?? standardAccount.sandbox
}
