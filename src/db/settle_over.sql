-- Goes on from settle.sql with attempts that were the last: the work is gone. Gives
-- the places in the batch.
, over as (
    delete from work w using mine m
    where w.tenant_id = m.tenant_id and w.attachment_id = m.attachment_id and w.kind = m.kind
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
