-- What each tenant has, counted as it changes.
--
-- Counting rows reads a tenant's whole history. A row a tenant that every
-- registration updates would make them wait for each other. So whatever
-- changes a status or an object notes by how much, in a row of its own that
-- nobody else touches, and the sweeper adds these up.

create table usage (
    tenant_id  text   not null,
    status     text   not null,
    files      bigint not null,
    size_bytes bigint not null,

    primary key (tenant_id, status)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table usage is 'What a tenant has, by recorded status, but for what usage_deltas has to add';
comment on column usage.status is 'As in attachments: open while work is to be done';
comment on column usage.files is 'Attachments in it';
comment on column usage.size_bytes is 'Bytes of their objects, all renditions; of stored ones only, for no other has any';

create table usage_deltas (
    tenant_id  text   not null,
    id         bigint generated always as identity,
    status     text   not null,
    files      bigint not null,
    size_bytes bigint not null,

    primary key (tenant_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table usage_deltas is 'By how much a statement changed what a tenant has; the sweeper adds these to usage';

-- One row a tenant and status for a whole statement. What a statement leaves
-- as it was cancels out.
create function attachments_count() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, status, count(*), 0 from came group by tenant_id, status;
    elsif tg_op = 'DELETE' then
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, status, -count(*), 0 from went group by tenant_id, status;
    else
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, status, sum(files), 0 from (
            select tenant_id, status, 1 as files from came
            union all select tenant_id, status, -1 from went) as moved
        group by tenant_id, status having sum(files) <> 0;
    end if;
    return null;
end $$;

create trigger attachments_counted_in after insert on attachments
    referencing new table as came for each statement execute function attachments_count();
create trigger attachments_counted_out after delete on attachments
    referencing old table as went for each statement execute function attachments_count();
create trigger attachments_counted_on after update on attachments
    referencing old table as went new table as came
    for each statement execute function attachments_count();

create function objects_count() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, 'stored', 0, sum(size_bytes) from came group by tenant_id;
    elsif tg_op = 'DELETE' then
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, 'stored', 0, -sum(size_bytes) from went group by tenant_id;
    else
        insert into usage_deltas (tenant_id, status, files, size_bytes)
        select tenant_id, 'stored', 0, sum(size_bytes) from (
            select tenant_id, size_bytes from came
            union all select tenant_id, -size_bytes from went) as moved
        group by tenant_id having sum(size_bytes) <> 0;
    end if;
    return null;
end $$;

create trigger objects_counted_in after insert on objects
    referencing new table as came for each statement execute function objects_count();
create trigger objects_counted_out after delete on objects
    referencing old table as went for each statement execute function objects_count();
create trigger objects_counted_on after update on objects
    referencing old table as went new table as came
    for each statement execute function objects_count();

-- By how much the counters are off. Whoever adds it to usage_deltas in the
-- statement that reads it sets them right, whatever else goes on.
create view usage_missing as
select tenant_id, status, sum(files)::bigint as files, sum(size_bytes)::bigint as size_bytes
from (
    select tenant_id, status, count(*) as files, 0::numeric as size_bytes from attachments
    group by tenant_id, status
    union all
    select tenant_id, 'stored', 0, sum(size_bytes) from objects group by tenant_id
    union all
    select tenant_id, status, -files, -size_bytes from usage
    union all
    select tenant_id, status, -files, -size_bytes from usage_deltas
) as counted
group by tenant_id, status
having sum(files) <> 0 or sum(size_bytes) <> 0;

comment on view usage_missing is 'What a count finds that usage and usage_deltas do not say: empty, unless somebody wrote past the triggers';
