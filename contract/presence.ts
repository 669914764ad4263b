/** Who is there, and who is talking: what follows from a person's devices, wishes and calls, as one thing with a version. */
import { z } from 'zod'
import { defineEvents } from './define.ts'
import { examples } from './examples.ts'
import { Id } from './values.ts'

export const PresenceState = z
  .object({
    id: Id.meta({ description: 'Of the user.' }),
    account_id: Id,
    state: z.enum(['offline', 'available', 'do_not_disturb', 'ringing', 'talking']).meta({
      description:
        '`talking`: one of the user’s phones is in a call that it took, or calls; `ringing`: one rings; `offline`: none is registered. What is further up counts more: a call, then whether there is a phone, then the wish.',
    }),
    is_registered: z.boolean(),
    do_not_disturb: z.boolean(),
    calls: z
      .array(z.string())
      .meta({ description: 'Ids of the live calls that a phone of the user rings for, or is in: the oldest first.' }),
  })
  .meta({ id: 'PresenceState' })

const { ids } = examples
export const presenceExample: z.output<typeof PresenceState> = {
  id: ids.user,
  account_id: ids.account,
  state: 'available',
  is_registered: true,
  do_not_disturb: false,
  calls: [],
}

export const presenceEvents = defineEvents({
  'presence.changed': {
    summary: 'A person is there, rings, talks, wants no calls, or is gone: whatever of the presence is another.',
    // Not `user`: that one has versions of its own, which a call must not count up.
    resource: 'presence',
    scope: 'telephony:read',
    data: z.object({ presence: PresenceState.nullable().meta({ description: 'Null: the user was deleted.' }) }),
    example: { presence: presenceExample },
  },
})
