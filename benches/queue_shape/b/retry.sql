with mine as (
    select * from work
    where attachment_id = (:ids::uuid[])[:k] and tenant_id = (:tenants::text[])[:k]
      and fence = (:fences::bigint[])[:k] and leased_by is not null
    for update
), entry as (
    insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason, worker,
        provider_request_id, provider_status)
    select attachment_id, fence, tenant_id, started_at, 'SOURCE_UNAVAILABLE', leased_by,
        'request-1', 503
    from mine
)
update work w
set leased_by = null, started_at = null, failure_reason = 'SOURCE_UNAVAILABLE',
    updated_at = now(), due_at = now() + interval '5 min'
from mine where w.attachment_id = mine.attachment_id;
