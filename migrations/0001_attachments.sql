-- Attachments, the work that is still to be done on them, and what was tried.
--
-- `attachments` holds what is settled and is written twice in a normal life:
-- when a file is registered and when it ends. `work` holds what is in motion
-- (due time, lease, fence, attempts) in a slim row that is deleted at the end;
-- the status PENDING, DOWNLOADING or retryable FAILED of an open attachment is
-- read from it. docs/adr/0001 gives the measurements behind the two tables.

create table attachments (
    tenant_id             text        not null,
    id                    uuid        not null,
    channel_id            text        not null,
    media_id              text        not null,
    part                  text        not null,
    source                jsonb       not null,
    message_id            text        not null,
    conversation_id       text,
    correlation_id        text,
    file_name             text        not null,
    declared_content_type text        not null,
    declared_size_bytes   bigint,
    retention             text        not null,
    status                text        not null,
    failure_reason        text,
    attempt_count         smallint    not null default 0,
    max_attempts          smallint    not null,
    storage_key           text,
    content_type          text,
    size_bytes            bigint,
    checksum_sha256       bytea,
    created_at            timestamptz not null default now(),
    updated_at            timestamptz not null default now(),
    stored_at             timestamptz,
    expires_at            timestamptz,

    primary key (tenant_id, id),
    constraint attachments_source_key unique (tenant_id, channel_id, media_id, part),
    constraint attachments_retention check (retention in ('durable', 'ephemeral')
        and (retention = 'ephemeral') = (expires_at is not null)),
    constraint attachments_status check
        (status in ('open', 'stored', 'failed', 'rejected', 'unsupported', 'deleted')),
    constraint attachments_declared_size check (declared_size_bytes >= 0),
    constraint attachments_attempts check (attempt_count between 0 and max_attempts),
    -- One check a status: a row that spells no state cannot be written.
    constraint attachments_open check (status <> 'open' or
        (failure_reason is null and storage_key is null and stored_at is null
         and content_type is null and size_bytes is null and checksum_sha256 is null)),
    constraint attachments_stored check (status <> 'stored' or
        (failure_reason is null and storage_key is not null and content_type is not null
         and size_bytes > 0 and octet_length(checksum_sha256) = 32 and stored_at is not null)),
    constraint attachments_failed check (status <> 'failed' or
        (failure_reason is not null and storage_key is null)),
    constraint attachments_rejected check (status <> 'rejected' or
        (failure_reason is not null and storage_key is null)),
    constraint attachments_unsupported check (status <> 'unsupported' or
        (failure_reason is not null and storage_key is null)),
    constraint attachments_deleted check (status <> 'deleted' or
        (failure_reason is not null and storage_key is null and checksum_sha256 is null))
) with (fillfactor = 85);

comment on table attachments is 'One row per file of a message; written at registration and at its end';
comment on column attachments.tenant_id is 'Whose it is; the first column of every key';
comment on column attachments.id is 'UUIDv7 made by the service';
comment on column attachments.channel_id is 'The channel it came by, whether or not channels knows it';
comment on column attachments.media_id is 'The provider''s id of the file; with part the key that makes registration idempotent';
comment on column attachments.part is 'Which part of the media; empty for the content itself';
comment on column attachments.source is 'What names the file at its provider; holds no credential';
comment on column attachments.message_id is 'The chat message, as the gateway named it';
comment on column attachments.conversation_id is 'The conversation, as the gateway named it';
comment on column attachments.correlation_id is 'Groups files of one request; second part of the storage key';
comment on column attachments.file_name is 'The sender''s name for it, cleaned; emptied when it is deleted';
comment on column attachments.declared_content_type is 'What the sender claims; empty when nothing was claimed';
comment on column attachments.declared_size_bytes is 'Bytes the sender claims; null when nothing was claimed';
comment on column attachments.retention is 'Retention class, as it stands in the storage key';
comment on column attachments.status is 'open while work is to be done on it, else how it ended';
comment on column attachments.failure_reason is 'Why it is not stored; null while open and when stored';
comment on column attachments.attempt_count is 'Attempts spent, copied from work when it ends';
comment on column attachments.max_attempts is 'Attempts that may be spent';
comment on column attachments.storage_key is 'The object''s key in the bucket';
comment on column attachments.content_type is 'The detected type';
comment on column attachments.size_bytes is 'Bytes that were counted';
comment on column attachments.checksum_sha256 is 'SHA-256 of the bytes, 32 bytes';
comment on column attachments.stored_at is 'When it became stored';
comment on column attachments.expires_at is 'When retention ends it; null for durable ones';

-- An inbox asks by conversation and by message, an agent by correlation id;
-- ids sort by time, so each index also gives the order of a page.
create index attachments_by_message on attachments (tenant_id, message_id, id desc);
create index attachments_by_conversation on attachments (tenant_id, conversation_id, id desc)
    where conversation_id is not null;
create index attachments_by_correlation on attachments (tenant_id, correlation_id, id desc)
    where correlation_id is not null;
create index attachments_expiring on attachments (expires_at)
    where expires_at is not null and status <> 'deleted';
-- The sweeper compares these few with work; finished rows are not in it.
create index attachments_open_by_age on attachments (created_at) where status = 'open';
-- A new credential puts these back; nothing else in the channel is looked at.
create index attachments_awaiting_credential on attachments (tenant_id, channel_id)
    where status = 'failed'
      and failure_reason in ('SOURCE_AUTH_FAILED', 'SOURCE_SCOPE_MISSING', 'CREDENTIAL_MISSING');

create table work (
    attachment_id  uuid        not null primary key,
    tenant_id      text        not null,
    due_at         timestamptz not null default now(),
    fence          bigint      not null default 0,
    attempt_count  smallint    not null default 0,
    max_attempts   smallint    not null,
    leased_by      text,
    started_at     timestamptz,
    failure_reason text,
    waiting_since  timestamptz,
    updated_at     timestamptz not null default now(),

    constraint work_lease check ((leased_by is null) = (started_at is null)),
    constraint work_attempts check (attempt_count between 0 and max_attempts)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table work is 'The queue: one slim row per open attachment, deleted when it ends. No foreign key: the same statement writes both rows, and the sweeper compares them';
comment on column work.due_at is 'When it may be claimed; while it is leased, when the lease ends. A dead worker''s row is simply due again';
comment on column work.fence is 'Grows with every claim, never repeats; every write of a worker names the fence it claimed';
comment on column work.attempt_count is 'Attempts begun and spent; counted at the claim, so a crash counts';
comment on column work.leased_by is 'The worker that runs it; null when none does';
comment on column work.started_at is 'When the running attempt was claimed';
comment on column work.failure_reason is 'Why the last attempt failed; null before the first failure';
comment on column work.waiting_since is 'Since when the provider has been saying that the file is not ready';

create index work_due on work (due_at);
-- The sweeper finds the exhausted here, not among a million that merely wait.
create index work_exhausted on work (due_at) where attempt_count >= max_attempts;

create table attempts (
    attachment_id       uuid        not null,
    fence               bigint      not null,
    tenant_id           text        not null,
    started_at          timestamptz not null,
    ended_at            timestamptz not null default now(),
    failure_reason      text,
    worker              text        not null,
    detail              text        not null default '',
    provider_request_id text,
    provider_status     smallint,
    received_bytes      bigint      not null default 0,
    fetch_ms            bigint      not null default 0,
    store_ms            bigint      not null default 0,

    primary key (attachment_id, fence)
);

comment on table attempts is 'What was tried, one row per attempt that ended; numbers and closed words only';
comment on column attempts.failure_reason is 'Why it failed; null when the object was stored';
comment on column attempts.detail is 'For an operator; holds no URL, no secret and no provider text';
comment on column attempts.provider_request_id is 'Such as x-line-request-id, which the provider''s support asks for';

create table channels (
    tenant_id             text        not null,
    channel_id            text        not null,
    provider              text        not null,
    credential            bytea,
    retention             text        not null,
    ephemeral_ttl_seconds bigint,
    link_mode             text,
    limits                jsonb       not null default '{}',
    created_at            timestamptz not null default now(),
    updated_at            timestamptz not null default now(),

    primary key (tenant_id, channel_id),
    constraint channels_provider check (provider in ('line', 'slack', 'url')),
    constraint channels_retention check (retention in ('durable', 'ephemeral')),
    constraint channels_ttl check ((retention = 'ephemeral') = (ephemeral_ttl_seconds is not null)
        and ephemeral_ttl_seconds > 0),
    constraint channels_link_mode check (link_mode in ('presigned', 'proxy'))
);

comment on table channels is 'Where files come from, and what their owner decided about them';
comment on column channels.credential is 'Sealed with AES-256-GCM for this tenant and channel; never in clear';
comment on column channels.limits is 'Limits that differ from the service''s defaults';

create table removals (
    storage_key   text        not null primary key,
    tenant_id     text        not null,
    due_at        timestamptz not null default now(),
    attempt_count integer     not null default 0
);

comment on table removals is 'Objects that must go: of deleted attachments, and of workers that lost their lease. A row leaves when its object is gone';

create index removals_due on removals (due_at);
