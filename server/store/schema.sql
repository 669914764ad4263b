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
  telephony_enabled boolean not null default false,
  realm text,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  secrets bytea,
  music_on_hold_id text,
  constraint accounts_pkey PRIMARY KEY (id),
  constraint accounts_music_on_hold_id_fkey FOREIGN KEY (music_on_hold_id) REFERENCES medias(id),
  constraint accounts_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES accounts(id),
  constraint accounts_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE UNIQUE INDEX accounts_one_root ON accounts USING btree ((true)) WHERE (parent_id IS NULL);
CREATE INDEX accounts_parent ON accounts USING btree (parent_id);
CREATE UNIQUE INDEX accounts_realm ON accounts USING btree (lower(realm));

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

create table call_commands (
  account_id text not null,
  id text not null,
  call_id text not null,
  verb text not null,
  actor text not null,
  created_at timestamp with time zone not null default now(),
  "position" bigint not null,
  request_hash bytea not null,
  credential text,
  operation text,
  key text,
  leased_until timestamp with time zone not null,
  settled_at timestamp with time zone,
  answer text,
  constraint call_commands_pkey PRIMARY KEY (account_id, id)
);
CREATE INDEX call_commands_age ON call_commands USING btree (created_at);
CREATE UNIQUE INDEX call_commands_key ON call_commands USING btree (credential, operation, key) WHERE (key IS NOT NULL);

create table call_legs (
  id text not null,
  call_id text not null,
  account_id text not null,
  role text not null,
  device_id text,
  trunk_id text,
  user_id text,
  number text not null,
  name text,
  started_at timestamp with time zone not null,
  ringing_at timestamp with time zone,
  answered_at timestamp with time zone,
  ended_at timestamp with time zone,
  sip_code integer,
  q850_cause integer,
  hangup_cause text,
  billing_seconds integer,
  billed_user_id text,
  billed_device_id text,
  is_forwarded boolean not null default false,
  quality jsonb,
  ended_by text,
  constraint call_legs_pkey PRIMARY KEY (id),
  constraint call_legs_hangup_cause_check CHECK ((hangup_cause = ANY (ARRAY['ANSWERED'::text, 'NO ANSWER'::text, 'BUSY'::text, 'FAILED'::text, 'CANCEL'::text, 'CONGESTION'::text]))),
  constraint call_legs_id_check CHECK ((id ~ '^leg_[0-9a-f]{24}$'::text)),
  constraint call_legs_role_check CHECK ((role = ANY (ARRAY['caller'::text, 'callee'::text])))
);
CREATE INDEX call_legs_call ON call_legs USING btree (call_id);

create table call_traces (
  call_id text not null,
  account_id text not null,
  messages text not null,
  id bigint not null generated always as identity,
  constraint call_traces_pkey PRIMARY KEY (call_id, id)
);

create table callflow_numbers (
  account_id text not null,
  number text not null,
  callflow_id text not null,
  phone_number text,
  constraint callflow_numbers_pkey PRIMARY KEY (account_id, number),
  constraint callflow_numbers_callflow_id_fkey FOREIGN KEY (callflow_id) REFERENCES callflows(id) ON DELETE CASCADE,
  constraint callflow_numbers_phone_number_fkey FOREIGN KEY (phone_number) REFERENCES phone_numbers(number)
);
CREATE INDEX callflow_numbers_callflow ON callflow_numbers USING btree (callflow_id);
CREATE INDEX callflow_numbers_phone_number ON callflow_numbers USING btree (phone_number);

create table callflow_references (
  callflow_id text not null,
  user_id text,
  device_id text,
  target_id text,
  media_id text,
  constraint callflow_references_callflow_id_fkey FOREIGN KEY (callflow_id) REFERENCES callflows(id) ON DELETE CASCADE,
  constraint callflow_references_device_id_fkey FOREIGN KEY (device_id) REFERENCES devices(id),
  constraint callflow_references_media_id_fkey FOREIGN KEY (media_id) REFERENCES medias(id),
  constraint callflow_references_target_id_fkey FOREIGN KEY (target_id) REFERENCES callflows(id),
  constraint callflow_references_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id),
  constraint callflow_references_check CHECK ((num_nonnulls(user_id, device_id, target_id, media_id) = 1))
);
CREATE INDEX callflow_references_callflow ON callflow_references USING btree (callflow_id);
CREATE INDEX callflow_references_device ON callflow_references USING btree (device_id);
CREATE INDEX callflow_references_media ON callflow_references USING btree (media_id);
CREATE INDEX callflow_references_target ON callflow_references USING btree (target_id);
CREATE INDEX callflow_references_user ON callflow_references USING btree (user_id);

create table callflows (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  name text not null,
  numbers jsonb not null default '[]'::jsonb,
  featurecode jsonb,
  flow jsonb not null,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint callflows_pkey PRIMARY KEY (id),
  constraint callflows_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint callflows_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE INDEX callflows_account ON callflows USING btree (account_id, created_at);

create table calls (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  direction text not null,
  caller_number text not null,
  caller_name text,
  callee_number text,
  callee_name text,
  called_number text not null,
  from_user_id text,
  from_device_id text,
  to_user_id text,
  to_device_id text,
  owner_id text,
  trunk_id text,
  callflow_id text,
  is_emergency boolean not null default false,
  caller_call_id text,
  callee_call_id text,
  started_at timestamp with time zone not null,
  ringing_at timestamp with time zone,
  answered_at timestamp with time zone,
  ended_at timestamp with time zone,
  heartbeat_at timestamp with time zone not null,
  hangup_cause text,
  ended_by text,
  sip_code integer,
  q850_cause integer,
  duration_seconds integer,
  billing_seconds integer,
  detected_country text,
  detected_type text,
  correlation_id text,
  node text not null,
  quality jsonb,
  snapshot text,
  recording jsonb,
  state text,
  live_legs text,
  ending text,
  constraint calls_pkey PRIMARY KEY (id),
  constraint calls_direction_check CHECK ((direction = ANY (ARRAY['incoming'::text, 'outgoing'::text, 'internal'::text]))),
  constraint calls_hangup_cause_check CHECK ((hangup_cause = ANY (ARRAY['ANSWERED'::text, 'NO ANSWER'::text, 'BUSY'::text, 'FAILED'::text, 'CANCEL'::text, 'CONGESTION'::text]))),
  constraint calls_id_check CHECK ((id ~ '^call_[0-9a-f]{24}$'::text))
);
CREATE INDEX calls_account ON calls USING btree (account_id, started_at DESC, id);
CREATE INDEX calls_age ON calls USING btree (started_at);
CREATE INDEX calls_ended ON calls USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX calls_live ON calls USING btree (node) WHERE (ended_at IS NULL);
CREATE INDEX calls_owner ON calls USING btree (owner_id, started_at DESC) WHERE (owner_id IS NOT NULL);

create table contacts (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  phonebook text not null,
  user_id text,
  sort_name text not null,
  numbers text[] not null,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint contacts_pkey PRIMARY KEY (id),
  constraint contacts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint contacts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  constraint contacts_check CHECK (((phonebook = 'personal'::text) = (user_id IS NOT NULL))),
  constraint contacts_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text)),
  constraint contacts_phonebook_check CHECK ((phonebook = ANY (ARRAY['global'::text, 'personal'::text])))
);
CREATE INDEX contacts_account ON contacts USING btree (account_id, created_at);
CREATE INDEX contacts_numbers ON contacts USING gin (numbers);
CREATE INDEX contacts_user ON contacts USING btree (user_id);

create table devices (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  name text not null,
  owner_id text,
  username text not null,
  is_enabled boolean not null default true,
  music_on_hold_id text,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  secrets bytea not null,
  created_at timestamp with time zone not null default now(),
  constraint devices_pkey PRIMARY KEY (id),
  constraint devices_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint devices_music_on_hold_id_fkey FOREIGN KEY (music_on_hold_id) REFERENCES medias(id),
  constraint devices_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id),
  constraint devices_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE INDEX devices_account ON devices USING btree (account_id, created_at);
CREATE INDEX devices_owner ON devices USING btree (owner_id);
CREATE UNIQUE INDEX devices_username ON devices USING btree (lower(username));

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
CREATE INDEX events_id ON events USING btree (id);
CREATE INDEX events_resource ON events USING btree (resource_type, resource_id, "position");

create table idempotency (
  credential text not null,
  operation text not null,
  key text not null,
  request_hash bytea not null,
  answer bytea not null,
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

create table media_contents (
  media_id text not null,
  bytes bytea not null,
  constraint media_contents_pkey PRIMARY KEY (media_id),
  constraint media_contents_media_id_fkey FOREIGN KEY (media_id) REFERENCES medias(id) ON DELETE CASCADE
);

create table medias (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  name text not null,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  content_type text,
  file_name text,
  size_bytes integer,
  duration_ms integer,
  digest text,
  created_at timestamp with time zone not null default now(),
  constraint medias_pkey PRIMARY KEY (id),
  constraint medias_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint medias_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE INDEX medias_account ON medias USING btree (account_id, created_at);

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
  phone text,
  is_muted boolean not null default false,
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

create table phone_numbers (
  number text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  state text not null,
  trunk_id text,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint phone_numbers_pkey PRIMARY KEY (number),
  constraint phone_numbers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint phone_numbers_trunk_id_fkey FOREIGN KEY (trunk_id) REFERENCES trunks(id),
  constraint phone_numbers_number_check CHECK ((number ~ '^\+[1-9][0-9]{4,14}$'::text))
);
CREATE INDEX phone_numbers_account ON phone_numbers USING btree (account_id, number);
CREATE INDEX phone_numbers_trunk ON phone_numbers USING btree (trunk_id);

create table presence (
  user_id text not null,
  account_id text not null,
  resource_seq bigint not null default 0,
  is_registered boolean not null default false,
  do_not_disturb boolean not null default false,
  calls jsonb not null default '[]'::jsonb,
  is_talking boolean not null default false,
  state text not null generated always as ( CASE WHEN is_talking THEN 'talking'::text WHEN (calls <> '[]'::jsonb) THEN 'ringing'::text WHEN (NOT is_registered) THEN 'offline'::text WHEN do_not_disturb THEN 'do_not_disturb'::text ELSE 'available'::text END) stored,
  constraint presence_pkey PRIMARY KEY (user_id),
  constraint presence_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX presence_account ON presence USING btree (account_id);

create table recordings (
  id text not null,
  account_id text not null,
  call_id text not null,
  owner_id text,
  resource_seq bigint not null default 1,
  status text not null default 'recording'::text,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  fault text,
  parts jsonb not null,
  duration_ms bigint,
  size_bytes bigint,
  constraint recordings_pkey PRIMARY KEY (id),
  constraint recordings_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text)),
  constraint recordings_status_check CHECK ((status = ANY (ARRAY['recording'::text, 'ready'::text, 'failed'::text])))
);
CREATE INDEX recordings_account ON recordings USING btree (account_id, started_at DESC);
CREATE INDEX recordings_age ON recordings USING btree (started_at);
CREATE INDEX recordings_call ON recordings USING btree (call_id);
CREATE INDEX recordings_open ON recordings USING btree (id) WHERE (status = 'recording'::text);

create table registrations (
  device_id text not null,
  binding text not null,
  account_id text not null,
  aor text not null,
  contact text not null,
  instance text,
  reg_id integer,
  call_id text not null,
  cseq bigint not null,
  path jsonb not null default '[]'::jsonb,
  flow jsonb,
  transport text not null,
  user_agent text,
  contact_ip text not null,
  contact_port integer not null,
  registered_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  node text not null,
  resource_seq bigint not null default 0,
  constraint registrations_pkey PRIMARY KEY (device_id, binding),
  constraint registrations_device_id_fkey FOREIGN KEY (device_id) REFERENCES devices(id) ON DELETE CASCADE
);
CREATE INDEX registrations_account ON registrations USING btree (account_id);
CREATE INDEX registrations_expiry ON registrations USING btree (expires_at);

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

create table sip_subscriptions (
  id text not null,
  account_id text not null,
  device_id text not null,
  event text not null,
  resource text not null,
  call_id text not null,
  local_tag text not null,
  remote_tag text not null,
  local_cseq bigint not null,
  remote_cseq bigint not null,
  local_uri text not null,
  remote_uri text not null,
  remote_target text not null,
  route_set jsonb not null default '[]'::jsonb,
  flow jsonb,
  document_version integer not null default 0,
  expires_at timestamp with time zone not null,
  node text not null,
  constraint sip_subscriptions_pkey PRIMARY KEY (id),
  constraint sip_subscriptions_device_id_fkey FOREIGN KEY (device_id) REFERENCES devices(id) ON DELETE CASCADE
);
CREATE INDEX sip_subscriptions_device ON sip_subscriptions USING btree (device_id);
CREATE INDEX sip_subscriptions_expiry ON sip_subscriptions USING btree (expires_at);

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

create table trunk_registrations (
  trunk_id text not null,
  binding text not null,
  registration jsonb not null,
  node text not null,
  constraint trunk_registrations_pkey PRIMARY KEY (trunk_id, binding),
  constraint trunk_registrations_trunk_id_fkey FOREIGN KEY (trunk_id) REFERENCES trunks(id) ON DELETE CASCADE
);

create table trunks (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  name text not null,
  category text not null,
  trunk_order integer not null,
  is_enabled boolean not null default true,
  external_id text,
  settings jsonb not null default '{}'::jsonb,
  secrets bytea,
  created_at timestamp with time zone not null default now(),
  constraint trunks_pkey PRIMARY KEY (id),
  constraint trunks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint trunks_category_check CHECK ((category = ANY (ARRAY['carrier'::text, 'pbx_connector'::text, 'inter_account'::text]))),
  constraint trunks_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text))
);
CREATE INDEX trunks_account ON trunks USING btree (account_id, trunk_order);

create table users (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  email text,
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
  username text,
  priv_level text not null,
  is_enabled boolean not null default true,
  settings jsonb not null default '{}'::jsonb,
  secrets bytea,
  music_on_hold_id text,
  browserphone_id text,
  quickcall_device text,
  constraint users_pkey PRIMARY KEY (id),
  constraint users_ics_token_key UNIQUE (ics_token),
  constraint users_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  constraint users_browserphone_id_fkey FOREIGN KEY (browserphone_id) REFERENCES devices(id),
  constraint users_music_on_hold_id_fkey FOREIGN KEY (music_on_hold_id) REFERENCES medias(id),
  constraint users_quickcall_device_fkey FOREIGN KEY (quickcall_device) REFERENCES devices(id),
  constraint users_check CHECK ((is_admin = (priv_level <> 'user'::text))),
  constraint users_id_check CHECK ((id ~ '^[0-9a-f]{24}$'::text)),
  constraint users_priv_level_check CHECK ((priv_level = ANY (ARRAY['user'::text, 'admin'::text, 'superduper'::text]))),
  constraint users_username_check CHECK ((username !~ '@'::text))
);
CREATE INDEX users_account ON users USING btree (account_id, created_at);
CREATE UNIQUE INDEX users_email ON users USING btree (lower(email));
CREATE UNIQUE INDEX users_username ON users USING btree (lower(username));

create table voice_batches (
  node text not null,
  batch bigint not null,
  constraint voice_batches_pkey PRIMARY KEY (node)
);

create table webhook_deliveries (
  webhook_id text not null,
  id text not null,
  kind text not null,
  status text not null default 'pending'::text,
  "position" bigint,
  recorded_at timestamp with time zone,
  body text,
  event_id uuid not null,
  event_type text not null,
  event_account_id text not null,
  resource_type text not null,
  resource_id text not null,
  attempt_count integer not null default 0,
  next_attempt_at timestamp with time zone,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  last_status integer,
  last_error text,
  attempts jsonb not null default '[]'::jsonb,
  response jsonb,
  constraint webhook_deliveries_pkey PRIMARY KEY (webhook_id, id),
  constraint webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE,
  constraint webhook_deliveries_kind_check CHECK ((kind = ANY (ARRAY['event'::text, 'replay'::text, 'test'::text]))),
  constraint webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX webhook_deliveries_answered ON webhook_deliveries USING btree ("position") WHERE (response IS NOT NULL);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries USING btree (webhook_id, id) WHERE (status = 'pending'::text);

create table webhook_replays (
  id text not null,
  webhook_id text not null,
  status text not null default 'running'::text,
  filter jsonb not null,
  total bigint not null,
  queued bigint not null default 0,
  after text not null,
  until text not null,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  constraint webhook_replays_pkey PRIMARY KEY (id),
  constraint webhook_replays_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE,
  constraint webhook_replays_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'cancelled'::text])))
);
CREATE INDEX webhook_replays_webhook ON webhook_replays USING btree (webhook_id, created_at);

create table webhook_states (
  webhook_id text not null,
  "position" bigint not null,
  failing_since timestamp with time zone,
  last_success_at timestamp with time zone,
  constraint webhook_states_pkey PRIMARY KEY (webhook_id),
  constraint webhook_states_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE
);

create table webhooks (
  id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  external_id text,
  name text,
  url text not null,
  is_enabled boolean not null default true,
  disabled_reason text,
  stopped_at timestamp with time zone,
  scopes text[] not null,
  settings jsonb not null default '{}'::jsonb,
  secrets bytea not null,
  old_secret_expires_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint webhooks_pkey PRIMARY KEY (id),
  constraint webhooks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE,
  constraint webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['failing'::text, 'gone'::text])))
);
CREATE INDEX webhooks_account ON webhooks USING btree (account_id, created_at);
