-- Who changed what.
create table audit_record (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    actor   text not null,
    action  text not null,
    subject text not null,
    detail  jsonb not null
);
create index audit_record_at on audit_record (at);
