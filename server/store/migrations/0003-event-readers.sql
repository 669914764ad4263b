-- E6: whom an event concerns; a plain user reads these events only.
alter table event_inbox add column user_id text;
alter table events add column user_id text;

-- A token dies with its key, also with the instance key of the configuration, which has no row (A7).
alter table tokens add column instance_key bytea;
