-- Claims due rows: $1 worker, $2 length of the lease in seconds, $3 rows at
-- most, $4 the tenant that was served last, $5 rows of one tenant at most,
-- $6 attempts of one tenant that this worker may run, $7 whether the oldest
-- come first, $8 the kind of work. src/db/claim.rs selects from `claimed`.

-- The round of tenants, each found by one probe of the index: those behind the
-- one that was served last, then those before it.
with recursive behind as (
    (select tenant_id from work where kind = $8 and tenant_id > $4 order by tenant_id limit 1)
    union all
    select (select w.tenant_id from work w where w.kind = $8 and w.tenant_id > b.tenant_id
            order by w.tenant_id limit 1)
    from behind b where b.tenant_id is not null
), before as (
    (select tenant_id from work where kind = $8 and tenant_id <= $4 order by tenant_id limit 1)
    union all
    select (select w.tenant_id from work w where w.kind = $8 and w.tenant_id > b.tenant_id
            and w.tenant_id <= $4 order by w.tenant_id limit 1)
    from before b where b.tenant_id is not null

), due as (
    select picked.tenant_id, picked.attachment_id, turn.position
    from (
        select tenant_id, row_number() over () as position from (
            select tenant_id from behind where tenant_id is not null
            union all select tenant_id from before where tenant_id is not null) as round
    ) as turn
    -- An attempt whose lease has run out does not count as running. The time is
    -- asked in a form that no index answers: in an outage almost all that waits
    -- is due later, and must not be looked through for each tenant.
    cross join lateral (
        select count(*) as running from work r
        where r.leased_by = $1 and r.kind = $8 and r.tenant_id = turn.tenant_id
          and (r.due_at > now()) is true
    ) as busy
    -- The quick kinds first, but for every other round, so that nothing starves.
    cross join lateral (
        select candidate.tenant_id, candidate.attachment_id
        from (values (0), (1), (2), (3)) as kinds(priority)
        cross join lateral (
            select w.tenant_id, w.attachment_id, w.priority, w.due_at from work w
            where w.kind = $8 and w.tenant_id = turn.tenant_id and w.priority = kinds.priority
              and w.due_at <= now() and w.attempt_count < w.max_attempts
            order by w.due_at limit $5 for update skip locked
        ) as candidate
        order by case when $7 then 0 else candidate.priority end, candidate.due_at
        limit least($5, greatest($6 - busy.running, 0))
    ) as picked
    -- One probe where nothing is due, instead of one for each tenant.
    where (select exists (select 1 from work w where w.kind = $8 and w.due_at <= now()
                            and w.attempt_count < w.max_attempts))
    limit $3

), claimed as (
    update work w
    set fence = w.fence + 1, attempt_count = w.attempt_count + 1, leased_by = $1,
        started_at = now(), due_at = now() + make_interval(secs => $2), updated_at = now()
    from due join work previous on previous.tenant_id = due.tenant_id
        and previous.attachment_id = due.attachment_id and previous.kind = $8
    where w.tenant_id = previous.tenant_id and w.attachment_id = previous.attachment_id
      and w.kind = previous.kind
    returning w.*, due.position, previous.leased_by as left_by, previous.started_at as left_started_at

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
