-- Webhooks: what is configured, how far each has read the log, and every delivery with its attempts.

create table webhooks (
  id text primary key,
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  external_id text,
  name text,
  url text not null,
  is_enabled boolean not null default true,
  -- Set when we turned it off.
  disabled_reason text check (disabled_reason in ('failing', 'gone')),
  stopped_at timestamptz,
  -- Families of events that whoever set the types may read (E6).
  scopes text[] not null,
  settings jsonb not null default '{}',
  secrets bytea not null,
  old_secret_expires_at timestamptz,
  created_at timestamptz not null default now()
);
create index webhooks_account on webhooks (account_id, created_at);

-- Changes with every batch, so apart from what people change.
create table webhook_states (
  webhook_id text primary key references webhooks (id) on delete cascade,
  position bigint not null,
  failing_since timestamptz,
  last_success_at timestamptz
) with (fillfactor = 50);

create table webhook_deliveries (
  webhook_id text not null references webhooks (id) on delete cascade,
  -- Begins with the time, so that its order is that of creation.
  id text not null,
  kind text not null check (kind in ('event', 'replay', 'test')),
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed', 'cancelled')),
  -- Where the event lies in the log, which holds its text; null: a test, whose text is here.
  position bigint,
  recorded_at timestamptz,
  body text,
  event_id uuid not null,
  event_type text not null,
  event_account_id text not null,
  resource_type text not null,
  resource_id text not null,
  attempt_count integer not null default 0,
  next_attempt_at timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  last_status integer,
  last_error text,
  attempts jsonb not null default '[]',
  response jsonb,
  primary key (webhook_id, id)
);
create index webhook_deliveries_pending on webhook_deliveries (webhook_id, id) where status = 'pending';

create table webhook_replays (
  id text primary key,
  webhook_id text not null references webhooks (id) on delete cascade,
  status text not null default 'running' check (status in ('running', 'done', 'cancelled')),
  -- What is looked for: deliveries that failed, or events of the log.
  filter jsonb not null,
  total bigint not null,
  queued bigint not null default 0,
  -- The last that was looked at: an id of a delivery, or a position.
  after text not null,
  until text not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index webhook_replays_webhook on webhook_replays (webhook_id, created_at);
