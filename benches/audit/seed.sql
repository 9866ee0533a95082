-- Attachments as in life, most of them stored, with the objects, the journal
-- and the events that each status leaves. seed.rows and seed.sha256 are set
-- before. tests/it/audit/seeded.rs reads such rows as the service does.

set session_replication_role = replica;

create temp table life as
select n, 'tenant-' || n % 20 as tenant_id,
    (lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || '8'
        || substr(md5(n::text), 1, 15))::uuid as id,
    'line-' || n % 3 as channel_id, n::text as message_id, 'conversation-' || n % 1000 as conversation_id,
    'sender-' || n % 5000 as sender_id,
    now() - interval '1 day' - n * interval '1 millisecond' as born,
    case when n % 1000 < 920 then 'stored' when n % 1000 < 950 then 'failed'
         when n % 1000 < 970 then 'rejected' when n % 1000 < 980 then 'unsupported'
         when n % 1000 < 995 then 'deleted' else 'open' end as status
from generate_series(1, current_setting('seed.rows')::int) as n;

insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source, message_id,
    conversation_id, sender_id, message_time, file_name, declared_content_type, kind, retention,
    status, failure_reason, attempt_count, max_attempts, created_at, updated_at, stored_at)
select tenant_id, id, channel_id, message_id, '', '',
    case when status <> 'deleted' then jsonb_build_object('line',
        jsonb_build_object('message_id', message_id, 'preview', false, 'message_type', 'image')) end,
    message_id, conversation_id, case when status <> 'deleted' then sender_id end, born,
    case when status <> 'deleted' then 'photo.jpg' else '' end, 'image/jpeg', 'image', 'durable',
    status,
    case status when 'failed' then 'SOURCE_NOT_FOUND' when 'rejected' then 'TOO_LARGE'
        when 'unsupported' then 'CONTENT_TYPE_NOT_ALLOWED' when 'deleted' then 'DELETE_REQUESTED' end,
    case when status = 'open' then 0 else 1 end, 5, born, born,
    case when status = 'stored' then born end
from life;

-- Every tenth of them has a thumbnail beside its original.
insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type, size_bytes,
    checksum_sha256, width, height, created_at)
select tenant_id, id, rendition,
    'attachments/durable/' || tenant_id || '/' || message_id || '/' || id || '/1-'
        || case rendition when 'original' then 'photo.jpg' else 'thumbnail.webp' end,
    case rendition when 'original' then 'image/jpeg' else 'image/webp' end, 1000,
    decode(current_setting('seed.sha256'), 'hex'),
    case rendition when 'thumbnail' then 64 end, case rendition when 'thumbnail' then 48 end, born
from life, unnest(array['original', 'thumbnail']) as rendition
where status = 'stored' and (rendition = 'original' or n % 10 = 0);

insert into work (tenant_id, attachment_id, kind, priority, max_attempts, due_at)
select tenant_id, id, 'ingest', 0, 5, now() + interval '1 hour' from life where status = 'open';

-- Every tenth needed a second attempt.
insert into attempts (tenant_id, attachment_id, kind, fence, started_at, ended_at, counted,
    failure_reason, worker)
select tenant_id, id, 'ingest', fence, born, born, true,
    case when fence < 2 and n % 10 = 0 then 'SOURCE_UNAVAILABLE'
         when status = 'failed' then 'SOURCE_NOT_FOUND' when status = 'rejected' then 'TOO_LARGE' end,
    'worker-1'
from life, generate_series(1, 2) as fence
where status <> 'open' and (fence = 1 or n % 10 = 0);

insert into events (tenant_id, attachment_id, channel_id, message_id, conversation_id, sender_id,
    kind, registered_at, status, attempt_count, next_attempt_at, created_at)
select tenant_id, id, channel_id, message_id, conversation_id, sender_id, 'image', born,
    step.status, 1, case when step.status = 'pending' then born end, born
from life, unnest(array['pending', 'downloading', case when life.status = 'deleted' then 'stored'
    else life.status end, 'deleted']) with ordinality as step (status, place)
where case life.status when 'open' then place = 1 when 'deleted' then true else place < 4 end
order by n, place;

-- As the triggers would have.
insert into usage_deltas (tenant_id, status, files, size_bytes)
select tenant_id, status, files, size_bytes from usage_missing;

drop table life;
reset session_replication_role;
