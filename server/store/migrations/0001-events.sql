-- The event log (E1-E6). A transaction that changes something inserts into `event_inbox`; one sequencer moves the rows
-- into `events`, in the order in which it sees them, and numbers them there.

create table event_inbox (
  id bigint generated always as identity primary key,
  event_id uuid not null,
  account_id text not null,
  type text not null,
  resource_type text not null,
  resource_id text not null,
  resource_seq bigint not null,
  occurred_at timestamptz not null,
  -- Serialized once: every reader with equal rights sees the same bytes (E6).
  actor text,
  correlation_id text,
  schema_version integer not null,
  data text not null
);

create table events (
  position bigint not null,
  account_id text not null,
  seq bigint not null,
  id uuid not null,
  type text not null,
  resource_type text not null,
  resource_id text not null,
  resource_seq bigint not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  actor text,
  correlation_id text,
  schema_version integer not null,
  data text,
  redacted_at timestamptz,
  -- Destroyed when the data is erased: the hash of the data then tells nothing about it (E5).
  salt bytea,
  data_hash bytea not null,
  hash bytea not null,
  primary key (position, recorded_at)
) partition by range (recorded_at);
create index events_account on events (account_id, position);
create index events_resource on events (resource_type, resource_id, position);

-- The newest event of each account, and of all.
create table event_heads (
  account_id text primary key,
  seq bigint not null,
  hash bytea not null
);
create table event_log (
  singleton boolean primary key default true check (singleton),
  position bigint not null default 0,
  -- Everything up to here was dropped by retention.
  dropped_position bigint not null default 0
);
insert into event_log default values;

-- Where the chain of an account starts after old days were dropped; signed by this installation.
create table event_checkpoints (
  account_id text primary key,
  seq bigint not null,
  hash bytea not null,
  mark text not null
);
