-- Writes how a batch of attempts ended, each under its fence; gives the places
-- in the batch of those whose fence still held. src/db/settle.rs binds it.
with input as (
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[],
            $7::text[], $8::smallint[], $9::bigint[], $10::bigint[], $11::bigint[],
            $12::timestamptz[], $13::bigint[], $14::bigint[], $15::text[], $16::text[],
            $17::text[], $18::text[], $19::text[], $20::bigint[], $21::bytea[], $22::text[],
            $23::text[], $24::text[], $25::text[], $26::text[], $27::float8[], $28::boolean[])
        with ordinality as t(tenant_id, attachment_id, kind, fence, outcome, detail,
            provider_request_id, provider_status, received_bytes, fetch_ms, store_ms,
            credential_seen, measured_bytes, limit_bytes, declared_content_type,
            detected_content_type, unused_key, storage_key, content_type, size_bytes,
            checksum_sha256, file_kind, failure_reason, status, processing_status,
            processing_error, wait_seconds, counted, position)
), mine as (
    select i.*, w.leased_by, w.started_at, w.attempt_count
    from input i join work w on w.tenant_id = i.tenant_id and w.attachment_id = i.attachment_id
        and w.kind = i.kind
    where w.fence = i.fence and w.leased_by is not null
    order by i.tenant_id, i.attachment_id, i.kind for update of w
), over as (
    delete from work w using mine m
    where w.tenant_id = m.tenant_id and w.attachment_id = m.attachment_id and w.kind = m.kind
      and m.outcome <> 'retry'

-- An attempt that is put off without being counted stops the clock of a provider
-- that still prepares the file, and does not set it back: no file may wait for
-- ever.
), waits as (
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
      and m.outcome = 'retry'
), journal as (
    insert into attempts (tenant_id, attachment_id, kind, fence, started_at, counted,
        failure_reason, worker, detail, provider_request_id, provider_status, received_bytes,
        fetch_ms, store_ms, credential_seen, measured_bytes, limit_bytes, declared_content_type,
        detected_content_type)
    select tenant_id, attachment_id, kind, fence, started_at, counted, failure_reason, leased_by,
        detail, provider_request_id, provider_status, received_bytes, fetch_ms, store_ms,
        credential_seen, measured_bytes, limit_bytes, declared_content_type, detected_content_type
    from mine
    on conflict do nothing
), settled as (
    update attachments a
    set status = m.status, failure_reason = m.failure_reason, attempt_count = m.attempt_count,
        kind = coalesce(m.file_kind, a.kind), updated_at = now(),
        stored_at = case when m.outcome = 'stored' then now() else a.stored_at end,
        file_name = case when m.status = 'deleted' then '' else a.file_name end,
        source = case when m.status = 'deleted' then null else a.source end,
        sender_id = case when m.status = 'deleted' then null else a.sender_id end
    from mine m
    where a.tenant_id = m.tenant_id and a.id = m.attachment_id and a.status = 'open'
      and m.outcome in ('stored', 'ended')
    returning m.position, m.outcome, a.tenant_id, a.id, m.storage_key, m.content_type,
        m.size_bytes, m.checksum_sha256
), object as (
    insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
        size_bytes, checksum_sha256)
    select tenant_id, id, 'original', storage_key, content_type, size_bytes, checksum_sha256
    from settled where outcome = 'stored'
), processed as (
    update attachments a
    set processing_status = m.processing_status, processing_error = m.processing_error,
        updated_at = now()
    from mine m
    where a.tenant_id = m.tenant_id and a.id = m.attachment_id
      and a.processing_status = 'open' and m.outcome = 'processed'
    returning m.position

-- The announcement goes with a record that holds the object, and with an attempt
-- that put none.
), kept as (
    delete from removals r using (
        select tenant_id, storage_key from settled where outcome = 'stored'
        union all
        select tenant_id, unused_key from mine where unused_key is not null) as k
    where r.tenant_id = k.tenant_id and r.storage_key = k.storage_key
)
select position from settled
union all select position from processed
union all select position from mine where outcome = 'retry'
