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
        processing_status = case when m.has_content then 'open' end,
        file_name = case when m.status = 'deleted' then ''
            else coalesce(nullif(a.file_name, ''), m.learned_name, '') end,
        source = case when m.status = 'deleted' then null else a.source end,
        sender_id = case when m.status = 'deleted' then null else a.sender_id end
    from mine m
    where a.tenant_id = m.tenant_id and a.id = m.attachment_id and a.status = 'open'
      and m.outcome in ('stored', 'ended')
    returning m.position, m.outcome, a.tenant_id, a.id, m.storage_key, m.content_type,
        m.size_bytes, m.checksum_sha256, m.facts, m.has_content, a.channel_id, a.max_attempts
), object as (
    insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
        size_bytes, checksum_sha256, facts)
    select tenant_id, id, 'original', storage_key, content_type, size_bytes, checksum_sha256,
        facts
    from settled where outcome = 'stored'
), content as (
    -- A file that was stored before has been worked on before: the fence goes on.
    insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, fence)
    select s.tenant_id, s.id, 'content', s.channel_id, s.max_attempts,
        coalesce((select max(fence) from attempts j where j.tenant_id = s.tenant_id
            and j.attachment_id = s.id and j.kind = 'content'), 0)
    from settled s where s.has_content
    on conflict (tenant_id, attachment_id, kind) do nothing
), processed as (
    update attachments a
    set processing_status = m.processing_status, processing_error = m.processing_error,
        extractor_version = m.extractor_version, updated_at = now()
    from mine m
    where a.tenant_id = m.tenant_id and a.id = m.attachment_id
      and a.processing_status = 'open' and m.outcome = 'processed'
    returning m.position, a.tenant_id, a.id, m.made
), made as (
    select p.tenant_id, p.id, f.*
    from processed p cross join lateral jsonb_to_recordset(p.made) as f(rendition text,
        key text, content_type text, size_bytes bigint, sha256 text, width integer, height integer)

-- What is made anew takes the place of what there was, whose objects go.
), former as (
    select o.tenant_id, o.attachment_id, o.rendition, o.storage_key
    from processed p join objects o on o.tenant_id = p.tenant_id and o.attachment_id = p.id
    where o.rendition <> 'original'
), dropped as (
    delete from objects o using former f
    where o.tenant_id = f.tenant_id and o.attachment_id = f.attachment_id
      and o.rendition = f.rendition
      and not exists (select from made m where m.tenant_id = f.tenant_id
          and m.id = f.attachment_id and m.rendition = f.rendition)
), forms as (
    insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
        size_bytes, checksum_sha256, width, height)
    select tenant_id, id, rendition, key, content_type, size_bytes, decode(sha256, 'hex'),
        width, height
    from made
    on conflict (tenant_id, attachment_id, rendition) do update
    set storage_key = excluded.storage_key, content_type = excluded.content_type,
        size_bytes = excluded.size_bytes, checksum_sha256 = excluded.checksum_sha256,
        width = excluded.width, height = excluded.height, created_at = now()
), outdated as (
    insert into removals (tenant_id, storage_key)
    select tenant_id, storage_key from former
    where storage_key not in (select key from made)
    on conflict (tenant_id, storage_key) do nothing

-- The announcement goes with a record that holds the object, and with an attempt
-- that put none.
), kept as (
    delete from removals r using (
        select tenant_id, storage_key from settled where outcome = 'stored'
        union all
        select tenant_id, key from made
        union all
        select tenant_id, unused_key from mine where unused_key is not null) as k
    where r.tenant_id = k.tenant_id and r.storage_key = k.storage_key
)
select position from settled
union all select position from processed
