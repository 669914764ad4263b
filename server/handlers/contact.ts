/**
 * Contacts of the account's phone book and of personal ones. Administrators keep all of them, people their own; what the
 * published client sends at once is carried out at once: all of it, or nothing.
 */
import { type Transaction, sql } from 'kysely'
import { type ContactSettings, type NewContact, type PatchContact, standardContact } from '../../contract/contact.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe, ownOnly, type Principal } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import { findAccount, type Queries } from '../store/accounts.ts'
import {
  byCreation,
  byText,
  contains,
  insertConfigured,
  lockConfigured,
  readPage,
  updateConfigured,
} from '../store/configured.ts'
import {
  type ContactRow,
  hasNumber,
  homeCountry,
  selectContacts,
  toContact,
  toLookedUp,
  toSearched,
} from '../store/contacts.ts'
import type { Tables } from '../store/database.ts'
import type { Call, Handlers } from './call.ts'
import { configure, expectReferences, keepObject, noSuch } from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { mergeSettings } from './settings.ts'

export const contactHandlers: Handlers<
  | 'listContacts'
  | 'getContact'
  | 'createContacts'
  | 'updateContacts'
  | 'patchContact'
  | 'deleteContact'
  | 'deleteContacts'
> = {
  async listContacts({ app, who, query }) {
    const { phonebook, user_id: userId, number, search, external_id: externalId } = query
    const country = number === undefined ? '' : await countryOf(app.database, who.accountId)
    const contacts = selectContacts(app.database, who.accountId, ownOnly(who))
      .$if(phonebook !== undefined, (rows) => rows.where('phonebook', '=', phonebook ?? 'global'))
      .$if(userId !== undefined, (rows) => rows.where('userId', '=', userId ?? ''))
      .$if(number !== undefined, (rows) => rows.where(hasNumber(toLookedUp(number ?? '', country))))
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('sortName'), search ?? '')))
    const { rows, next } = await readPage(contacts, { ...query, sort: query.sort ?? 'name' }, sorts)
    return { data: rows.map(toContact), ...(next && { next }) }
  },

  async getContact({ app, who, params, etag }) {
    const row = await selectContacts(app.database, who.accountId, ownOnly(who))
      .where('id', '=', params.id)
      .executeTakeFirst()
    if (!row) throw noSuch('contact', params.id, who)
    etag(row.resourceSeq)
    return { data: toContact(row) }
  },

  createContacts: (call) =>
    configure(call, async (trx) => {
      const { contacts, ...one } = call.body.data
      const country = await countryOf(trx, call.who.accountId)
      if (contacts === undefined) {
        const row = await create(trx, call, one, { country, place: 'data' })
        call.etag(row.resourceSeq)
        return { data: toContact(row) }
      }
      const created: string[] = []
      for (const [index, contact] of contacts.entries()) {
        const body = { phonebook: one.phonebook, user_id: one.user_id, ...contact }
        const row = await create(trx, call, body, { country, place: `data.contacts.${index}` })
        created.push(row.id)
      }
      return { data: { created } }
    }),

  updateContacts: (call) =>
    configure(call, async (trx) => {
      const { contacts, ...one } = call.body.data
      const country = await countryOf(trx, call.who.accountId)
      if (contacts === undefined) {
        const row = await update(trx, call, one.id ?? '', one, { country, place: 'data' })
        call.etag(row.resourceSeq)
        return { data: { updated: [row.id] } }
      }
      if (call.hasVersion) throw manyVersions()
      await lockAll(
        trx,
        call.who,
        contacts.map(({ id }) => id),
      )
      const updated: string[] = []
      for (const [index, contact] of contacts.entries()) {
        const body = { phonebook: one.phonebook, user_id: one.user_id, ...contact }
        const row = await update(trx, call, contact.id, body, { country, place: `data.contacts.${index}` })
        updated.push(row.id)
      }
      return { data: { updated } }
    }),

  patchContact: (call) =>
    configure(call, async (trx) => {
      const country = await countryOf(trx, call.who.accountId)
      const row = await update(trx, call, call.params.id, call.body.data, { country, place: 'data' })
      call.etag(row.resourceSeq)
      return { data: toContact(row) }
    }),

  deleteContact: (call) =>
    configure(call, async (trx) => ({ data: { deleted: [await remove(trx, call, call.params.id)] } })),

  deleteContacts: (call) =>
    configure(call, async (trx) => {
      if (call.hasVersion) throw manyVersions()
      await lockAll(trx, call.who, call.body.data.ids)
      const deleted: string[] = []
      for (const id of new Set(call.body.data.ids)) deleted.push(await remove(trx, call, id))
      return { data: { deleted } }
    }),
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byText(sql.ref('sortName')) } }

/** A5. */
const manyVersions = () => invalidField('If-Match', 'a change of many objects has no version to match')

async function countryOf(db: Queries, accountId: string): Promise<string> {
  const account = await findAccount(db, accountId, accountId)
  return account?.settings.country ?? homeCountry
}

interface Place {
  readonly country: string
  /** Of the contact in the body. */
  readonly place: string
}

async function create(
  trx: Transaction<Tables>,
  call: Call<'createContacts'>,
  body: NewContact,
  { country, place }: Place,
): Promise<ContactRow> {
  const { app, who, actor } = call
  const settings = mergeSettings(standardContact, {}, body, place)
  const row = await insertConfigured(trx, 'contacts', {
    id: newId(),
    accountId: who.accountId,
    ...(await bookOf(trx, who, body, place)),
    ...searchedOf({ ...standardContact, ...settings }, country, place),
    externalId: body.external_id ?? null,
    settings: JSON.stringify(settings),
    createdAt: new Date(app.clock()),
  })
  await append(trx, {
    accountId: row.accountId,
    userId: row.userId,
    type: 'contact.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor,
    data: { contact: toContact(row) },
  })
  return row
}

function searchedOf(settings: ContactSettings, country: string, place: string) {
  const searched = toSearched(settings, country)
  if (searched.sortName === '') throw invalidField(`${place}.details`, 'must have a name, of a person or a company')
  return searched
}

/** Whose phone book it stands in: a person’s own only, unless an administrator says. */
async function bookOf(
  trx: Transaction<Tables>,
  who: Principal,
  body: {
    readonly phonebook?: ContactRow['phonebook'] | null | undefined
    readonly user_id?: string | null | undefined
  },
  place: string,
): Promise<Pick<ContactRow, 'phonebook' | 'userId'>> {
  const self = ownOnly(who)
  const phonebook = body.phonebook ?? (body.user_id || self !== null ? 'personal' : 'global')
  if (phonebook === 'global') {
    if (body.user_id) throw invalidField(`${place}.user_id`, 'belongs to a `personal` phone book')
    if (self !== null) throw onlyOwn(who)
    return { phonebook, userId: null }
  }
  const userId = body.user_id ?? who.userId
  if (userId === null) throw invalidField(`${place}.user_id`, 'must say whose personal phone book')
  if (self !== null && userId !== self) throw onlyOwn(who)
  await expectReferences(trx, who.accountId, [{ field: `${place}.user_id`, table: 'users', id: userId }])
  return { phonebook, userId }
}

const onlyOwn = (who: Principal) =>
  new ApiError(
    'not_allowed',
    'Only an administrator changes the phone book of the account or of others.',
    describe(who),
  )

/** What a person may not see looks absent; the account's phone book everybody sees, and an administrator changes. */
async function lockContact(trx: Transaction<Tables>, who: Principal, id: string): Promise<ContactRow> {
  const row = await lockConfigured(trx, 'contacts', id, who.accountId)
  const self = ownOnly(who)
  if (!row || (self !== null && row.userId !== null && row.userId !== self)) throw noSuch('contact', id, who)
  if (self !== null && row.userId === null) throw onlyOwn(who)
  return row
}

/** In one order, so that two who change many never wait for each other. */
async function lockAll(trx: Transaction<Tables>, { accountId }: Principal, ids: readonly string[]): Promise<void> {
  await trx
    .selectFrom('contacts')
    .select('id')
    .where('accountId', '=', accountId)
    .where('id', 'in', ids)
    .orderBy('id')
    .forUpdate()
    .execute()
}

async function update(
  trx: Transaction<Tables>,
  call: Call<'updateContacts' | 'patchContact'>,
  id: string,
  body: PatchContact,
  { country, place }: Place,
): Promise<ContactRow> {
  const { who, actor } = call
  const before = await lockContact(trx, who, id)
  call.expectVersion(before.resourceSeq)
  keepObject(before, body)
  const settings = mergeSettings(standardContact, before.settings, body, place)
  const { sortName, numbers } = searchedOf({ ...standardContact, ...settings }, country, place)
  const wanted = changesTo(before, {
    ...(await changedBook(trx, who, before, body, place)),
    externalId: body.external_id,
    settings: JSON.stringify(settings),
  })
  if (Object.keys(wanted).length === 0) return before
  const after = await updateConfigured(trx, 'contacts', before.id, { ...wanted, sortName, numbers })
  await append(trx, {
    accountId: after.accountId,
    userId: after.userId,
    type: 'contact.updated',
    resourceId: after.id,
    resourceSeq: after.resourceSeq,
    actor,
    data: { before: toContact(before), after: toContact(after) },
  })
  return after
}

async function changedBook(
  trx: Transaction<Tables>,
  who: Principal,
  before: ContactRow,
  body: PatchContact,
  place: string,
): Promise<Partial<Pick<ContactRow, 'phonebook' | 'userId'>>> {
  const phonebook = cleared(body.phonebook, 'global') ?? before.phonebook
  const isMoved = phonebook !== before.phonebook
  const userId = body.user_id === undefined ? (isMoved ? null : before.userId) : body.user_id
  if (!isMoved && userId === before.userId) return {}
  return bookOf(trx, who, { phonebook, user_id: userId }, place)
}

/** The personal phone book of somebody who is deleted. */
export async function removeContactsOf(
  trx: Transaction<Tables>,
  call: Pick<Call, 'actor'>,
  userId: string,
): Promise<void> {
  const rows = await trx.deleteFrom('contacts').where('userId', '=', userId).returningAll().execute()
  for (const row of rows) await tellOfDeletion(trx, call, row)
}

async function remove(
  trx: Transaction<Tables>,
  call: Call<'deleteContact' | 'deleteContacts'>,
  id: string,
): Promise<string> {
  const row = await lockContact(trx, call.who, id)
  call.expectVersion(row.resourceSeq)
  await trx.deleteFrom('contacts').where('id', '=', row.id).execute()
  await tellOfDeletion(trx, call, row)
  return row.id
}

const tellOfDeletion = (trx: Transaction<Tables>, { actor }: Pick<Call, 'actor'>, row: ContactRow) =>
  append(trx, {
    accountId: row.accountId,
    userId: row.userId,
    type: 'contact.deleted',
    resourceId: row.id,
    resourceSeq: row.resourceSeq + 1,
    actor,
    data: { contact: toContact(row) },
  })
