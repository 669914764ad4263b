-- The telephony configuration (v3.0). What queries, references and uniqueness need are columns; the rest of an object is
-- `settings`, as the API shows it, without what stands at its standard value. `secrets` is AES-GCM (S5).

-- A v3.0 account is a v6 account (A8). Telephony of an account is off until an operator turns it on; the root, which a
-- small installation uses as its only one, has it.
alter table accounts add column telephony_enabled boolean not null default false;
update accounts set telephony_enabled = true where parent_id is null;
-- NULL: the id under the host of the public URL.
alter table accounts add column realm text;
alter table accounts add column external_id text;
alter table accounts add column settings jsonb not null default '{}';
alter table accounts add column secrets bytea;
create unique index accounts_realm on accounts (lower(realm));

-- A v3.0 user is a v6 organizer when there is an e-mail address (A8).
alter table users alter column email drop not null;
-- NULL: the e-mail address, or none.
alter table users add column username text check (username !~ '@');
alter table users add column priv_level text check (priv_level in ('user', 'admin', 'superduper'));
update users set priv_level = case when not is_admin then 'user'
  when account_id in (select id from accounts where parent_id is null) then 'superduper' else 'admin' end;
alter table users alter column priv_level set not null;
alter table users add check (is_admin = (priv_level <> 'user'));
alter table users add column is_enabled boolean not null default true;
alter table users add column settings jsonb not null default '{}';
alter table users add column secrets bytea;
create unique index users_username on users (lower(username));

create table medias (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  name text not null,
  external_id text,
  settings jsonb not null default '{}',
  -- What `/raw` holds; a new upload has a new digest, by which processes know their copy is old.
  content_type text,
  file_name text,
  size_bytes integer,
  duration_ms integer,
  digest text,
  created_at timestamptz not null default now()
);
create index medias_account on medias (account_id, created_at);
create table media_contents (
  media_id text primary key references medias (id) on delete cascade,
  bytes bytea not null
);

create table devices (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  name text not null,
  owner_id text references users (id),
  username text not null,
  is_enabled boolean not null default true,
  music_on_hold_id text references medias (id),
  external_id text,
  settings jsonb not null default '{}',
  secrets bytea not null,
  created_at timestamptz not null default now()
);
-- Unique in the installation, so that a phone that knows an address only can sign in (T20).
create unique index devices_username on devices (lower(username));
create index devices_account on devices (account_id, created_at);
create index devices_owner on devices (owner_id);

alter table accounts add column music_on_hold_id text references medias (id);
alter table users add column music_on_hold_id text references medias (id);
alter table users add column browserphone_id text references devices (id);
alter table users add column quickcall_device text references devices (id);

create table trunks (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  name text not null,
  category text not null check (category in ('carrier', 'pbx_connector', 'inter_account')),
  trunk_order integer not null,
  is_enabled boolean not null default true,
  external_id text,
  settings jsonb not null default '{}',
  secrets bytea,
  created_at timestamptz not null default now()
);
create index trunks_account on trunks (account_id, trunk_order);

-- A number belongs to one account of the installation (T14).
create table phone_numbers (
  number text primary key check (number ~ '^\+[1-9][0-9]{4,14}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  state text not null,
  trunk_id text references trunks (id),
  external_id text,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index phone_numbers_account on phone_numbers (account_id, number);
create index phone_numbers_trunk on phone_numbers (trunk_id);

create table callflows (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  name text not null,
  numbers jsonb not null default '[]',
  featurecode jsonb,
  flow jsonb not null,
  external_id text,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index callflows_account on callflows (account_id, created_at);

-- Which callflow a number rings: an internal number or feature code within its account, or one of its phone numbers.
create table callflow_numbers (
  account_id text not null,
  number text not null,
  callflow_id text not null references callflows (id) on delete cascade,
  phone_number text references phone_numbers (number),
  primary key (account_id, number)
);
create index callflow_numbers_callflow on callflow_numbers (callflow_id);
create index callflow_numbers_phone_number on callflow_numbers (phone_number);

-- What the tree of a callflow names. One of the four is set.
create table callflow_references (
  callflow_id text not null references callflows (id) on delete cascade,
  user_id text references users (id),
  device_id text references devices (id),
  target_id text references callflows (id),
  media_id text references medias (id),
  check (num_nonnulls(user_id, device_id, target_id, media_id) = 1)
);
create index callflow_references_callflow on callflow_references (callflow_id);
create index callflow_references_user on callflow_references (user_id);
create index callflow_references_device on callflow_references (device_id);
create index callflow_references_target on callflow_references (target_id);
create index callflow_references_media on callflow_references (media_id);

create table contacts (
  id text primary key check (id ~ '^[0-9a-f]{24}$'),
  account_id text not null references accounts (id) on delete cascade,
  resource_seq bigint not null default 1,
  phonebook text not null check (phonebook in ('global', 'personal')),
  -- Whose personal phone book it stands in.
  user_id text references users (id) on delete cascade,
  -- Last name, first name, company: what lists sort and search by.
  sort_name text not null,
  -- Digits only, as they are looked up when somebody calls.
  numbers text[] not null,
  external_id text,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  check ((phonebook = 'personal') = (user_id is not null))
);
create index contacts_account on contacts (account_id, created_at);
create index contacts_user on contacts (user_id);
create index contacts_numbers on contacts using gin (numbers);
