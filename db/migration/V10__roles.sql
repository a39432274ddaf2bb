-- Roles of the platform and of tenants. People who come from an identity provider have no password here.
alter table member drop constraint member_role_check;
alter table member
    alter column password_hash drop not null,
    add column name          text not null default '',
    add column email         text not null default '',
    -- Who vouches for them: a provider by name and its name for them; both null for those with a password.
    add column provider      text,
    add column subject       text,
    -- Encrypted with the data folder's key.
    add column totp_secret   bytea,
    -- The newest time step of which a code was used: none is used twice.
    add column totp_step     bigint not null default 0,
    add column failures      integer not null default 0,
    add column locked_until  timestamptz,
    add column seen_at       timestamptz,
    add column theme         text not null default 'system' check (theme in ('system', 'light', 'dark')),
    add check (role in ('platform_administrator', 'platform_viewer', 'tenant_administrator', 'tenant_developer',
        'tenant_viewer')),
    add check ((tenant_id is null) = (role in ('platform_administrator', 'platform_viewer'))),
    add check ((provider is null) = (subject is null)),
    add check (password_hash is not null or provider is not null),
    add unique (provider, subject);
create index member_tenant on member (tenant_id);

alter table tenant
    -- Whether prompts and answers of its requests are kept beside their timelines for a while.
    add column logs_content boolean not null default false;
-- A developer may revoke what they made.
alter table api_key add column created_by text not null default '';

-- Where a change came from, whose tenant's members may see it, and what was before and after.
alter table audit_record
    add column origin    text,
    add column tenant_id uuid,
    add column before    jsonb,
    add column after     jsonb;
create index audit_record_tenant on audit_record (tenant_id, id);

-- Rows of before say what they always said, so their hashes hold.
create or replace function audit_words(r audit_record) returns text language sql immutable as $$
    select (jsonb_build_array((extract(epoch from r.at) * 1000000)::bigint, r.actor, r.action, r.subject, r.detail)
        || case when r.origin is null and r.tenant_id is null and r.before is null and r.after is null then '[]'::jsonb
           else jsonb_build_array(r.origin, r.tenant_id, r.before, r.after) end)::text
$$;

create trigger announce after insert or update or delete on member
    for each statement execute function announce_change();

alter table deployment
    -- Whether it takes no new requests.
    add column draining   boolean not null default false,
    -- How often it was loaded anew.
    add column generation integer not null default 0;
