with mine as (
    update attachments
    set status = 'stored', failure_reason = null, attempt_count = attempt_count + 1,
        storage_key = 'attachments/durable/'
            || tenant_id || '/' || correlation_id || '/' || id || '/1-photo.jpg',
        content_type = 'image/jpeg', size_bytes = 204800, checksum_sha256 = sha256(uuid_send(id)),
        stored_at = now(), updated_at = now()
    where tenant_id = (:tenants::text[])[:k] and id = (:ids::uuid[])[:k] and status = 'open'
    returning id, attempt_count, tenant_id
)
insert into attempts (attachment_id, fence, tenant_id, started_at, worker, provider_request_id,
    provider_status, received_bytes, fetch_ms, store_ms)
select id, attempt_count, tenant_id, now(), 'worker-' || :client_id, 'request-1', 200, 204800, 90, 20
from mine;
