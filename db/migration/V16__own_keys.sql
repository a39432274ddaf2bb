-- Who made a key finds it again.
create index api_key_created_by on api_key (created_by, created_at);
