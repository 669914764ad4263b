-- The last batch of each voice process that is in the database: one that comes again, because its answer was lost, does
-- nothing (T4).
create table voice_batches (
  node text primary key,
  batch bigint not null
);
