-- Accounts, people, credentials and meetings. Ids are 24 random hexadecimal digits (A2), made by the application.

create table instance (
  singleton boolean primary key default true check (singleton),
  whitelabel_id text not null,
  created_at timestamptz not null default now()
);

create table accounts (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  -- NULL: the root, the provider of this installation.
  parent_id text references accounts (id),
  resource_seq bigint not null default 1,
  name text not null,
  account_type text not null,
  paid_until timestamptz,
  number_of_meetings integer not null default 0,
  number_of_meeting_organizers integer not null default 0,
  number_of_meeting_rooms integer not null default 1,
  ice_candidates_to_filter jsonb not null default '[]',
  custom_dial_in_numbers jsonb not null default '[]',
  display_standard_dial_in_numbers_in_invite boolean not null default true,
  default_meeting_permissions jsonb,
  default_meeting_type text not null default 'standard',
  default_meeting_has_dialin boolean not null default false,
  default_meeting_has_recording boolean not null default false,
  auto_extend_meetings boolean not null default false,
  auto_delete_meetings_after_x_days integer not null default 360,
  created_at timestamptz not null default now()
);
create unique index accounts_one_root on accounts ((true)) where parent_id is null;
create index accounts_parent on accounts (parent_id);

create table users (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade deferrable initially deferred,
  resource_seq bigint not null default 1,
  email text not null,
  first_name text not null,
  last_name text not null,
  external_user_id text,
  preferred_language text not null,
  timezone text not null,
  additional_timezones jsonb not null default '[]',
  is_admin boolean not null default false,
  ics_token text not null unique,
  password_hash text,
  created_at timestamptz not null default now()
);
-- An e-mail address exists once in the installation, however it is written (A8).
create unique index users_email on users (lower(email));
create index users_account on users (account_id, created_at);

create table rooms (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  name text not null,
  is_default boolean not null default false,
  created_at timestamptz not null default now()
);
create unique index rooms_one_default on rooms (account_id) where is_default;

create table api_keys (
  id text primary key check (id ~ '^key_[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  hash bytea not null unique,
  name text not null,
  role text not null check (role in ('admin', 'instance')),
  scopes jsonb not null,
  networks jsonb not null default '[]',
  expires_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_account on api_keys (account_id);

create table tokens (
  hash bytea primary key,
  account_id text not null references accounts (id) on delete cascade,
  user_id text references users (id) on delete cascade,
  key_id text references api_keys (id) on delete cascade,
  role text not null check (role in ('user', 'admin', 'instance')),
  scopes jsonb not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index tokens_expiry on tokens (expires_at);
create index tokens_key on tokens (key_id);
create index tokens_user on tokens (user_id);

create table one_time_links (
  hash bytea primary key,
  user_id text not null references users (id) on delete cascade,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index one_time_links_user on one_time_links (user_id);

-- Mail waits here in the transaction of what caused it, and is sent afterwards.
create table mails (
  id bigint generated always as identity primary key,
  recipient text not null,
  subject text not null,
  body text not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text,
  created_at timestamptz not null default now()
);
create index mails_due on mails (next_attempt_at);

create table meetings (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  room_id text not null references rooms (id),
  added_by_user_id text not null references users (id) on delete cascade,
  resource_seq bigint not null default 1,
  number text not null unique check (number ~ '^[0-9]{16}$'),
  topic text not null,
  -- The wall time in the zone is what was agreed; the instants follow from it.
  starts_local timestamp not null,
  ends_local timestamp not null,
  timezone text not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  duration text not null,
  type text not null,
  agenda text not null,
  is_recurring boolean not null,
  recurring jsonb not null,
  is_recorded boolean not null,
  is_dialin boolean not null,
  invited_participants jsonb not null,
  documents jsonb not null,
  meeting_permission_id text,
  video_resolution text not null,
  ical_sequence integer not null default 0,
  ics_token text not null unique,
  started_at timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (ends_at > starts_at)
);
create index meetings_account on meetings (account_id, starts_at);
create index meetings_user on meetings (added_by_user_id, starts_at);
create index meetings_running on meetings (ends_at) where started_at is not null and closed_at is null;
create index meetings_end on meetings (ends_at);

create table meeting_participants (
  id text primary key check (id ~ '^par_[0-9a-f]{24}$'),
  meeting_id text not null references meetings (id) on delete cascade,
  name text not null,
  email text,
  role text not null check (role in ('host', 'guest')),
  joined_at timestamptz not null,
  left_at timestamptz
);
create index meeting_participants_meeting on meeting_participants (meeting_id);
create index meeting_participants_inside on meeting_participants (meeting_id) where left_at is null;

create table meeting_chat (
  id bigint generated always as identity primary key,
  meeting_id text not null references meetings (id) on delete cascade,
  from_id text not null,
  from_name text not null,
  to_id text,
  to_name text,
  text text not null,
  sent_at timestamptz not null
);
create index meeting_chat_meeting on meeting_chat (meeting_id, id);

-- Answers to calls that carried an Idempotency-Key, for 24 hours (A6).
create table idempotency (
  credential text not null,
  operation text not null,
  key text not null,
  request_hash bytea not null,
  answer text not null,
  etag text,
  created_at timestamptz not null default now(),
  primary key (credential, operation, key)
);
create index idempotency_age on idempotency (created_at);
