-- Who uses Ashlar: tenants, their projects and API keys, and the people who administer.
create table tenant (
    id         uuid primary key,
    name       text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    status     text not null default 'active' check (status in ('active', 'suspended')),
    created_at timestamptz not null
);

create table project (
    id         uuid primary key,
    tenant_id  uuid not null references tenant,
    name       text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    created_at timestamptz not null,
    unique (tenant_id, name)
);

-- A key is ash_<prefix>_<secret>. Only the secret's SHA-256 is kept; it has 256 random bits, so no salt is needed.
create table api_key (
    id          uuid primary key,
    project_id  uuid not null references project,
    name        text not null check (length(name) between 1 and 100),
    prefix      text not null unique,
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    created_at  timestamptz not null,
    expires_at  timestamptz,
    revoked_at  timestamptz
);
create index api_key_project on api_key (project_id);

-- tenant_id is null for members of the platform itself.
create table member (
    id            uuid primary key,
    tenant_id     uuid references tenant,
    login         text not null unique,
    password_hash text not null,
    role          text not null check (role in ('platform_administrator')),
    created_at    timestamptz not null,
    disabled_at   timestamptz
);
