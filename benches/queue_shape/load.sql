-- Loads rows first..last with :'status' open or stored. Shape A adds its
-- columns by :extra_columns and :extra_values.

set session_replication_role = replica;
insert into attachments (tenant_id, id, channel_id, media_id, part, source, message_id,
    conversation_id, correlation_id, file_name, declared_content_type, declared_size_bytes,
    retention, status, attempt_count, max_attempts, storage_key, content_type, size_bytes,
    checksum_sha256, created_at, stored_at :extra_columns)
select bench.tenant(n), bench.id(n), 'channel-' || n % 300, '5' || lpad(n::text, 17, '0'), '',
    jsonb_build_object('kind', 'line', 'message_id', '5' || lpad(n::text, 17, '0')),
    bench.message(n), 'conversation-' || n / 50, 'correlation-' || n / 4, 'photo.jpg',
    'image/jpeg', 204800, 'durable', :'status', s.stored::int, 5,
    case when s.stored then 'attachments/durable/' || bench.tenant(n) || '/correlation-' || n / 4
        || '/' || bench.id(n) || '/1-photo.jpg' end,
    case when s.stored then 'image/jpeg' end, case when s.stored then 204800 end,
    case when s.stored then sha256(int8send(n)) end, age.at,
    case when s.stored then age.at end :extra_values
from generate_series(:first::bigint, :last::bigint) n
cross join (select :'status' = 'stored' as stored) s
cross join lateral (select now() - make_interval(secs => (:last - n) / 1000.0 + 1) as at) age;
