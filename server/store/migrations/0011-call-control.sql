-- Calls steered through the API. A command is written down before it is given, so that it is given once, whatever dies
-- in between (E7, A6).

-- What the last event said of a call that is going on.
alter table calls add column state text;

create table call_commands (
  account_id text not null,
  -- `correlation_id` of its event; whoever commands may choose it.
  id text not null,
  call_id text not null,
  verb text not null,
  actor text not null,
  created_at timestamptz not null default now(),
  -- Of the log when it came: its event lies behind.
  position bigint not null,
  request_hash bytea not null,
  -- Of the Idempotency-Key, where there was one.
  credential text,
  operation text,
  key text,
  -- Whoever carries it out has until then; after that somebody else may.
  leased_until timestamptz not null,
  -- Its event was seen.
  settled_at timestamptz,
  -- The first one, which is given again.
  answer text,
  primary key (account_id, id)
);
create unique index call_commands_key on call_commands (credential, operation, key) where key is not null;
create index call_commands_age on call_commands (created_at);
