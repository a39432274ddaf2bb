-- Tenants over weeks (named by their Mondays): a report of all tenants over months reads few rows.
create table usage_tenant_week (
    week              date not null check (extract(isodow from week) = 1),
    tenant_id         uuid not null,
    model             text not null,
    requests          bigint not null,
    failed            bigint not null,
    prompt_tokens     bigint not null,
    cached_tokens     bigint not null,
    completion_tokens bigint not null,
    cost_nanos        bigint not null,
    targeted          bigint not null,
    met               bigint not null,
    primary key (week, tenant_id, model)
);
insert into usage_tenant_week
select day - (extract(isodow from day)::integer - 1) as week, tenant_id, model, sum(requests), sum(failed),
    sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)
from usage_tenant_day group by week, tenant_id, model order by week;

create or replace function roll_up_usage() returns trigger language plpgsql as $$
begin
    with rolled as (
        select u.day, u.tenant_id, u.project_id, u.key_id, u.model, sum(u.requests) as requests, sum(u.failed) as failed,
            sum(u.prompt_tokens) as prompt_tokens, sum(u.cached_tokens) as cached_tokens,
            sum(u.completion_tokens) as completion_tokens, sum(u.cost_nanos) as cost_nanos, sum(u.targeted) as targeted,
            sum(u.met) as met
        from usage_counted u join added a on a.request_id = u.request_id
        group by u.day, u.tenant_id, u.project_id, u.key_id, u.model
    ), keys as (
    insert into usage_day as d select * from rolled order by tenant_id, day, project_id, key_id, model
    on conflict (tenant_id, day, project_id, key_id, model) do update set
        requests = d.requests + excluded.requests, failed = d.failed + excluded.failed,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        cost_nanos = d.cost_nanos + excluded.cost_nanos, targeted = d.targeted + excluded.targeted,
        met = d.met + excluded.met
    ), tenants as (
    insert into usage_tenant_day as d
    select day, tenant_id, model, sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
        sum(cost_nanos), sum(targeted), sum(met)
    from rolled group by day, tenant_id, model order by day, tenant_id, model
    on conflict (day, tenant_id, model) do update set
        requests = d.requests + excluded.requests, failed = d.failed + excluded.failed,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        cost_nanos = d.cost_nanos + excluded.cost_nanos, targeted = d.targeted + excluded.targeted,
        met = d.met + excluded.met
    ), weeks as (
    insert into usage_tenant_week as d
    select day - (extract(isodow from day)::integer - 1) as week, tenant_id, model, sum(requests), sum(failed),
        sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)
    from rolled group by week, tenant_id, model order by week, tenant_id, model
    on conflict (week, tenant_id, model) do update set
        requests = d.requests + excluded.requests, failed = d.failed + excluded.failed,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        cost_nanos = d.cost_nanos + excluded.cost_nanos, targeted = d.targeted + excluded.targeted,
        met = d.met + excluded.met
    )
    insert into usage_model_day as d
    select day, model, sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
        sum(cost_nanos), sum(targeted), sum(met)
    from rolled group by day, model order by day, model
    on conflict (day, model) do update set
        requests = d.requests + excluded.requests, failed = d.failed + excluded.failed,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        cost_nanos = d.cost_nanos + excluded.cost_nanos, targeted = d.targeted + excluded.targeted,
        met = d.met + excluded.met;
    return null;
end
$$;
