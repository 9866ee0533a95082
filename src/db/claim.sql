-- Claims ready rows: $1 worker, $2 length of the lease in seconds, $3 rows at
-- most, $4 the tenant that was served last, $5 rows of one tenant at most,
-- $6 whether the oldest come first, $7 the kind of work, $8 tenants that hold
-- slots and $9 how many more each may have, $10 how many any other tenant may
-- have; $11 and $12 channels that hold slots, $13 how many each holds and $14 how
-- many more it may have, $15 how many any other channel may have; $16 a number
-- that differs from round to round, $17 age in seconds at which an announced
-- object counts as an orphan. src/db/claim.rs selects from `claimed`.

-- The round of tenants, each found by one probe of the index: those behind the
-- one that was served last, then those before it.
with recursive behind as (
    (select tenant_id from work where ready and kind = $7 and tenant_id > $4
     order by tenant_id limit 1)
    union all
    select (select w.tenant_id from work w where w.ready and w.kind = $7
            and w.tenant_id > b.tenant_id order by w.tenant_id limit 1)
    from behind b where b.tenant_id is not null
), before as (
    (select tenant_id from work where ready and kind = $7 and tenant_id <= $4
     order by tenant_id limit 1)
    union all
    select (select w.tenant_id from work w where w.ready and w.kind = $7
            and w.tenant_id > b.tenant_id and w.tenant_id <= $4 order by w.tenant_id limit 1)
    from before b where b.tenant_id is not null

), due as (
    select picked.tenant_id, picked.attachment_id, turn.position
    from (
        select tenant_id, row_number() over () as position from (
            select tenant_id from behind where tenant_id is not null
            union all select tenant_id from before where tenant_id is not null) as round
    ) as turn
    cross join lateral (
        select least($5, coalesce((select h.more
            from unnest($8::text[], $9::int[]) as h(tenant_id, more)
            where h.tenant_id = turn.tenant_id), $10)) as more
    ) as tenant
    -- Its channels take turns, found as the tenants are: first those that hold
    -- the fewest slots, those that hold as many by lot.
    cross join lateral (
        select candidate.tenant_id, candidate.attachment_id
        from (
            with recursive channels as (
                (select c.channel_id, 1 as position from work c
                 where c.ready and c.kind = $7 and c.tenant_id = turn.tenant_id
                 order by c.channel_id limit 1)
                union all
                select (select w.channel_id from work w where w.ready and w.kind = $7
                        and w.tenant_id = turn.tenant_id and w.channel_id > c.channel_id
                        order by w.channel_id limit 1), c.position + 1
                from channels c where c.channel_id is not null and c.position < 1000
            )
            select c.channel_id, coalesce(h.running, 0) as running,
                least(tenant.more, coalesce(h.more, $15)) as more
            from channels c
            left join unnest($11::text[], $12::text[], $13::int[], $14::int[])
                as h(tenant_id, channel_id, running, more)
                on h.tenant_id = turn.tenant_id and h.channel_id = c.channel_id
            where c.channel_id is not null
        ) as channel
        -- The quick kinds first, but for every other round, so that nothing starves.
        cross join lateral (
            select w.*, row_number() over (
                order by case when $6 then 0 else w.priority end, w.due_at) as nth
            from (values (0), (1), (2), (3)) as kinds(priority)
            cross join lateral (
                select w.tenant_id, w.attachment_id, w.priority, w.due_at from work w
                where w.ready and w.kind = $7 and w.tenant_id = turn.tenant_id
                  and w.channel_id = channel.channel_id and w.priority = kinds.priority
                  and w.due_at <= now() and w.attempt_count < w.max_attempts
                order by w.due_at limit channel.more for update skip locked
            ) as w
        ) as candidate
        where candidate.nth <= channel.more
        order by channel.running + candidate.nth, hashtextextended(channel.channel_id, $16),
            candidate.nth
        limit tenant.more
    ) as picked
    limit $3

), claimed as (
    update work w
    set fence = w.fence + 1, attempt_count = w.attempt_count + 1, leased_by = $1, ready = false,
        started_at = now(), due_at = now() + make_interval(secs => $2), updated_at = now()
    from due join work previous on previous.tenant_id = due.tenant_id
        and previous.attachment_id = due.attachment_id and previous.kind = $7
    where w.tenant_id = previous.tenant_id and w.attachment_id = previous.attachment_id
      and w.kind = previous.kind
    returning w.*, due.position, previous.leased_by as left_by, previous.started_at as left_started_at

-- From here on the object that the attempt may put is known, whoever dies.
), announced as (
    insert into removals (tenant_id, storage_key, attachment_id, kind, fence, due_at)
    select k.tenant_id, storage_key(a.retention, a.tenant_id, coalesce(a.correlation_id, a.message_id),
            a.id, k.fence, a.file_name),
        k.attachment_id, k.kind, k.fence, now() + make_interval(secs => $17)
    from claimed k join attachments a on a.tenant_id = k.tenant_id and a.id = k.attachment_id
    where k.kind = 'ingest'
    on conflict (tenant_id, storage_key) do update set due_at = excluded.due_at,
        attachment_id = excluded.attachment_id, kind = excluded.kind, fence = excluded.fence

-- An expired lease is a due row like any other; that its holder never settled
-- is written down here.
), abandoned as (
    insert into attempts (tenant_id, attachment_id, kind, fence, started_at, counted,
        failure_reason, worker, detail)
    select tenant_id, attachment_id, kind, fence - 1, left_started_at, true, 'INTERRUPTED', left_by,
        'the worker died or lost its lease'
    from claimed where left_by is not null
    on conflict do nothing
)
