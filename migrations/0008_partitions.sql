-- The days of events and the weeks of attempts: made before they are needed,
-- dropped when they are old. Whoever owns the tables owns these functions, and
-- they act with its rights: the service's role needs none to create or drop.
--
-- Nobody who reads or writes waits for them longer than lock_timeout. Where a
-- lock is not to be had in that time nothing is done, and the sweeper asks again.

-- The least UUIDv7 of a time.
create function least_uuid(at timestamptz) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
$$;

-- Rows of the stretch that are in `rest`, for it has no partition, move into it.
create function make_partition(parent name, key name, part name, low text, high text)
returns boolean language plpgsql security definer set lock_timeout = '100ms' as $$
begin
    if to_regclass(quote_ident(part)) is not null then
        return true;
    end if;
    execute format('lock table %I in access exclusive mode', parent || '_rest');
    execute format('create table %I (like %I including defaults including constraints)',
        part, parent);
    execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *)
        insert into %I select * from moved', parent || '_rest', key, low, key, high, part);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent, part, low, high);
    return true;
exception when lock_not_available or duplicate_table then
    return false;
end $$;

-- Whether everything is there for the days to come. UTC, wherever the server is.
create function make_partitions() returns boolean
language plpgsql security definer set timezone = 'UTC' as $$
declare
    day timestamptz := date_trunc('day', now());
    week timestamptz := date_trunc('week', now());
    is_made boolean := true;
begin
    for n in -1..3 loop
        is_made := make_partition('events', 'created_at',
            'events_' || to_char(day + n * interval '1 day', 'YYYYMMDD'),
            (day + n * interval '1 day')::text, (day + (n + 1) * interval '1 day')::text)
            and is_made;
    end loop;
    for n in -1..1 loop
        is_made := make_partition('attempts', 'attachment_id',
            'attempts_' || to_char(week + n * interval '7 days', 'YYYYMMDD'),
            least_uuid(week + n * interval '7 days')::text,
            least_uuid(week + (n + 1) * interval '7 days')::text)
            and is_made;
    end loop;
    return is_made;
end $$;

-- Drops the oldest partition of `parent` that ended before `before`, and says
-- whether there was one and it is gone. One at a time: the lock on all of the
-- table is held no longer than that takes. What is as young as a span stays,
-- whoever asks for it.
create function drop_partition(parent name, span interval, before timestamptz) returns boolean
language plpgsql security definer set timezone = 'UTC' set lock_timeout = '100ms' as $$
declare
    oldest name;
begin
    if parent not in ('events', 'attempts') then
        raise exception '% has no partitions of ours', parent;
    end if;
    select c.relname into oldest from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = quote_ident(parent)::regclass and c.relname ~ '_[0-9]{8}$'
      and right(c.relname, 8)::timestamptz + span < least(before, now() - span)
    order by c.relname limit 1;
    if oldest is null then
        return false;
    end if;
    execute format('drop table %I', oldest);
    return true;
exception when lock_not_available then
    return false;
end $$;

create function drop_events(before timestamptz) returns boolean
language sql security definer as $$ select drop_partition('events', '1 day', before) $$;

create function drop_attempts(before timestamptz) returns boolean
language sql security definer as $$ select drop_partition('attempts', '7 days', before) $$;

comment on function make_partitions is 'Makes what partitions are lacking for today and the days to come; false when a lock was not to be had';
comment on function drop_events is 'Drops the oldest day of events that ended before a time; false when there is none, or a lock was not to be had';
comment on function drop_attempts is 'Drops the oldest week of attempts that ended before a time; false when there is none, or a lock was not to be had';

-- They act with their owner's rights: on the tables of this schema only, and
-- for those only who are granted them.
do $$
declare
    ours text;
begin
    foreach ours in array array['make_partition(name, name, name, text, text)', 'make_partitions()',
        'drop_partition(name, interval, timestamptz)', 'drop_events(timestamptz)',
        'drop_attempts(timestamptz)'] loop
        execute format('alter function %s set search_path = %I, pg_temp', ours, current_schema());
        execute format('revoke all on function %s from public', ours);
    end loop;
    if not make_partitions() then
        raise exception 'the first partitions could not be made';
    end if;
end $$;
