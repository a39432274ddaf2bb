-- Every change of what processes keep in their caches is announced when it commits, whoever made it.
create function announce_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('ashlar_changes', tg_table_name);
    return null;
end
$$;

create trigger announce after insert or update or delete on tenant
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on project
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on api_key
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on deployment_grant
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on deployment
    for each statement execute function announce_change();
create trigger announce after insert or update or delete on model
    for each statement execute function announce_change();
