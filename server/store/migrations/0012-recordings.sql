-- Recordings of calls. The voice process says what is recorded and in which files (`parts`); the api puts them together
-- when it is over, and says so. The sound itself lies in the data folder.

create table recordings (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null,
  call_id text not null,
  -- Who had it made; else whose call it is.
  owner_id text,
  resource_seq bigint not null default 1,
  -- `recording` until what there is was put together.
  status text not null default 'recording' check (status in ('recording', 'ready', 'failed')),
  started_at timestamptz not null,
  -- Nothing more is recorded.
  ended_at timestamptz,
  -- Why there is nothing, or not all of it.
  fault text,
  -- [{path, isSwapped}], in their order.
  parts jsonb not null,
  duration_ms bigint,
  size_bytes bigint
);
create index recordings_account on recordings (account_id, started_at desc);
create index recordings_call on recordings (call_id);
create index recordings_open on recordings (id) where status = 'recording';
create index recordings_age on recordings (started_at);
