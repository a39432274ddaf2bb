-- Keys of the admin API. Made like those of tenants, and kept apart from them.
create table admin_key (
    id          uuid primary key,
    name        text not null check (length(name) between 1 and 100),
    prefix      text not null unique,
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    created_at  timestamptz not null,
    revoked_at  timestamptz
);
create trigger announce after insert or update or delete on admin_key
    for each statement execute function announce_change();
