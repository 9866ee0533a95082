-- Records a batch of registrations: rows and work. What it answers of them follows in the
-- code; `recorded` has those that nobody recorded before.
with input as (
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[],
            $13::text[], $14::float8[], $15::smallint[], $16::smallint[], $17::text[], $18::text[],
            $19::smallint[], $20::text[], $21::text[], $22::timestamptz[], $23::text[])
        with ordinality as t(tenant_id, id, channel_id, media_id, part, source,
            message_id, conversation_id, correlation_id, file_name, declared_content_type,
            declared_size_bytes, retention, ttl_seconds, max_attempts, max_files,
            refused_status, refused_reason, priority, occurrence, sender_id, message_time, kind,
            position)
), fresh as (
    select distinct on (i.tenant_id, i.channel_id, i.media_id, i.part, i.occurrence) i.*
    from input i
    where not exists (select 1 from attachments a
        where a.tenant_id = i.tenant_id and a.channel_id = i.channel_id
          and a.media_id = i.media_id and a.part = i.part and a.occurrence = i.occurrence)
    order by i.tenant_id, i.channel_id, i.media_id, i.part, i.occurrence, position
), counted as (
    select f.*, row_number() over (partition by tenant_id, channel_id, message_id order by position)
            + (select count(*) from (
                   select from attachments a
                   where a.tenant_id = f.tenant_id and a.message_id = f.message_id
                     and a.channel_id = f.channel_id
                   limit f.max_files) earlier) > max_files as too_many,
        coalesce(
            (select cause from tombstones t where t.tenant_id = f.tenant_id
                and t.channel_id = f.channel_id and t.media_id = f.media_id),
            (select cause from message_tombstones t where t.tenant_id = f.tenant_id
                and t.message_id = f.message_id),
            (select failure_reason from forgotten g where g.tenant_id = f.tenant_id
                and g.occurrence = occurrence_hash(f.channel_id, f.media_id, f.part, f.occurrence))
            ) as deleted_by
    from fresh f
), judged as (
    select c.*,
        case when deleted_by is not null then 'deleted'
             when refused_status is not null then refused_status
             when too_many then 'rejected' else 'open' end as status,
        case when deleted_by is not null then deleted_by
             when refused_status is not null then refused_reason
             when too_many then 'TOO_MANY_FILES' end as failure_reason
    from counted c
), recorded as (
    insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
        message_id, conversation_id, correlation_id, sender_id, message_time, file_name,
        declared_content_type, declared_size_bytes, kind, retention, max_attempts, expires_at,
        status, failure_reason)
    select tenant_id, id, channel_id, media_id, part, occurrence,
        case when status <> 'deleted' then source end,
        message_id, conversation_id, correlation_id,
        case when status <> 'deleted' then sender_id end, message_time,
        case when status <> 'deleted' then file_name else '' end,
        declared_content_type, declared_size_bytes, kind, retention, max_attempts,
        now() + make_interval(secs => ttl_seconds), status, failure_reason
    from judged order by tenant_id, channel_id, media_id, part, occurrence
    on conflict on constraint attachments_occurrence_key do nothing
    returning tenant_id, id, max_attempts, status, failure_reason, created_at, expires_at
), queued as (
    insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, priority)
    select r.tenant_id, r.id, 'ingest', i.channel_id, r.max_attempts, i.priority
    from recorded r join input i on i.id = r.id where r.status = 'open'
)
