with input as (
    select bench.tenant(position) as tenant_id, bench.new_id() as id, 'channel-1' as channel_id,
        replace(bench.new_id()::text, '-', '') as media_id, '' as part,
        'message-' || bench.new_id() as message_id, position
    from unnest(array_fill(0, array[:rows::int])) with ordinality as t(zero, position)
), fresh as (
    select i.* from input i
    where not exists (select 1 from attachments a
        where a.tenant_id = i.tenant_id and a.channel_id = i.channel_id
          and a.media_id = i.media_id and a.part = i.part)
), counted as (
    select f.*, row_number() over (partition by tenant_id, channel_id, message_id order by position)
            + (select count(*) from attachments a
               where a.tenant_id = f.tenant_id and a.message_id = f.message_id
                 and a.channel_id = f.channel_id) > 5 as too_many
    from fresh f
)
insert into attachments (tenant_id, id, channel_id, media_id, part, source, message_id,
    conversation_id, correlation_id, file_name, declared_content_type, declared_size_bytes,
    retention, max_attempts, status)
select tenant_id, id, channel_id, media_id, part,
    jsonb_build_object('kind', 'line', 'message_id', media_id), message_id, 'conversation-1',
    message_id, 'photo.jpg', 'image/jpeg', 204800, 'durable', 5,
    case when too_many then 'rejected' else 'open' end
from counted order by position
on conflict on constraint attachments_source_key do nothing
returning id, failure_reason, created_at, expires_at;
