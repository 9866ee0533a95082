-- How a batch of attempts ended, of those whose fence still holds (`mine`), with
-- an entry in the journal for each. src/db/settle.rs binds it and goes on.
with input as (
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[],
            $7::text[], $8::smallint[], $9::bigint[], $10::bigint[], $11::bigint[],
            $12::timestamptz[], $13::bigint[], $14::bigint[], $15::text[], $16::text[],
            $17::text[], $18::text[], $19::text[], $20::bigint[], $21::bytea[], $22::text[],
            $23::jsonb[], $24::boolean[], $25::text[], $26::text[], $27::text[], $28::text[],
            $29::jsonb[], $30::smallint[], $31::float8[], $32::boolean[], $33::text[])
        with ordinality as t(tenant_id, attachment_id, kind, fence, outcome, detail,
            provider_request_id, provider_status, received_bytes, fetch_ms, store_ms,
            credential_seen, measured_bytes, limit_bytes, declared_content_type,
            detected_content_type, unused_key, storage_key, content_type, size_bytes,
            checksum_sha256, file_kind, facts, has_content, failure_reason, status, processing_status,
            processing_error, made, extractor_version, wait_seconds, counted, learned_name,
            position)
), mine as (
    select i.*, w.leased_by, w.started_at, w.attempt_count
    from input i join work w on w.tenant_id = i.tenant_id and w.attachment_id = i.attachment_id
        and w.kind = i.kind
    where w.fence = i.fence and w.leased_by is not null
    order by i.tenant_id, i.attachment_id, i.kind for update of w
), journal as (
    insert into attempts (tenant_id, attachment_id, kind, fence, started_at, counted,
        failure_reason, worker, detail, provider_request_id, provider_status, received_bytes,
        fetch_ms, store_ms, credential_seen, measured_bytes, limit_bytes, declared_content_type,
        detected_content_type)
    select tenant_id, attachment_id, kind, fence, started_at, counted, failure_reason, leased_by,
        detail, provider_request_id, provider_status, received_bytes, fetch_ms, store_ms,
        credential_seen, measured_bytes, limit_bytes, declared_content_type, detected_content_type
    from mine
    on conflict do nothing
)
