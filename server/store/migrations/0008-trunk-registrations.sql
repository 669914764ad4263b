-- A binding of a trunk that registers here, as those of devices (T7). Nobody but the voice process reads it.
create table trunk_registrations (
  trunk_id text not null references trunks (id) on delete cascade,
  binding text not null,
  registration jsonb not null,
  node text not null,
  primary key (trunk_id, binding)
) with (fillfactor = 80);
