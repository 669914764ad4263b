-- How a call that is over ended, until its record is written; its snapshot stays as it is.
alter table calls add column ending text;

-- What came after a ladder was written stands beside it, in its order: put behind it, the whole was written again.
alter table call_traces drop constraint call_traces_pkey;
alter table call_traces add column id bigint generated always as identity;
alter table call_traces add primary key (call_id, id);
