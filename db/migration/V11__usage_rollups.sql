-- What was used, by day: of each key, and of each tenant and model. A row of the ledger is added to both as it is written, once.
-- The cost is in thousandths of a millionth of the currency, by the prices of the moment; attainment is counted against the
-- targets that the tenant's class has at that moment.
create table usage_day (
    day               date not null,
    tenant_id         uuid not null,
    project_id        uuid not null,
    key_id            uuid not null,
    model             text not null,
    requests          bigint not null,
    failed            bigint not null,
    prompt_tokens     bigint not null,
    cached_tokens     bigint not null,
    completion_tokens bigint not null,
    cost_nanos        bigint not null,
    targeted          bigint not null,
    met               bigint not null,
    primary key (tenant_id, day, project_id, key_id, model)
);
create table usage_tenant_day (
    day               date not null,
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
    primary key (day, tenant_id, model)
);
create index usage_tenant_day_tenant on usage_tenant_day (tenant_id, day);
-- Of the platform: a year of it is a few thousand rows.
create table usage_model_day (
    day               date not null,
    model             text not null,
    requests          bigint not null,
    failed            bigint not null,
    prompt_tokens     bigint not null,
    cached_tokens     bigint not null,
    completion_tokens bigint not null,
    cost_nanos        bigint not null,
    targeted          bigint not null,
    met               bigint not null,
    primary key (day, model)
);

-- What rows of the ledger count, by day, key and model.
create view usage_counted as
select (u.arrived_at at time zone 'UTC')::date as day, u.tenant_id, u.project_id, u.key_id, u.model, 1::bigint as requests,
    (u.status in ('failed', 'interrupted'))::int::bigint as failed, u.prompt_tokens::bigint, u.cached_tokens::bigint,
    u.completion_tokens::bigint,
    coalesce(((u.prompt_tokens - u.cached_tokens) * p.prompt_price + u.cached_tokens * p.cached_price
        + u.completion_tokens * p.completion_price + 999) / 1000, 0) as cost_nanos,
    coalesce(u.status = 'completed' and (c.ttft_millis > 0 or c.tpot_millis > 0), false)::int::bigint as targeted,
    coalesce(u.status = 'completed' and (c.ttft_millis > 0 or c.tpot_millis > 0)
        and (c.ttft_millis = 0 or u.ttft_micros <= c.ttft_millis * 1000::bigint)
        and (c.tpot_millis = 0 or u.completion_tokens < 2
            or u.total_micros - u.ttft_micros <= c.tpot_millis * 1000::bigint * (u.completion_tokens - 1)),
        false)::int::bigint as met,
    u.request_id
from usage_record u
left join tenant t on t.id = u.tenant_id
left join service_class c on c.name = t.service_class
left join model_price p on p.deployment = u.model;

insert into usage_day
select day, tenant_id, project_id, key_id, model, sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens),
    sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)
from usage_counted group by day, tenant_id, project_id, key_id, model;
insert into usage_tenant_day
select day, tenant_id, model, sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
    sum(cost_nanos), sum(targeted), sum(met)
from usage_day group by day, tenant_id, model;
insert into usage_model_day
select day, model, sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
    sum(cost_nanos), sum(targeted), sum(met)
from usage_tenant_day group by day, model;

-- For each statement, not each row; in the order of keys, so that processes do not wait for each other in a circle.
create function roll_up_usage() returns trigger language plpgsql as $$
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
create trigger roll_up after insert on usage_record referencing new table as added
    for each statement execute function roll_up_usage();
