-- Legs and people in the event log.

-- How a leg ended, beside its SIP code: `party`, `system`, or `system_restart`. A leg's version is in its events only.
alter table call_legs add column ended_by text;
alter table call_legs drop column resource_seq;

-- No number says which operator it is with, since numbers are ported.
alter table calls drop column detected_operator;

-- The legs that events told of and that are not over, JSON: what the next process ends when this one dies (T3).
alter table calls add column live_legs text;

-- A person as `presence.changed` last told it. Each of those who change something of it writes its own columns: voice the
-- calls, whoever writes bindings or owners `is_registered`, whoever changes the user `do_not_disturb`; the row's lock puts
-- them in an order.
create table presence (
  user_id text primary key references users (id) on delete cascade,
  account_id text not null,
  -- 0: nobody was told yet.
  resource_seq bigint not null default 0,
  is_registered boolean not null default false,
  do_not_disturb boolean not null default false,
  -- Ids, the oldest first; `is_talking`: of one that was taken, or that the person makes.
  calls jsonb not null default '[]',
  is_talking boolean not null default false,
  state text not null generated always as (
    case
      when is_talking then 'talking'
      when calls <> '[]' then 'ringing'
      when not is_registered then 'offline'
      when do_not_disturb then 'do_not_disturb'
      else 'available'
    end
  ) stored
) with (fillfactor = 70); -- it changes with each call
create index presence_account on presence (account_id);

insert into presence (user_id, account_id, resource_seq, is_registered, do_not_disturb)
select users.id, users.account_id, 1,
  exists (
    select from registrations join devices on devices.id = registrations.device_id where devices.owner_id = users.id
  ),
  coalesce((users.settings ->> 'do_not_disturb')::boolean, false)
from users;
