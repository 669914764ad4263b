-- Phones in meetings: as everybody inside sees the number. Null: a page.
alter table meeting_participants add column phone text;
