/**
 * Accounts (organisations), their rooms and the people in them, in the Web Meeting API's camelCase. A v6 account and a
 * v3.0 account are one object with one id; an organizer and a telephony user are one person.
 */
import { z } from 'zod'
import { Email, Id, JsonValue, LanguageTag, line, TimeZone, Timestamp, TimestampInput } from './values.ts'

/** How large a person's or an organisation's name may be. */
const Name = line(120).trim()
const AccountType = z
  .enum(['trial', 'standard'])
  .meta({ description: '`trial`: paid until exactly 14 days after its creation, whatever is asked.' })

export const Room = z
  .object({
    id: Id,
    name: z.string(),
    accountId: Id,
    isDefault: z.boolean(),
  })
  .meta({ id: 'Room', description: 'A room of an account: the licence for one meeting at a time.' })

/** What an account says about its meetings; the same fields are asked and answered. */
const settings = {
  name: Name.min(1).meta({ description: 'Starts as the administrator’s e-mail address.' }),
  numberOfMeetings: z
    .int()
    .min(0)
    .max(1_000_000)
    .meta({ description: 'How many meetings may be planned; 0: no limit.' }),
  numberOfMeetingOrganizers: z.int().min(0).max(1_000_000).meta({ description: 'How many organizers; 0: no limit.' }),
  numberOfMeetingRooms: z.int().min(1).max(1000).meta({ description: 'Rooms paid for. Kept; limits nothing yet.' }),
  iceCandidatesToFilter: z
    .array(line(200).min(1))
    .max(50)
    .meta({ description: 'ICE candidates that contain one of these texts are not used in meetings of this account.' }),
  customDialInNumbers: z.array(JsonValue).max(100).meta({ description: 'Kept; effective with dial-in.' }),
  displayStandardDialInNumbersInInvite: z.boolean().meta({ description: 'Kept; effective with dial-in.' }),
  defaultMeetingPermissions: JsonValue.meta({ description: 'Kept; effective with permissions.' }),
  defaultMeetingType: line(40).min(1).meta({ description: 'The type of a meeting that names none.' }),
  defaultMeetingHasDialin: z.boolean().meta({ description: '`isDialin` of a meeting that does not say.' }),
  defaultMeetingHasRecording: z.boolean().meta({ description: '`isRecorded` of a meeting that does not say.' }),
  autoExtendMeetings: z.boolean().meta({ description: 'Kept; a meeting always goes on while somebody is in it.' }),
  autoDeleteMeetingsAfterXDays: z
    .int()
    .min(1)
    .max(3650)
    .meta({ description: 'Meetings that ended longer ago are deleted.' }),
}

export const Account = z
  .object({
    ...settings,
    accountType: z.string(),
    paidUntil: Timestamp.nullable().meta({ description: 'After this no meeting can be planned; null: no end.' }),
    id: Id,
    canAddMeetingOrganizer: z.boolean(),
    accountRooms: z.array(Room).meta({ description: 'Rooms added to the default one.' }),
  })
  .meta({ id: 'Account' })
export type Account = z.output<typeof Account>

/** The administrator cannot be left out: an account without one could not be entered. */
/** Absent or null: the standard value. */
const wanted = {
  name: settings.name.optional(),
  numberOfMeetings: settings.numberOfMeetings.nullish(),
  numberOfMeetingOrganizers: settings.numberOfMeetingOrganizers.nullish(),
  numberOfMeetingRooms: settings.numberOfMeetingRooms.nullish(),
  iceCandidatesToFilter: settings.iceCandidatesToFilter.nullish(),
  customDialInNumbers: settings.customDialInNumbers.nullish(),
  displayStandardDialInNumbersInInvite: settings.displayStandardDialInNumbersInInvite.nullish(),
  defaultMeetingPermissions: settings.defaultMeetingPermissions.optional(),
  defaultMeetingType: settings.defaultMeetingType.nullish(),
  defaultMeetingHasDialin: settings.defaultMeetingHasDialin.nullish(),
  defaultMeetingHasRecording: settings.defaultMeetingHasRecording.nullish(),
  autoExtendMeetings: settings.autoExtendMeetings.nullish(),
  autoDeleteMeetingsAfterXDays: settings.autoDeleteMeetingsAfterXDays.nullish(),
}

export const NewAccount = z
  .object({
    sendPassword: z.boolean().optional().meta({ description: 'Mails the administrator a link to set a password.' }),
    accountType: AccountType.optional(),
    adminFirstname: Name.min(1),
    adminLastname: Name.nullish(),
    adminEmail: Email,
    adminPreferredLanguage: LanguageTag.nullish(),
    adminTimezone: TimeZone.nullish(),
    paidUntil: TimestampInput.nullable().optional(),
    ...wanted,
  })
  .meta({ id: 'NewAccount' })
export type NewAccount = z.output<typeof NewAccount>

export const UpdateAccount = z
  .object({
    id: Id.optional(),
    accountType: AccountType.optional(),
    paidUntil: TimestampInput.nullable().optional(),
    ...wanted,
  })
  .meta({ id: 'UpdateAccount' })
export type UpdateAccount = z.output<typeof UpdateAccount>

const person = {
  email: Email,
  firstName: Name.min(1),
  lastName: Name,
  externalUserId: line(200).nullable().meta({ description: 'This person’s id in your own system.' }),
  preferredLanguage: LanguageTag,
  timezone: TimeZone,
  additionalTimezones: z.array(TimeZone).max(20),
}

export const Organizer = z
  .object({
    ...person,
    /** A telephony user may have none; such a user is no organizer and is not listed here. */
    id: Id,
    accountId: Id,
    isAdmin: z.boolean(),
    icsToken: z.string(),
    icsPath: z.string().meta({ description: 'The feed of this person’s meetings. Who knows it can read them.' }),
  })
  .meta({ id: 'Organizer', description: 'A person who may plan meetings.' })
export type Organizer = z.output<typeof Organizer>

/** Absent in a new organizer, or null: the standard value. */
const personal = {
  lastName: person.lastName.nullish(),
  externalUserId: person.externalUserId.optional(),
  preferredLanguage: person.preferredLanguage.nullish(),
  timezone: person.timezone.nullish(),
  additionalTimezones: person.additionalTimezones.nullish(),
}

export const NewOrganizer = z
  .object({
    email: person.email,
    firstName: person.firstName,
    ...personal,
    accountId: Id.optional().meta({ description: 'With an instance key: the account to add to.' }),
    isAdmin: z.boolean().optional(),
    sendPassword: z.boolean().optional().meta({ description: 'Mails a link to set a password.' }),
  })
  .meta({ id: 'NewOrganizer' })
export type NewOrganizer = z.output<typeof NewOrganizer>

export const UpdateOrganizer = z
  .object({
    id: Id.optional(),
    accountId: Id.optional(),
    email: person.email.optional(),
    firstName: person.firstName.optional(),
    ...personal,
    isAdmin: z.boolean().optional(),
  })
  .meta({ id: 'UpdateOrganizer' })
export type UpdateOrganizer = z.output<typeof UpdateOrganizer>
