-- Who vouches for people beside ourselves: OpenID Connect providers. The client's secret is encrypted.
create table identity_provider (
    name          text primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    settings      jsonb not null,
    client_secret bytea,
    created_at    timestamptz not null
);
create trigger announce after insert or update or delete on identity_provider
    for each statement execute function announce_change();
