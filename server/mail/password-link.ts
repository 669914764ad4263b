/**
 * The link that lets somebody set a password (S6): 256 bits, stored as a hash, for 24 hours, once. Opening the page
 * changes nothing, because mail scanners open links; its button does.
 */
import type { Transaction } from 'kysely'
import type { App } from '../app.ts'
import { hashSecret, newSecret } from '../ids.ts'
import type { Tables } from '../store/database.ts'
import type { OrganizerRow } from '../store/users.ts'

const lifeMs = 24 * 3_600_000

interface Words {
  readonly subject: string
  readonly body: (name: string, link: string) => string
}

const words: Record<string, Words> = {
  en: {
    subject: 'Set your password',
    body: (name, link) =>
      `Hello ${name},\n\nan account was made for you. Set your password here, within 24 hours:\n\n${link}\n\nThe link works once. If you did not expect this mail, ignore it.\n`,
  },
  fr: {
    subject: 'Choisissez votre mot de passe',
    body: (name, link) =>
      `Bonjour ${name},\n\nun compte a été créé pour vous. Choisissez votre mot de passe ici, dans les 24 heures :\n\n${link}\n\nLe lien fonctionne une seule fois. Si vous n’attendiez pas ce message, ignorez-le.\n`,
  },
  nl: {
    subject: 'Kies uw wachtwoord',
    body: (name, link) =>
      `Hallo ${name},\n\ner is een account voor u gemaakt. Kies hier binnen 24 uur uw wachtwoord:\n\n${link}\n\nDe link werkt één keer. Had u deze mail niet verwacht, doe dan niets.\n`,
  },
  de: {
    subject: 'Wählen Sie Ihr Passwort',
    body: (name, link) =>
      `Guten Tag ${name},\n\nfür Sie wurde ein Konto angelegt. Wählen Sie hier innerhalb von 24 Stunden Ihr Passwort:\n\n${link}\n\nDer Link gilt einmal. Wenn Sie diese Nachricht nicht erwartet haben, tun Sie nichts.\n`,
  },
}

export async function sendPasswordLink(trx: Transaction<Tables>, app: App, user: OrganizerRow): Promise<void> {
  const secret = newSecret()
  await trx.deleteFrom('oneTimeLinks').where('userId', '=', user.id).execute()
  await trx
    .insertInto('oneTimeLinks')
    .values({ hash: hashSecret(secret), userId: user.id, expiresAt: new Date(app.clock() + lifeMs) })
    .execute()
  const { subject, body } = wordsFor(user.preferredLanguage)
  const text = body(user.firstName, `${app.config.publicUrl}/link/${secret}`)
  const nextAttemptAt = new Date(app.clock())
  await trx
    .insertInto('mails')
    .values({ recipient: user.email, subject, body: text, nextAttemptAt, lastError: null })
    .execute()
}

function wordsFor(language: string): Words {
  const found = words[language.split('-')[0]?.toLowerCase() ?? ''] ?? words.en
  if (!found) throw new Error('the mail has no English words')
  return found
}
