-- The version of a device's registration, as its last event told it: all bindings of the device have it (E4).
alter table registrations add column resource_seq bigint not null default 0;
