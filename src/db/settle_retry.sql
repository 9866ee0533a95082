-- Goes on from settle.sql with attempts that are made again. Gives the places in
-- the batch.

-- An attempt that is put off without being counted stops the clock of a provider
-- that still prepares the file, and does not set it back: no file may wait for
-- ever.
, waits as (
    update work w
    set leased_by = null, started_at = null, failure_reason = m.failure_reason,
        ready = m.wait_seconds <= 0, due_at = now() + make_interval(secs => m.wait_seconds),
        attempt_count = w.attempt_count - (case when m.counted then 0 else 1 end),
        waiting_since = case when m.failure_reason = 'SOURCE_NOT_READY'
                then coalesce(w.waiting_since, now())
            when not m.counted then w.waiting_since + make_interval(secs => m.wait_seconds) end,
        updated_at = now()
    from mine m
    where w.tenant_id = m.tenant_id and w.attachment_id = m.attachment_id and w.kind = m.kind
), unused as (
    delete from removals r using mine m
    where r.tenant_id = m.tenant_id and r.storage_key = m.unused_key
)
select position from mine
