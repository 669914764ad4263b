-- Calls that ended just before a voice process died, whose phones may say so again to the next one.
create index calls_ended on calls (ended_at) where ended_at is not null;
