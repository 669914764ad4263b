-- Written once or twice, read seldom, and gone soon: compressing them would cost each call more than all else.
alter table calls alter column snapshot set storage external;
alter table call_traces alter column messages set storage external;
