/** Contacts of the company's phone book and of personal ones: their names are shown on ringing phones. */
import { z } from 'zod'
import { askedShape, identity, paging, tagged } from './telephony-values.ts'
import { Id, line, Timestamp } from './values.ts'

const words = line(120).nullable()
const numbers = z.array(line(40).min(1)).max(20)

const Details = z
  .object({
    names: z.object({ first: words, last: words }),
    company: z.object({ name: words }),
    phone_numbers: z.object({
      land_lines: numbers,
      mobiles: numbers,
      faxes: numbers,
    }),
  })
  .meta({ id: 'ContactDetails' })

const Phonebook = z
  .enum(['global', 'personal'])
  .meta({ description: '`global`: everybody’s of the account; `personal`: that of `user_id` alone.' })

const settings = {
  details: Details,
  url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullable()
    .meta({ description: 'A page about the contact in your own system, for whoever is called by it.' }),
  metadata: tagged.metadata,
}
export const ContactSettings = z.object(settings)
export type ContactSettings = z.output<typeof ContactSettings>

export const Contact = z
  .object({
    id: Id,
    account_id: Id,
    phonebook: Phonebook,
    user_id: Id.nullable(),
    ...settings,
    external_id: tagged.external_id,
    created: Timestamp,
  })
  .meta({ id: 'Contact' })
export type Contact = z.output<typeof Contact>

const wanted = {
  phonebook: Phonebook.nullish(),
  user_id: Id.nullish(),
  ...askedShape(settings),
  external_id: tagged.external_id.nullish(),
}
const Contacts = z.strictObject(wanted).meta({ id: 'NewContact' })
export type NewContact = z.output<typeof Contacts>

/** Either one contact or `contacts`, for which `phonebook` and `user_id` beside them hold where they say nothing. */
const eitherOr = (body: { readonly contacts?: unknown; readonly details?: unknown }) =>
  body.contacts === undefined || body.details === undefined

export const NewContacts = z
  .strictObject({
    ...wanted,
    contacts: z.array(Contacts).min(1).max(1000).optional().meta({ description: 'Instead of one: many.' }),
  })
  .refine(eitherOr, { path: ['details'], message: 'must be absent beside `contacts`' })
  .meta({ id: 'NewContacts' })
export type NewContacts = z.output<typeof NewContacts>

export const PatchContact = z.strictObject({ ...wanted, ...identity }).meta({ id: 'PatchContact' })
export type PatchContact = z.output<typeof PatchContact>
const UpdateContact = PatchContact.extend({ id: Id }).meta({ id: 'UpdateContact' })

export const UpdateContacts = z
  .strictObject({
    ...wanted,
    ...identity,
    contacts: z.array(UpdateContact).min(1).max(1000).optional().meta({ description: 'Instead of one: many.' }),
  })
  .refine((body) => (body.contacts === undefined) !== (body.id === undefined), {
    path: ['id'],
    message: 'must be given, or `contacts`',
  })
  .meta({ id: 'UpdateContacts' })
export type UpdateContacts = z.output<typeof UpdateContacts>

export const DeleteContacts = z.strictObject({ ids: z.array(Id).min(1).max(1000) }).meta({ id: 'DeleteContacts' })

export const standardContact: ContactSettings = {
  details: {
    names: { first: null, last: null },
    company: { name: null },
    phone_numbers: { land_lines: [], mobiles: [], faxes: [] },
  },
  url: null,
  metadata: {},
}

export const ContactFilter = z.strictObject({
  ...paging,
  phonebook: Phonebook.optional(),
  user_id: Id.optional(),
  number: line(40).min(1).optional().meta({ description: 'Has this number, however it is written.' }),
  search: line(120).min(1).optional().meta({ description: 'Name or company contains this, in any case.' }),
  sort: z.enum(['name', '-name', 'created', '-created']).optional().meta({ description: 'Default `name`.' }),
})
export type ContactFilter = z.output<typeof ContactFilter>
