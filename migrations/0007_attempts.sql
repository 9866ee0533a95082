-- What was tried. In partitions by the attachment's id, which begins with the
-- time of its registration: so the key stays one that a repeat runs into, and
-- what is old goes by the week, not by the row. 0008 makes and drops them.

create table attempts (
    tenant_id             text        not null,
    attachment_id         uuid        not null,
    kind                  text        not null,
    fence                 bigint      not null,
    started_at            timestamptz not null,
    ended_at              timestamptz not null default now(),
    counted               boolean     not null,
    failure_reason        text,
    worker                text        not null,
    detail                text        not null default '',
    measured_bytes        bigint,
    limit_bytes           bigint,
    declared_content_type text,
    detected_content_type text,
    provider_request_id   text,
    provider_status       smallint,
    received_bytes        bigint      not null default 0,
    fetch_ms              bigint      not null default 0,
    store_ms              bigint      not null default 0,
    credential_seen       timestamptz,

    primary key (tenant_id, attachment_id, kind, fence),
    constraint attempts_kind check (kind in ('ingest', 'content'))
) partition by range (attachment_id);

comment on table attempts is 'What was tried, one row per attempt that ended; numbers and closed words only';
comment on column attempts.counted is 'Whether it counts against the cap';
comment on column attempts.failure_reason is 'Why it failed; null when it did what it was for';
comment on column attempts.detail is 'For an operator; holds no URL, no secret and no provider text';
comment on column attempts.measured_bytes is 'The size that broke a limit';
comment on column attempts.limit_bytes is 'The limit that it broke';
comment on column attempts.declared_content_type is 'The type that was declared, where it mattered';
comment on column attempts.detected_content_type is 'The type that was detected, where it mattered';
comment on column attempts.provider_request_id is 'Such as x-line-request-id, which the provider''s support asks for';
comment on column attempts.credential_seen is 'The credential_since of the channel as the attempt knew it; null where it knew of none';

create table attempts_rest partition of attempts default;

comment on table attempts_rest is 'Attempts of attachments for whose week there is no partition: at those that are older than the journal goes back';

create index attempts_rest_by_age on attempts_rest (ended_at);
