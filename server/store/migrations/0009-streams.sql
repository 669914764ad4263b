-- An event by its name alone. Ids grow with time, so the index grows at its end.
create index events_id on events (id);
