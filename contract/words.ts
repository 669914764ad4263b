/** One page for whoever knows one of the two APIs (A11): what the same thing is called on each. */

interface Word {
  readonly word: string
  readonly meeting: string
  readonly telephony: string
  readonly meaning: string
}

export const words: readonly Word[] = [
  {
    word: 'account (organisation)',
    meeting: '`account`, `accountId`',
    telephony: '`account`, `account_id`',
    meaning: 'Who pays and owns: one object with one id on both APIs. Accounts form a tree; the root is the provider.',
  },
  {
    word: 'user (a person)',
    meeting: 'organizer, `userId`, `addedByUserId`',
    telephony: '`/users`, `user_id`; `username` is the e-mail address, or a name without @',
    meaning: 'One person with one id. Who has an e-mail address may plan meetings.',
  },
  {
    word: 'administrator',
    meeting: '`isAdmin`, `/account/admin/…`',
    telephony: 'role `admin`, `priv_level` `admin` (in the root account `superduper`)',
    meaning: 'A person who manages the account.',
  },
  {
    word: 'key',
    meeting: '`X-API-KEY`, `/apikey`, `permissions`, `level`',
    telephony: '`api_key`, `/keys`, `scopes`, `role`',
    meaning: 'A secret of a program. It acts for its account; `level` instance is `role` instance.',
  },
  {
    word: 'token',
    meeting: '`X-Auth-Token`',
    telephony: '`auth_token`, `X-Auth-Token`',
    meaning: 'A session of 24 hours after its last use, made by `PUT /v3.0/auth/…` and valid on both APIs.',
  },
  {
    word: 'acting for somebody',
    meeting: '`X-USER-ID`, `X-USER-EMAIL`',
    telephony: '`X-Account-ID`, `PUT /v3.0/auth/user`',
    meaning: 'A key acts for a person, or in an account below its own. All four headers work on both APIs.',
  },
  {
    word: 'meeting',
    meeting: '`id` (24 hex digits), `meetingId` (4x4 digits)',
    telephony: 'resource `meeting` in events',
    meaning: '`id` is for programs, `meetingId` is what people type to join.',
  },
  {
    word: 'room',
    meeting: '`roomId`, `accountRooms`',
    telephony: 'resource `room` in events',
    meaning: 'The licence for one meeting at a time.',
  },
  {
    word: 'participant',
    meeting: 'in `meeting.participant_joined`',
    telephony: '`par_…` in events',
    meaning: 'Somebody in a meeting, with or without an account.',
  },
  {
    word: 'event',
    meeting: '`icalSequence` counts changes of a meeting',
    telephony: '`/events`: `seq`, `cursor`, `resource_seq`',
    meaning: 'A line of the log: what happened, to what, by whom. `resource_seq` is the `ETag` of both APIs.',
  },
  {
    word: 'device',
    meeting: 'not there',
    telephony: '`/devices`, `device_id`',
    meaning: 'A phone, or a program that is one. It registers with `username` and `password` at the account’s `realm`.',
  },
  {
    word: 'phone number',
    meeting: 'not there',
    telephony: '`/phone_numbers`, keyed by `+32…`',
    meaning: 'A number of the world (DID). It belongs to one account and rings the callflow that has it in `numbers`.',
  },
  {
    word: 'trunk',
    meeting: 'not there',
    telephony: '`/trunks`, `trunk_id`',
    meaning: 'A way to a carrier or to another exchange, by registration or by address.',
  },
  {
    word: 'callflow',
    meeting: 'not there',
    telephony: '`/callflows`, `numbers`, `flow`',
    meaning: 'What happens to a call to one of its numbers: a tree of modules, each outcome a branch.',
  },
  {
    word: 'contact',
    meeting: 'not there',
    telephony: '`/directories`, `phonebook`',
    meaning: 'A name with its numbers, shown on phones that ring: for everybody (`global`) or for one person.',
  },
  {
    word: 'media',
    meeting: 'not there',
    telephony: '`/medias`, `/medias/{id}/raw`',
    meaning: 'A sound: played by a callflow, or to whoever is held.',
  },
  {
    word: 'call, leg',
    meeting: 'not there',
    telephony: '`call_…` and `leg_…` in events, `/calls_history`',
    meaning: 'A call is what people have, a leg one side of it; phones that rang in vain are legs too.',
  },
  {
    word: 'success and failure',
    meeting: '`responseCode` 0 or below, `responseMessage`',
    telephony: 'status 2xx, or `error.type` and `error.message`',
    meaning: 'Both send a fitting HTTP status, and RFC 9457 with `Accept: application/problem+json`.',
  },
  {
    word: 'create and change',
    meeting: '`POST` creates, `PUT` changes',
    telephony: '`PUT` creates, `POST` changes',
    meaning: 'Changes merge on both: what is absent stays, null clears, lists are replaced.',
  },
]
