-- Answers of the admin API to requests with an idempotency key, so that repeating one changes nothing and answers the same.
-- Encrypted: an answer may have a new key's secret in it.
create table idempotent_answer (
    actor        text not null,
    key          text not null check (length(key) between 1 and 255),
    request_hash bytea not null,
    status       integer not null,
    etag         text,
    body         bytea not null,
    created_at   timestamptz not null,
    primary key (actor, key)
);
create index idempotent_answer_created on idempotent_answer (created_at);
