-- What should exist: imported models and adapters, what is served of them, and who may use it.
create table model (
    name       text primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$'),
    kind       text not null check (kind in ('model', 'adapter')),
    base       text references model,
    manifest   jsonb not null,
    created_at timestamptz not null,
    check ((kind = 'adapter') = (base is not null))
);

create table deployment (
    name           text primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$'),
    model          text not null references model,
    -- Whether tenants may find each other's cached prefixes: faster, but their timing tells that a prompt was seen.
    shares_prefixes boolean not null default false,
    created_at     timestamptz not null
);
create index deployment_model on deployment (model);

create table deployment_grant (
    tenant_id  uuid not null references tenant,
    deployment text not null references deployment on delete cascade,
    created_at timestamptz not null,
    primary key (tenant_id, deployment)
);
