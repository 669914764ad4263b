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
export type Details = z.output<typeof Details>

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
export const NewContact = z.strictObject(wanted).meta({ id: 'NewContact' })
export type NewContact = z.output<typeof NewContact>
/** One contact, or many for one phone book. */
export const NewContacts = z
  .union([
    z.strictObject({
      contacts: z.array(NewContact).min(1).max(1000),
      phonebook: Phonebook.nullish(),
      user_id: Id.nullish(),
    }),
    NewContact,
  ])
  .meta({ id: 'NewContacts' })
export type NewContacts = z.output<typeof NewContacts>

export const UpdateContact = z.strictObject({ ...wanted, ...identity }).meta({ id: 'UpdateContact' })
export type UpdateContact = z.output<typeof UpdateContact>
const withId = z.strictObject({ ...wanted, ...identity, id: Id }).meta({ id: 'UpdateContactById' })
export const UpdateContacts = z
  .union([
    z.strictObject({
      contacts: z.array(withId).min(1).max(1000),
      phonebook: Phonebook.nullish(),
      user_id: Id.nullish(),
    }),
    withId,
  ])
  .meta({ id: 'UpdateContacts' })
export type UpdateContacts = z.output<typeof UpdateContacts>

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
