/** Contacts: rows, what they are found by, and what readers see of them. */
import { sql } from 'kysely'
import { type Contact, type ContactSettings, standardContact } from '../../contract/contact.ts'
import { readNumber } from '../../engine/call/numbers.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'

export type ContactRow = RowOf<'contacts'>

export const toContact = (row: ContactRow): Contact => ({
  id: row.id,
  account_id: row.accountId,
  phonebook: row.phonebook,
  user_id: row.userId,
  external_id: row.externalId,
  ...standardContact,
  ...row.settings,
  created: row.createdAt.toISOString(),
})

/** Where an account says nothing about its country, as calls are routed. */
export const homeCountry = 'BE'

/** What lists sort and search by, and the numbers as they come in with calls: in E.164 where they are numbers of the world. */
export function toSearched({ details }: ContactSettings, country: string): { sortName: string; numbers: string[] } {
  const { names, company, phone_numbers: numbers } = details
  const all = [...numbers.land_lines, ...numbers.mobiles, ...numbers.faxes]
  return {
    sortName: [names.last, names.first, company.name].filter(Boolean).join(' '),
    numbers: [...new Set(all.map((number) => toLookedUp(number, country)))],
  }
}

export function toLookedUp(written: string, country: string): string {
  const { e164, text } = readNumber(written, country)
  return e164 ?? text
}

/** National numbers mean others once the account is in another country. */
export async function renumberContacts(trx: Queries, accountId: string, country: string): Promise<void> {
  const rows = await trx.selectFrom('contacts').selectAll().where('accountId', '=', accountId).forUpdate().execute()
  for (const row of rows) {
    const { numbers } = toSearched({ ...standardContact, ...row.settings }, country)
    if (numbers.join(' ') === row.numbers.join(' ')) continue
    await trx.updateTable('contacts').set({ numbers }).where('id', '=', row.id).execute()
  }
}

/** Null: an administrator, who sees every phone book. */
export const selectContacts = (db: Queries, accountId: string, userId: string | null) =>
  db
    .selectFrom('contacts')
    .selectAll()
    .where('accountId', '=', accountId)
    .$if(userId !== null, (rows) => rows.where((is) => is.or([is('userId', 'is', null), is('userId', '=', userId)])))

export const hasNumber = (number: string) => sql<boolean>`numbers @> array[${number}]::text[]`
