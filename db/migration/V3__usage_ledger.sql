-- The ledger: one row per request, exactly once. It refers to nothing, so that a row can always be written and stays as
-- it was; the request id as primary key makes writing it again harmless.
create table usage_record (
    request_id        uuid primary key,
    tenant_id         uuid not null,
    project_id        uuid not null,
    key_id            uuid not null,
    model             text not null,
    prompt_tokens     integer not null check (prompt_tokens >= 0),
    cached_tokens     integer not null check (cached_tokens >= 0),
    completion_tokens integer not null check (completion_tokens >= 0),
    arrived_at        timestamptz not null,
    queue_micros      bigint not null,
    ttft_micros       bigint,
    total_micros      bigint not null,
    finish_reason     text not null,
    status            text not null check (status in ('completed', 'cancelled', 'failed', 'interrupted'))
);
create index usage_record_tenant on usage_record (tenant_id, arrived_at);
create index usage_record_arrived on usage_record (arrived_at);
