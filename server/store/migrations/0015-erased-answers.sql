-- An erasure takes the answers to deliveries of the events that it blanks.
create index webhook_deliveries_answered on webhook_deliveries (position) where response is not null;
