-- Attachments as in life, most of them stored, with the journal and the events
-- that each status leaves. seed.rows and seed.sha256 are set before.

set session_replication_role = replica;

create temp table life as
select n, 'tenant-' || n % 20 as tenant_id,
    (lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || '8'
        || substr(md5(n::text), 1, 15))::uuid as id,
    now() - interval '1 day' - n * interval '1 millisecond' as born,
    case when n % 1000 < 920 then 'stored' when n % 1000 < 950 then 'failed'
         when n % 1000 < 970 then 'rejected' when n % 1000 < 980 then 'unsupported'
         when n % 1000 < 995 then 'deleted' else 'open' end as status
from generate_series(1, current_setting('seed.rows')::int) as n;

insert into attachments (tenant_id, id, channel_id, media_id, part, source, message_id,
    conversation_id, file_name, declared_content_type, retention, status, failure_reason,
    attempt_count, max_attempts, storage_key, content_type, size_bytes, checksum_sha256,
    created_at, updated_at, stored_at)
select tenant_id, id, 'line-' || n % 3, n::text, '',
    jsonb_build_object('kind', 'line', 'message_id', n::text), n::text,
    'conversation-' || n % 1000, case when status <> 'deleted' then 'photo.jpg' else '' end,
    'image/jpeg', 'durable', status,
    case status when 'failed' then 'SOURCE_NOT_FOUND' when 'rejected' then 'TOO_LARGE'
        when 'unsupported' then 'CONTENT_TYPE_NOT_ALLOWED' when 'deleted' then 'DELETE_REQUESTED' end,
    case when status = 'open' then 0 else 1 end, 5,
    case when status = 'stored' then
        'attachments/durable/' || tenant_id || '/' || n || '/' || id || '/1-photo.jpg' end,
    case when status = 'stored' then 'image/jpeg' end,
    case when status = 'stored' then 1000 end,
    case when status = 'stored' then decode(current_setting('seed.sha256'), 'hex') end,
    born, born, case when status = 'stored' then born end
from life;

insert into work (attachment_id, tenant_id, max_attempts, due_at)
select id, tenant_id, 5, now() + interval '1 hour' from life where status = 'open';

-- Every tenth needed a second attempt.
insert into attempts (attachment_id, fence, tenant_id, started_at, ended_at, failure_reason, worker)
select id, fence, tenant_id, born, born,
    case when fence < 2 and n % 10 = 0 then 'SOURCE_UNAVAILABLE'
         when status = 'failed' then 'SOURCE_NOT_FOUND' when status = 'rejected' then 'TOO_LARGE' end,
    'worker-1'
from life, generate_series(1, 2) as fence
where status <> 'open' and (fence = 1 or n % 10 = 0);

insert into events (tenant_id, attachment_id, status, attempt_count, next_attempt_at, created_at)
select tenant_id, id, step.status, 1, case when step.status = 'pending' then born end, born
from life, unnest(array['pending', 'downloading', case when life.status = 'deleted' then 'stored'
    else life.status end, 'deleted']) with ordinality as step (status, place)
where case life.status when 'open' then place = 1 when 'deleted' then true else place < 4 end
order by n, place;

drop table life;
reset session_replication_role;
