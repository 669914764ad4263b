import type { Command } from './command.ts'

export const whoami: Command = {
  name: 'whoami',
  takes: [],
  summary: 'Which account, role and scopes the key has',
  description: 'Shows what the key is and may do.',
  options: {},
  async run({ client, terminal, signal }) {
    const { data } = await client.call('GET /v3.0/whoami', { signal })
    terminal.result(data, () =>
      [
        `${terminal.styled('bold', data.account_name)} ${terminal.styled('dim', data.account_id)}`,
        `role    ${data.role}`,
        `key     ${data.key_id ?? 'the instance key'}${data.expires_at === null ? '' : `, until ${data.expires_at}`}`,
        `scopes  ${data.scopes.join(' ')}`,
      ].join('\n'),
    )
    return 0
  },
}
