with mine as (
    delete from work
    where attachment_id = (:ids::uuid[])[:k] and tenant_id = (:tenants::text[])[:k]
      and fence = (:fences::bigint[])[:k] and leased_by is not null
    returning *
), entry as (
    insert into attempts (attachment_id, fence, tenant_id, started_at, worker,
        provider_request_id, provider_status, received_bytes, fetch_ms, store_ms)
    select attachment_id, fence, tenant_id, started_at, leased_by, 'request-1', 200, 204800, 90, 20
    from mine
)
update attachments a
set status = 'stored', failure_reason = null, attempt_count = mine.attempt_count,
    storage_key = 'attachments/durable/'
        || a.tenant_id || '/' || a.correlation_id || '/' || a.id || '/1-photo.jpg',
    content_type = 'image/jpeg', size_bytes = 204800, checksum_sha256 = sha256(uuid_send(a.id)),
    stored_at = now(), updated_at = now()
from mine where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id;
