-- What is still to be done on attachments.

create table work (
    tenant_id      text        not null,
    attachment_id  uuid        not null,
    kind           text        not null,
    channel_id     text        not null default '',
    ready          boolean     not null default true,
    due_at         timestamptz not null default now(),
    priority       smallint    not null default 1,
    fence          bigint      not null default 0,
    attempt_count  smallint    not null default 0,
    max_attempts   smallint    not null,
    leased_by      text,
    started_at     timestamptz,
    failure_reason text,
    waiting_since  timestamptz,
    updated_at     timestamptz not null default now(),

    primary key (tenant_id, attachment_id, kind),
    constraint work_kind check (kind in ('ingest', 'content')),
    constraint work_priority check (priority between 0 and 3),
    constraint work_lease check ((leased_by is null) = (started_at is null)),
    constraint work_attempts check (attempt_count between 0 and max_attempts),
    constraint work_times check (isfinite(due_at) and isfinite(started_at)
        and isfinite(waiting_since) and isfinite(updated_at))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table work is 'The queue: one slim row per attachment and kind of work, deleted when it ends. No foreign key: the same statement writes both rows, and the sweeper compares them';
comment on column work.kind is 'ingest ends in the status, content in the processing status';
comment on column work.channel_id is 'The attachment''s channel: channels of a tenant take turns';
comment on column work.ready is 'It may be claimed. What waits for its time or is leased is not ready; once due_at has come it is made so, an ended lease too, and so a claim never looks at what waits';
comment on column work.due_at is 'When it may be claimed; while it is leased, when the lease ends. A dead worker''s row is simply due again';
comment on column work.priority is '0 images, 1 documents and what is not known yet, 2 sounds, 3 moving pictures; counts within a tenant only';
comment on column work.fence is 'Grows with every claim, never repeats; every write of a worker names the fence it claimed';
comment on column work.attempt_count is 'Attempts that count; counted at the claim, so a crash counts';
comment on column work.leased_by is 'The worker that runs it; null when none does';
comment on column work.started_at is 'When the running attempt was claimed';
comment on column work.failure_reason is 'Why the last attempt failed; null before the first failure';
comment on column work.waiting_since is 'Since when the provider has been saying that the file is not ready';

-- A claim goes round the tenants, within each round the channels, and within
-- each through the priorities: every step is one probe of this index, however
-- long the backlog is and however many wait for later.
create index work_ready on work (kind, tenant_id, channel_id, priority, due_at) where ready;
-- An alarm asks how long the oldest has been ready.
create index work_ready_by_age on work (kind, due_at) where ready;
-- What falls due next: retries and leases.
create index work_waiting on work (kind, due_at) where not ready;
-- The sweeper finds the exhausted here, not among a million that merely wait.
create index work_exhausted on work (due_at) where attempt_count >= max_attempts;
-- What a worker leaves behind.
create index work_leased on work (leased_by) where leased_by is not null;

create table workers (
    worker     text        primary key,
    started_at timestamptz not null default now()
);

comment on table workers is 'Workers that hold a lock on a session of their own for as long as they live: hashtextextended(worker, 0). Whoever gets that lock knows that the worker is gone, and frees what it had leased; where a worker is not in here, its leases end by themselves';

create table removals (
    tenant_id     text        not null,
    storage_key   text        not null,
    due_at        timestamptz not null default now(),
    attempt_count integer     not null default 0,
    attachment_id uuid,
    kind          text,
    fence         bigint,

    primary key (tenant_id, storage_key),
    constraint removals_announced check ((attachment_id is null) = (fence is null)
        and (kind is null) = (fence is null))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table removals is 'Objects that must go: of deleted attachments, and of attempts that never settled. Each is announced here before it is put; the settlement that stores it takes the announcement back, so that whatever dies in between, the object is known';
comment on column removals.due_at is 'When it may be removed; for an announced one, when no put can be under way any more';
comment on column removals.attachment_id is 'The attachment whose attempt announced it; null when the object was given up';
comment on column removals.kind is 'The kind of work of that attempt';
comment on column removals.fence is 'The attempt that announced it: it stays while that attempt holds its lease';

create index removals_due on removals (due_at);
-- An alarm counts the objects that the store will not let go of.
create index removals_failing on removals (storage_key) where attempt_count >= 5;

-- Where an attempt stores the file. src/attachment/storage_key.rs says what a key
-- is made of; a claim announces the objects of its attempts, and has only this to
-- spell them. A test holds the two against each other.
create function storage_key(retention text, tenant_id text, file_group text, attachment_id uuid,
    attempt bigint, file_name text)
returns text language sql immutable parallel safe as $$
    select 'attachments/' || retention || '/' || tenant_id || '/'
        || case when file_group ~ '^[.]*$' then repeat('_', length(file_group))
            else regexp_replace(file_group, '[^A-Za-z0-9._-]' collate "C", '_', 'g') end
        || '/' || attachment_id || '/' || attempt || '-'
        || case when named.tail in ('thumbnail.webp', 'model.jpg', 'text.json')
            then '_' || named.tail else named.tail end
    from (select ltrim(regexp_replace(regexp_replace(file_name, '^.*[/\\]', ''),
            '[^A-Za-z0-9._-]' collate "C", '_', 'g'), '.') as name) as safe
    cross join lateral (select case when safe.name = '' then 'file'
            when length(safe.name) <= 80 then safe.name
            -- The extension is kept, where it is one.
            else coalesce(
                left(substring(safe.name from '^(.*)[.][^.]{0,16}$'),
                    80 - length(substring(safe.name from '[.][^.]{0,16}$')))
                    || substring(safe.name from '[.][^.]{0,16}$'),
                left(safe.name, 80)) end as tail) as named
$$;

-- Whoever deletes takes the work and the objects it sees. Work that a retry put
-- back, and an object that a settlement stored, while the deletion waited for
-- its locks, are newer than what its statement sees. A trigger sees them: no
-- work is left to be claimed, and no object stays behind.
create function attachments_leave_nothing() returns trigger language plpgsql as $$
begin
    delete from work where tenant_id = new.tenant_id and attachment_id = new.id;
    with emptied as (
        delete from objects where tenant_id = new.tenant_id and attachment_id = new.id
        returning tenant_id, storage_key
    )
    insert into removals (tenant_id, storage_key)
    select tenant_id, storage_key from emptied
    on conflict (tenant_id, storage_key) do nothing;
    return null;
end $$;

create trigger attachments_deleted after update on attachments
    for each row when (new.status = 'deleted' and old.status <> 'deleted')
    execute function attachments_leave_nothing();

comment on function attachments_leave_nothing is 'Deletion wins: nothing deleted has work or objects, whoever deletes it and however late they came';
