-- What the voice process writes: calls with their legs and SIP ladders, registrations and subscriptions. History outlives
-- what it names, so calls and legs refer by id alone; a foreign key would also cost each call a look.

create table calls (
  id text primary key check (id ~ '^call_[0-9a-f]{24}$'),
  account_id text not null,
  resource_seq bigint not null default 1,
  direction text not null check (direction in ('incoming', 'outgoing', 'internal')),
  caller_number text not null,
  caller_name text,
  callee_number text,
  callee_name text,
  -- As dialled or called; `callee` is who answered, or was called.
  called_number text not null,
  from_user_id text,
  from_device_id text,
  to_user_id text,
  to_device_id text,
  -- Whose call it is in the history: the caller of one that goes out, the called of one that comes in.
  owner_id text,
  trunk_id text,
  callflow_id text,
  is_emergency boolean not null default false,
  -- Call-ID of either side, for whoever compares with the traces of a phone or carrier.
  caller_call_id text,
  callee_call_id text,
  started_at timestamptz not null,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz,
  -- How far a call was surely alive: where the reconciler ends it after a crash (T3).
  heartbeat_at timestamptz not null,
  hangup_cause text check (hangup_cause in ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCEL', 'CONGESTION')),
  -- caller, callee, system, or system_restart: it was found without its process.
  ended_by text,
  sip_code integer,
  q850_cause integer,
  -- Of the monotonic clock (T32); billing from the answer.
  duration_seconds integer,
  billing_seconds integer,
  -- The dialled number's country, kind and operator; null: unknown.
  detected_country text,
  detected_type text,
  detected_operator text,
  correlation_id text,
  node text not null,
  quality jsonb,
  -- What a successor needs to go on with the call (T5), JSON that nobody queries; null once it ended.
  snapshot text,
  recording jsonb
) with (fillfactor = 80); -- room for the updates of a call beside its row
create index calls_account on calls (account_id, started_at desc, id);
create index calls_owner on calls (owner_id, started_at desc) where owner_id is not null;
create index calls_live on calls (node) where ended_at is null;
create index calls_age on calls (started_at);

create table call_legs (
  id text primary key check (id ~ '^leg_[0-9a-f]{24}$'),
  call_id text not null,
  account_id text not null,
  resource_seq bigint not null default 1,
  role text not null check (role in ('caller', 'callee')),
  device_id text,
  trunk_id text,
  user_id text,
  number text not null,
  name text,
  started_at timestamptz not null,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz,
  sip_code integer,
  q850_cause integer,
  hangup_cause text check (hangup_cause in ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCEL', 'CONGESTION')),
  billing_seconds integer,
  -- The forwarder of a forwarded leg, the transferor of a transferred one (T32).
  billed_user_id text,
  billed_device_id text,
  is_forwarded boolean not null default false,
  quality jsonb
) with (fillfactor = 80);
create index call_legs_call on call_legs (call_id);

-- The last messages of a call, credentials stripped (T33).
create table call_traces (
  call_id text primary key,
  account_id text not null,
  messages text not null
);

-- A binding of a device (T7). `binding` is the registrar's name of it: instance and reg-id, or the contact. Its events
-- (`device.registered`) are versioned by the millisecond, since the row goes with the binding.
create table registrations (
  device_id text not null references devices (id) on delete cascade,
  binding text not null,
  account_id text not null,
  aor text not null,
  contact text not null,
  instance text,
  reg_id integer,
  call_id text not null,
  cseq bigint not null,
  path jsonb not null default '[]',
  flow jsonb,
  transport text not null,
  user_agent text,
  contact_ip text not null,
  contact_port integer not null,
  registered_at timestamptz not null default now(),
  expires_at timestamptz not null,
  node text not null,
  primary key (device_id, binding)
) with (fillfactor = 80);
create index registrations_account on registrations (account_id);
create index registrations_expiry on registrations (expires_at);

-- A SUBSCRIBE dialog of a device (T7).
create table sip_subscriptions (
  id text primary key,
  account_id text not null,
  device_id text not null references devices (id) on delete cascade,
  event text not null,
  -- The watched number.
  resource text not null,
  call_id text not null,
  local_tag text not null,
  remote_tag text not null,
  local_cseq bigint not null,
  remote_cseq bigint not null,
  local_uri text not null,
  remote_uri text not null,
  remote_target text not null,
  route_set jsonb not null default '[]',
  flow jsonb,
  -- Of the documents sent, such as dialog-info's `version`.
  document_version integer not null default 0,
  expires_at timestamptz not null,
  node text not null
);
create index sip_subscriptions_device on sip_subscriptions (device_id);
create index sip_subscriptions_expiry on sip_subscriptions (expires_at);
