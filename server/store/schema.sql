-- Written by `npm run schema` from the migrations, which alone are applied.

create table accounts (
  id text not null,
  parent_id text,
  resource_seq bigint not null default 1,
  name text not null,
  account_type text not null,
  paid_until timestamp with time zone,
  number_of_meetings integer not null default 0,
  number_of_meeting_organizers integer not null default 0,
  number_of_meeting_rooms integer not null default 1,
  ice_candidates_to_filter jsonb not null default '[]'::jsonb,
  custom_dial_in_numbers jsonb not null default '[]'::jsonb,
  display_standard_dial_in_numbers_in_invite boolean not null default true,
  default_meeting_permissions jsonb,
  default_meeting_type text not null default 'standard'::text,
  default_meeting_has_dialin boolean not null default false,
  default_meeting_has_recording boolean not null default false,
  auto_extend_meetings boolean not null default false,
  auto_delete_meetings_after_x_days integer not null default 360,
  created_at timestamp with time zone not null default now(),
  constraint accounts_pkey PRIMARY KEY (id),
  constraint accounts_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES accounts(id),
  constraint accounts_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE UNIQUE INDEX accounts_one_root ON accounts USING btree ((true)) WHERE (parent_id IS NULL);
CREATE INDEX accounts_parent ON accounts USING btree (parent_id);

create table api_keys (
  id text not null,
  account_id text not null,
  hash bytea not null,
  name text not null,
  role text not null,
  scopes jsonb not null,
  networks jsonb not null default '[]'::jsonb,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_hash_key UNIQUE (hash),
  constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint api_keys_id_check CHECK ((id ~ '^key_[0-9a-f]{24}$'::text)),
  constraint api_keys_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'instance'::text])))
);
CREATE INDEX api_keys_account ON api_keys USING btree (account_id);

create table event_checkpoints (
  account_id text not null,
  seq bigint not null,
  hash bytea not null,
  mark text not null,
  constraint event_checkpoints_pkey PRIMARY KEY (account_id)
);

create table event_heads (
  account_id text not null,
  seq bigint not null,
  hash bytea not null,
  constraint event_heads_pkey PRIMARY KEY (account_id)
);

create table event_inbox (
  id bigint not null generated always as identity,
  event_id uuid not null,
  account_id text not null,
  type text not null,
  resource_type text not null,
  resource_id text not null,
  resource_seq bigint not null,
  occurred_at timestamp with time zone not null,
  actor text,
  correlation_id text,
  schema_version integer not null,
  data text not null,
  user_id text,
  constraint event_inbox_pkey PRIMARY KEY (id)
);

create table event_log (
  singleton boolean not null default true,
  "position" bigint not null default 0,
  dropped_position bigint not null default 0,
  constraint event_log_pkey PRIMARY KEY (singleton),
  constraint event_log_singleton_check CHECK (singleton)
);

create table events (
  "position" bigint not null,
  account_id text not null,
  seq bigint not null,
  id uuid not null,
  type text not null,
  resource_type text not null,
  resource_id text not null,
  resource_seq bigint not null,
  occurred_at timestamp with time zone not null,
  recorded_at timestamp with time zone not null,
  actor text,
  correlation_id text,
  schema_version integer not null,
  data text,
  redacted_at timestamp with time zone,
  salt bytea,
  data_hash bytea not null,
  hash bytea not null,
  user_id text,
  constraint events_pkey PRIMARY KEY ("position", recorded_at)
) partition by range (recorded_at);
CREATE INDEX events_account ON events USING btree (account_id, "position");
CREATE INDEX events_resource ON events USING btree (resource_type, resource_id, "position");

create table idempotency (
  credential text not null,
  operation text not null,
  key text not null,
  request_hash bytea not null,
  answer text not null,
  etag text,
  created_at timestamp with time zone not null default now(),
  constraint idempotency_pkey PRIMARY KEY (credential, operation, key)
);
CREATE INDEX idempotency_age ON idempotency USING btree (created_at);

create table instance (
  singleton boolean not null default true,
  whitelabel_id text not null,
  created_at timestamp with time zone not null default now(),
  constraint instance_pkey PRIMARY KEY (singleton),
  constraint instance_singleton_check CHECK (singleton)
);

create table mails (
  id bigint not null generated always as identity,
  recipient text not null,
  subject text not null,
  body text not null,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default now(),
  last_error text,
  created_at timestamp with time zone not null default now(),
  constraint mails_pkey PRIMARY KEY (id)
);
CREATE INDEX mails_due ON mails USING btree (next_attempt_at);

create table meeting_chat (
  id bigint not null generated always as identity,
  meeting_id text not null,
  from_id text not null,
  from_name text not null,
  to_id text,
  to_name text,
  text text not null,
  sent_at timestamp with time zone not null,
  constraint meeting_chat_pkey PRIMARY KEY (id),
  constraint meeting_chat_meeting_id_fkey FOREIGN KEY (meeting_id) REFERENCES meetings(id) ON DELETE CASCADE
);
CREATE INDEX meeting_chat_meeting ON meeting_chat USING btree (meeting_id, id);

create table meeting_participants (
  id text not null,
  meeting_id text not null,
  name text not null,
  email text,
  role text not null,
  joined_at timestamp with time zone not null,
  left_at timestamp with time zone,
  constraint meeting_participants_pkey PRIMARY KEY (id),
  constraint meeting_participants_meeting_id_fkey FOREIGN KEY (meeting_id) REFERENCES meetings(id) ON DELETE CASCADE,
  constraint meeting_participants_id_check CHECK ((id ~ '^par_[0-9a-f]{24}$'::text)),
  constraint meeting_participants_role_check CHECK ((role = ANY (ARRAY['host'::text, 'guest'::text])))
);
CREATE INDEX meeting_participants_inside ON meeting_participants USING btree (meeting_id) WHERE (left_at IS NULL);
CREATE INDEX meeting_participants_meeting ON meeting_participants USING btree (meeting_id);

create table meetings (
  id text not null,
  account_id text not null,
  room_id text not null,
  added_by_user_id text not null,
  resource_seq bigint not null default 1,
  number text not null,
  topic text not null,
  starts_local timestamp without time zone not null,
  ends_local timestamp without time zone not null,
  timezone text not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
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
  ics_token text not null,
  started_at timestamp with time zone,
  closed_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint meetings_pkey PRIMARY KEY (id),
  constraint meetings_ics_token_key UNIQUE (ics_token),
  constraint meetings_number_key UNIQUE (number),
  constraint meetings_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint meetings_added_by_user_id_fkey FOREIGN KEY (added_by_user_id) REFERENCES users(id) ON DELETE CASCADE,
  constraint meetings_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(id),
  constraint meetings_check CHECK ((ends_at > starts_at)),
  constraint meetings_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text)),
  constraint meetings_number_check CHECK ((number ~ '^[0-9]{16}$'::text))
);
CREATE INDEX meetings_account ON meetings USING btree (account_id, starts_at);
CREATE INDEX meetings_end ON meetings USING btree (ends_at);
CREATE INDEX meetings_running ON meetings USING btree (ends_at) WHERE ((started_at IS NOT NULL) AND (closed_at IS NULL));
CREATE INDEX meetings_user ON meetings USING btree (added_by_user_id, starts_at);

create table migrations (
  file text not null,
  checksum text not null,
  constraint migrations_pkey PRIMARY KEY (file)
);

create table one_time_links (
  hash bytea not null,
  user_id text not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  constraint one_time_links_pkey PRIMARY KEY (hash),
  constraint one_time_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX one_time_links_user ON one_time_links USING btree (user_id);

create table rooms (
  id text not null,
  account_id text not null,
  name text not null,
  is_default boolean not null default false,
  created_at timestamp with time zone not null default now(),
  constraint rooms_pkey PRIMARY KEY (id),
  constraint rooms_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint rooms_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE UNIQUE INDEX rooms_one_default ON rooms USING btree (account_id) WHERE is_default;

create table tokens (
  hash bytea not null,
  account_id text not null,
  user_id text,
  key_id text,
  role text not null,
  scopes jsonb not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  instance_key bytea,
  constraint tokens_pkey PRIMARY KEY (hash),
  constraint tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint tokens_key_id_fkey FOREIGN KEY (key_id) REFERENCES api_keys(id) ON DELETE CASCADE,
  constraint tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  constraint tokens_role_check CHECK ((role = ANY (ARRAY['user'::text, 'admin'::text, 'instance'::text])))
);
CREATE INDEX tokens_expiry ON tokens USING btree (expires_at);
CREATE INDEX tokens_key ON tokens USING btree (key_id);
CREATE INDEX tokens_user ON tokens USING btree (user_id);

create table users (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  email text not null,
  first_name text not null,
  last_name text not null,
  external_user_id text,
  preferred_language text not null,
  timezone text not null,
  additional_timezones jsonb not null default '[]'::jsonb,
  is_admin boolean not null default false,
  ics_token text not null,
  password_hash text,
  created_at timestamp with time zone not null default now(),
  constraint users_pkey PRIMARY KEY (id),
  constraint users_ics_token_key UNIQUE (ics_token),
  constraint users_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  constraint users_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE INDEX users_account ON users USING btree (account_id, created_at);
CREATE UNIQUE INDEX users_email ON users USING btree (lower(email));
