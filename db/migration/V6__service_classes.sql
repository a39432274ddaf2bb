-- What tenants are promised. Of two classes the one with the smaller order is served first and refused last.
create table service_class (
    name          text primary key check (name ~ '^[a-z][a-z0-9_-]{0,31}$'),
    rank          integer not null check (rank between 0 and 15),
    -- Targets in milliseconds; 0 is none.
    ttft_millis   integer not null check (ttft_millis >= 0),
    tpot_millis   integer not null check (tpot_millis >= 0),
    percentile    double precision not null check (percentile > 0 and percentile < 100),
    weight        double precision not null check (weight > 0 and weight <= 1000000),
    queue_length  integer not null check (queue_length >= 0),
    -- How long a request may wait instead of being refused; 0 refuses at once.
    queue_seconds integer not null check (queue_seconds between 0 and 86400),
    preemptible   boolean not null,
    created_at    timestamptz not null default now()
);
insert into service_class
    (name, rank, ttft_millis, tpot_millis, percentile, weight, queue_length, queue_seconds, preemptible)
values
    ('interactive', 0, 2000, 100, 99, 4, 256, 0, true),
    ('standard', 1, 10000, 250, 95, 2, 1024, 0, true),
    ('batch', 2, 0, 0, 50, 1, 4096, 600, true);

alter table tenant
    add column service_class text not null default 'standard' references service_class,
    add column weight double precision not null default 1 check (weight > 0 and weight <= 1000000);

-- Which scheduler policy orders a deployment's requests; null is the platform's.
alter table deployment add column policy text;

create trigger announce after insert or update or delete on service_class
    for each statement execute function announce_change();
