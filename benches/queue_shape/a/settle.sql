with mine as (
    update attachments
    set status = 'stored', failure_reason = null, storage_key = 'attachments/durable/'
            || tenant_id || '/' || correlation_id || '/' || id || '/1-photo.jpg',
        content_type = 'image/jpeg', size_bytes = 204800, checksum_sha256 = sha256(uuid_send(id)),
        stored_at = now(), updated_at = now(), leased_by = null, lease_ends_at = null
    where tenant_id = (:tenants::text[])[:k] and id = (:ids::uuid[])[:k]
      and fence = (:fences::bigint[])[:k] and leased_by is not null
    returning id, fence, tenant_id, started_at
)
insert into attempts (attachment_id, fence, tenant_id, started_at, worker, provider_request_id,
    provider_status, received_bytes, fetch_ms, store_ms)
select id, fence, tenant_id, started_at, 'worker-' || :client_id, 'request-1', 200, 204800, 90, 20
from mine;
