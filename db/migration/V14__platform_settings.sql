-- What holds for the platform as a whole. Webhooks' requests are signed with the secret, which is encrypted.
create table platform_setting (
    one            boolean primary key default true check (one),
    settings       jsonb not null,
    webhook_secret bytea
);
create trigger announce after insert or update or delete on platform_setting
    for each statement execute function announce_change();
