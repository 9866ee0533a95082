with mine as (
    update attachments
    set leased_by = null, lease_ends_at = null, due_at = now() + interval '5 min', updated_at = now()
    where tenant_id = (:tenants::text[])[:k] and id = (:ids::uuid[])[:k]
      and fence = (:fences::bigint[])[:k] and leased_by is not null
    returning id, fence, tenant_id, started_at
)
insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason, worker,
    provider_request_id, provider_status)
select id, fence, tenant_id, started_at, 'SOURCE_UNAVAILABLE', 'worker-' || :client_id,
    'request-1', 503
from mine;
