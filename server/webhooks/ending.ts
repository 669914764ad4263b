/** Turns a webhook off: after five days without one success, or because it answered 410. Its administrators get a mail. */
import type { Transaction } from 'kysely'
import type { App } from '../app.ts'
import { append } from '../events/inbox.ts'
import { lockConfigured, updateConfigured } from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import { announce, toWebhookState, type WebhookRow } from '../store/webhooks.ts'

type Reason = 'failing' | 'gone'

export interface Ending {
  readonly webhookId: string
  readonly accountId: string
  /** What was sent to: another address was not asked yet. */
  readonly url: string
  readonly reason: Reason
  readonly failingSince: Date | null
}

export async function disableWebhook(app: Pick<App, 'database' | 'vault' | 'clock' | 'config'>, ending: Ending) {
  const { webhookId, accountId, url, reason, failingSince } = ending
  await app.database.transaction().execute(async (trx) => {
    const before = await lockConfigured(trx, 'webhooks', webhookId, accountId)
    if (!before?.isEnabled || before.url !== url) return
    const row = await updateConfigured(trx, 'webhooks', webhookId, {
      isEnabled: false,
      disabledReason: reason,
      stoppedAt: new Date(app.clock()),
    })
    await announce(trx, webhookId)
    await append(trx, {
      accountId,
      userId: null,
      type: 'webhook.disabled',
      resourceId: row.id,
      resourceSeq: row.resourceSeq,
      actor: { type: 'system', id: null },
      data: { webhook: toWebhookState(app.vault, row), failing_since: failingSince?.toISOString() ?? null },
    })
    await writeMails(trx, row, reason, new Date(app.clock()), app.config.publicUrl)
  })
}

async function writeMails(trx: Transaction<Tables>, row: WebhookRow, reason: Reason, now: Date, publicUrl: string) {
  const admins = await trx
    .selectFrom('users')
    .select(['email', 'firstName', 'preferredLanguage'])
    .where('accountId', '=', row.accountId)
    .where('isAdmin', '=', true)
    .where('email', 'is not', null)
    .execute()
  const mails = admins.flatMap(({ email, firstName, preferredLanguage }) => {
    if (email === null) return []
    const { subject, body } = wordsFor(preferredLanguage)
    const name = row.name ?? row.id
    const text = body(firstName, { name, origin: new URL(row.url).origin, reason, publicUrl, id: row.id })
    return [{ recipient: email, subject: subject(name), body: text, nextAttemptAt: now, lastError: null }]
  })
  if (mails.length > 0) await trx.insertInto('mails').values(mails).execute()
}

interface Told {
  readonly name: string
  /** The path of the address may be a secret. */
  readonly origin: string
  readonly reason: Reason
  readonly publicUrl: string
  readonly id: string
}

interface Words {
  readonly subject: (name: string) => string
  readonly body: (person: string, told: Told) => string
}

const words: Record<string, Words> = {
  en: {
    subject: (name) => `Webhook turned off: ${name}`,
    body: (person, { name, origin, reason, publicUrl, id }) =>
      `Hello ${person},\n\nthe webhook “${name}” to ${origin} was turned off, because ${
        reason === 'gone' ? 'it answered that it is gone (410)' : 'it did not accept anything for five days'
      }. Nothing is lost: when it works again, resume it, and what happened meanwhile is delivered.\n\nPOST ${publicUrl}/v3.0/webhooks/${id}/resume\n`,
  },
  fr: {
    subject: (name) => `Webhook désactivé : ${name}`,
    body: (person, { name, origin, reason, publicUrl, id }) =>
      `Bonjour ${person},\n\nle webhook « ${name} » vers ${origin} a été désactivé, car ${
        reason === 'gone' ? 'il a répondu qu’il n’existe plus (410)' : 'il n’a rien accepté pendant cinq jours'
      }. Rien n’est perdu : quand il fonctionnera de nouveau, réactivez-le, et ce qui s’est passé entre-temps sera transmis.\n\nPOST ${publicUrl}/v3.0/webhooks/${id}/resume\n`,
  },
  nl: {
    subject: (name) => `Webhook uitgeschakeld: ${name}`,
    body: (person, { name, origin, reason, publicUrl, id }) =>
      `Hallo ${person},\n\nde webhook “${name}” naar ${origin} is uitgeschakeld, omdat ${
        reason === 'gone' ? 'hij antwoordde dat hij weg is (410)' : 'hij vijf dagen lang niets aannam'
      }. Er gaat niets verloren: zet hem weer aan wanneer hij werkt, dan wordt alles van intussen bezorgd.\n\nPOST ${publicUrl}/v3.0/webhooks/${id}/resume\n`,
  },
  de: {
    subject: (name) => `Webhook abgeschaltet: ${name}`,
    body: (person, { name, origin, reason, publicUrl, id }) =>
      `Guten Tag ${person},\n\nder Webhook „${name}“ zu ${origin} wurde abgeschaltet, weil er ${
        reason === 'gone'
          ? 'geantwortet hat, dass es ihn nicht mehr gibt (410)'
          : 'fünf Tage lang nichts angenommen hat'
      }. Nichts ist verloren: Wenn er wieder geht, setzen Sie ihn fort, und was inzwischen geschah, wird zugestellt.\n\nPOST ${publicUrl}/v3.0/webhooks/${id}/resume\n`,
  },
}

function wordsFor(language: string): Words {
  const found = words[language.split('-')[0]?.toLowerCase() ?? ''] ?? words.en
  if (!found) throw new Error('the mail has no English words')
  return found
}
