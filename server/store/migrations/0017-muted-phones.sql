-- A phone in a meeting that a host switched off stays so over a restart: it has no page that would say so again.
alter table meeting_participants add column is_muted boolean not null default false;
