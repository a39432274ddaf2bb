-- Audit rows are chained: each holds the hash of the row before it and of what it says itself, so that a row that was changed, taken
-- out or put between others shows. The newest hash is kept apart, so that rows cut off at the end show too.
create table audit_head (
    one  boolean primary key default true check (one),
    hash bytea not null check (octet_length(hash) = 32)
);
insert into audit_head (hash) values (sha256('ashlar audit'::bytea));

alter table audit_record add column hash bytea check (octet_length(hash) = 32);

-- What a row says, in one spelling: jsonb has an order of its own, and times are microseconds.
create function audit_words(r audit_record) returns text language sql immutable as $$
    select jsonb_build_array((extract(epoch from r.at) * 1000000)::bigint, r.actor, r.action, r.subject, r.detail)::text
$$;

create function chain_audit() returns trigger language plpgsql as $$
begin
    -- One after another: the lock is held until the change that the row tells of is committed.
    update audit_head set hash = sha256(hash || convert_to(audit_words(new), 'UTF8')) returning hash into new.hash;
    -- Numbered under the lock: the order of numbers is that of the chain.
    new.id = nextval(pg_get_serial_sequence('audit_record', 'id'));
    return new;
end
$$;
-- Rows of before, in their order.
do $$
declare
    r audit_record;
    h bytea;
begin
    for r in select * from audit_record order by id loop
        update audit_head set hash = sha256(hash || convert_to(audit_words(r), 'UTF8')) returning hash into h;
        update audit_record set hash = h where id = r.id;
    end loop;
end
$$;
alter table audit_record alter column hash set not null;
create trigger chain before insert on audit_record for each row execute function chain_audit();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit rows are never changed';
end
$$;
create trigger unchanged before update or delete on audit_record for each row execute function refuse_change();
create trigger kept before truncate on audit_record for each statement execute function refuse_change();

create index audit_record_actor on audit_record (actor, id);
create index audit_record_action on audit_record (action text_pattern_ops, id);
