-- Limits of tenants, projects and keys, each for all models or for one deployment. Money is in millionths of the currency.
create table quota_limit (
    id           uuid primary key,
    tenant_id    uuid not null references tenant,
    project_id   uuid references project,
    key_id       uuid references api_key,
    model        text references deployment on delete cascade,
    kind         text not null check (kind in (
        'requests_per_minute', 'tokens_per_minute', 'prompt_tokens_per_minute', 'completion_tokens_per_minute',
        'concurrent_requests', 'tokens_per_day', 'tokens_per_month', 'money_per_month', 'largest_prompt',
        'largest_output')),
    amount       bigint not null check (amount between 0 and 1000000000000000),
    -- Where warnings begin, in percent of the amount.
    warn_percent integer[] not null default '{}',
    -- Whether a predicted length is reserved instead of the longest: more is admitted, and the limit may be passed a little.
    overbooks    boolean not null default false,
    created_at   timestamptz not null,
    check (project_id is null or key_id is null),
    unique nulls not distinct (tenant_id, project_id, key_id, model, kind)
);

-- In millionths of the currency for a million tokens.
create table model_price (
    deployment        text primary key references deployment on delete cascade,
    prompt_price      bigint not null check (prompt_price between 0 and 1000000000000),
    cached_price      bigint not null check (cached_price between 0 and 1000000000000),
    completion_price  bigint not null check (completion_price between 0 and 1000000000000)
);

-- Processes share a limit by leases: what a process was granted it may spend without asking again. Used is all that was
-- granted and not given back, so the sum of what all processes spend cannot pass the amount.
create table quota_process (
    id         uuid primary key,
    -- The data folder: the next process of the same folder knows that this one has ended.
    instance   uuid not null,
    started_at timestamptz not null,
    seen_at    timestamptz not null
);
create table quota_use (
    limit_id     uuid not null references quota_limit on delete cascade,
    window_start timestamptz not null,
    used         bigint not null check (used >= 0),
    primary key (limit_id, window_start)
);
create table quota_lease (
    limit_id     uuid not null references quota_limit on delete cascade,
    window_start timestamptz not null,
    process_id   uuid not null,
    granted      bigint not null check (granted >= 0),
    spent        bigint not null default 0,
    primary key (limit_id, window_start, process_id)
);
create index quota_lease_process on quota_lease (process_id);

-- A soft budget was reached.
create table quota_event (
    id           bigint generated always as identity primary key,
    at           timestamptz not null,
    limit_id     uuid not null references quota_limit on delete cascade,
    tenant_id    uuid not null,
    window_start timestamptz not null,
    percent      integer not null,
    used         bigint not null,
    amount       bigint not null,
    unique (limit_id, window_start, percent)
);
create index quota_event_tenant on quota_event (tenant_id, at);

-- Grants a process at least p_need, or nothing. Of what is left it takes a part that leaves as much for others.
create function quota_take(p_process uuid, p_limit uuid, p_window timestamptz, p_need bigint, p_now timestamptz)
returns table (granted bigint, used bigint, amount bigint) language plpgsql as $$
#variable_conflict use_column
declare
    v_amount bigint;
    v_kind text;
    v_used bigint;
    v_left bigint;
    v_dead bigint;
    v_processes bigint;
    v_granted bigint;
begin
    select l.amount, l.kind into v_amount, v_kind from quota_limit l where l.id = p_limit;
    if v_amount is null then
        return query select p_need, 0::bigint, p_need;
        return;
    end if;
    insert into quota_use (limit_id, window_start, used) values (p_limit, p_window, 0) on conflict do nothing;
    select u.used into v_used from quota_use u where u.limit_id = p_limit and u.window_start = p_window for update;
    if v_kind = 'concurrent_requests' then
        -- What a process that is gone had in flight is no longer in flight.
        with gone as (
            delete from quota_lease q where q.limit_id = p_limit and q.process_id <> p_process and not exists (
                select from quota_process p where p.id = q.process_id and p.seen_at > p_now - interval '10 seconds')
            returning q.granted)
        select coalesce(sum(gone.granted), 0) into v_dead from gone;
        v_used := v_used - v_dead;
    end if;
    select greatest(1, count(*)) into v_processes from quota_process p where p.seen_at > p_now - interval '10 seconds';
    v_left := v_amount - v_used;
    v_granted := case when v_left < p_need then 0 else least(v_left, greatest(p_need, v_left / (4 * v_processes))) end;
    update quota_use u set used = v_used + v_granted where u.limit_id = p_limit and u.window_start = p_window;
    if v_granted > 0 then
        insert into quota_lease as q (limit_id, window_start, process_id, granted)
        values (p_limit, p_window, p_process, v_granted)
        on conflict (limit_id, window_start, process_id) do update set granted = q.granted + excluded.granted;
    end if;
    return query select v_granted, v_used + v_granted, v_amount;
end
$$;

-- Notes what a process has spent of a lease, and takes back what it gives back. Nothing happens to a lease that is gone.
create function quota_return(p_process uuid, p_limit uuid, p_window timestamptz, p_back bigint, p_spent bigint)
returns void language plpgsql as $$
begin
    perform from quota_use u where u.limit_id = p_limit and u.window_start = p_window for update;
    update quota_lease q set granted = q.granted - p_back, spent = p_spent
    where q.limit_id = p_limit and q.window_start = p_window and q.process_id = p_process;
    if found then
        update quota_use u set used = u.used - p_back where u.limit_id = p_limit and u.window_start = p_window;
    end if;
end
$$;

create trigger announce after insert or update or delete on quota_limit
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on model_price
    for each statement execute function announce_change();
