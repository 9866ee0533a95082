with mine as (
    update apalis.jobs
    set run_at = now() + interval '5 min'
    where id = (:results::jsonb -> (:k - 1)) ->> 'task_id' and lock_by = 'worker-' || :client_id
    returning id, attempts, lock_at
)
insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason, worker,
    provider_request_id, provider_status)
select (:ids::uuid[])[:k], attempts + 1, (:tenants::text[])[:k], lock_at, 'SOURCE_UNAVAILABLE',
    'worker-' || :client_id, 'request-1', 503
from mine;
