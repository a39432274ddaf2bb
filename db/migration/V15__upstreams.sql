-- A deployment is a model of ours, or an upstream: another server that speaks the OpenAI API.
alter table deployment
    alter column model drop not null,
    add column upstream_url     text,
    -- What the other server calls its model.
    add column upstream_model   text,
    -- Encrypted with the data folder's key; null where it wants none.
    add column upstream_key     bytea,
    -- Its longest prompt and answer together, in tokens.
    add column upstream_context integer check (upstream_context > 0),
    -- Requests that it is given at a time.
    add column upstream_most    integer check (upstream_most > 0),
    add check ((model is null) = (upstream_url is not null)),
    add check ((upstream_url is null) = (upstream_model is null)),
    add check ((upstream_url is null) = (upstream_context is null)),
    add check ((upstream_url is null) = (upstream_most is null)),
    add check (upstream_url is not null or upstream_key is null);
