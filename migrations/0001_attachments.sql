-- Attachments and the objects they are stored in.
--
-- `attachments` holds what is settled and is written twice in a normal life:
-- when a file is registered and when it ends. What is in motion lies in `work`:
-- the status PENDING, DOWNLOADING or retryable FAILED of an open attachment is
-- read from there. docs/adr/0001 gives the measurements behind the two tables.

create table attachments (
    tenant_id             text        not null,
    id                    uuid        not null,
    channel_id            text        not null,
    media_id              text        not null,
    part                  text        not null,
    occurrence            text        not null,
    source                jsonb,
    message_id            text        not null,
    conversation_id       text,
    correlation_id        text,
    sender_id             text,
    message_time          timestamptz,
    file_name             text        not null,
    declared_content_type text        not null,
    declared_size_bytes   bigint,
    kind                  text,
    retention             text        not null,
    status                text        not null,
    failure_reason        text,
    attempt_count         smallint    not null default 0,
    max_attempts          smallint    not null,
    processing_status     text,
    processing_error      text,
    created_at            timestamptz not null default now(),
    updated_at            timestamptz not null default now(),
    stored_at             timestamptz,
    expires_at            timestamptz,

    primary key (tenant_id, id),
    constraint attachments_occurrence_key unique (tenant_id, channel_id, media_id, part, occurrence),
    constraint attachments_occurrence check (occurrence in ('', message_id)),
    constraint attachments_kind check (kind in ('image', 'document', 'video', 'audio', 'other')),
    constraint attachments_retention check (retention in ('durable', 'ephemeral')
        and (retention = 'ephemeral') = (expires_at is not null)),
    constraint attachments_status check
        (status in ('open', 'stored', 'failed', 'rejected', 'unsupported', 'deleted')),
    constraint attachments_declared_size check (declared_size_bytes >= 0),
    constraint attachments_attempts check (attempt_count between 0 and max_attempts),
    -- A row that spells no state cannot be written.
    constraint attachments_reason check
        ((failure_reason is null) = (status in ('open', 'stored'))),
    constraint attachments_stored check
        (status not in ('open', 'stored') or (stored_at is not null) = (status = 'stored')),
    constraint attachments_forgotten check (case when status = 'deleted'
        then source is null and sender_id is null and file_name = '' and processing_status is null
        else source is not null end),
    constraint attachments_processing check
        (processing_status in ('open', 'success', 'partial', 'failed', 'skipped')
            and status = 'stored'
            and (processing_error is not null or processing_status in ('open', 'success', 'partial'))
        or processing_status is null and processing_error is null),
    constraint attachments_times check (isfinite(created_at) and isfinite(updated_at)
        and isfinite(stored_at) and isfinite(expires_at) and isfinite(message_time))
);

comment on table attachments is 'One row per file of a message; written at registration and at its end';
comment on column attachments.tenant_id is 'Whose it is; the first column of every key';
comment on column attachments.id is 'UUIDv7 made by the service';
comment on column attachments.channel_id is 'The channel it came by, whether or not channels knows it';
comment on column attachments.media_id is 'The provider''s id of the file; of a plain URL its hash';
comment on column attachments.part is 'Which part of the media; empty for the content itself';
comment on column attachments.occurrence is 'The message, where the provider uses one id in many; else empty. With channel, media id and part the key that makes registration idempotent';
comment on column attachments.source is 'What names the file at its provider; holds no credential. Null once it is deleted';
comment on column attachments.message_id is 'The chat message, as the gateway named it';
comment on column attachments.conversation_id is 'The conversation, as the gateway named it';
comment on column attachments.correlation_id is 'Groups files of one request; second part of the storage key';
comment on column attachments.sender_id is 'Who sent it, as the gateway named them. Null once it is deleted';
comment on column attachments.message_time is 'When the message was sent, as the gateway said';
comment on column attachments.file_name is 'The sender''s name for it, cleaned; emptied when it is deleted';
comment on column attachments.declared_content_type is 'The type that was declared; empty when none was';
comment on column attachments.declared_size_bytes is 'The size that was declared; null when none was';
comment on column attachments.kind is 'The kind of the detected type, else of the declared one or of the message; null when nothing is known';
comment on column attachments.retention is 'Retention class, as it stands in the storage key';
comment on column attachments.status is 'open while work is to be done on it, else how it ended';
comment on column attachments.failure_reason is 'Why it is not stored; null while open and when stored';
comment on column attachments.attempt_count is 'Attempts that counted, copied from work when it ends';
comment on column attachments.max_attempts is 'Attempts that may be counted';
comment on column attachments.processing_status is 'open while its content is worked on, else how that ended; null where it was never asked for';
comment on column attachments.processing_error is 'Why there is no content';
comment on column attachments.stored_at is 'When it became stored';
comment on column attachments.expires_at is 'When retention ends it; null for durable ones';

-- An inbox asks by conversation and by message, an agent by correlation id, a
-- person's erasure by sender; ids sort by time, so each index also gives the
-- order of a page.
create index attachments_by_message on attachments (tenant_id, message_id, id desc);
create index attachments_by_conversation on attachments (tenant_id, conversation_id, id desc)
    where conversation_id is not null;
create index attachments_by_correlation on attachments (tenant_id, correlation_id, id desc)
    where correlation_id is not null;
create index attachments_by_sender on attachments (tenant_id, sender_id, id desc)
    where sender_id is not null;
-- An operator asks for what failed or was turned away, and a tenant has a long
-- history of what was not. Nothing that goes well is ever in this index.
create index attachments_by_status on attachments (tenant_id, status, id desc)
    where status not in ('open', 'stored');
-- A redrive looks for what ended by time.
create index attachments_ended on attachments (tenant_id, updated_at)
    where status in ('failed', 'rejected', 'unsupported');
create index attachments_expiring on attachments (expires_at)
    where expires_at is not null and status <> 'deleted';
-- Its record goes some time after its deletion.
create index attachments_deleted_by_age on attachments (updated_at) where status = 'deleted';
-- The sweeper compares these few with work; finished rows are not in it.
create index attachments_open_by_age on attachments (created_at) where status = 'open';
create index attachments_processing_by_age on attachments (created_at)
    where processing_status = 'open';
create index attachments_open_by_tenant on attachments (tenant_id, id desc) where status = 'open';
-- A new credential puts these back; nothing else in the channel is looked at.
create index attachments_awaiting_credential on attachments (tenant_id, channel_id, updated_at)
    where status = 'failed'
      and failure_reason in ('SOURCE_AUTH_FAILED', 'SOURCE_SCOPE_MISSING', 'CREDENTIAL_MISSING');

create table forgotten (
    tenant_id      text  not null,
    occurrence     bytea not null,
    failure_reason text  not null,

    primary key (tenant_id, occurrence),
    constraint forgotten_occurrence check (octet_length(occurrence) = 16)
);

comment on table forgotten is 'Occurrences whose deleted record is gone: a file of one of them that is registered again is recorded as deleted, and is not fetched';
comment on column forgotten.occurrence is 'occurrence_hash of what made it unique';
comment on column forgotten.failure_reason is 'Why it was deleted';

-- No name of any of the four has a line end in it, so no two give one hash.
create function occurrence_hash(channel_id text, media_id text, part text, occurrence text)
returns bytea language sql stable parallel safe as $$
    select substring(sha256(convert_to(
        concat_ws(E'\n', channel_id, media_id, part, occurrence), 'UTF8')) for 16)
$$;

create table objects (
    tenant_id       text        not null,
    attachment_id   uuid        not null,
    rendition       text        not null,
    storage_key     text        not null,
    content_type    text        not null,
    size_bytes      bigint      not null,
    checksum_sha256 bytea       not null,
    width           integer,
    height          integer,
    created_at      timestamptz not null default now(),

    primary key (tenant_id, attachment_id, rendition),
    constraint objects_rendition check (rendition in ('original', 'thumbnail', 'model', 'text')),
    constraint objects_size check (size_bytes > 0),
    constraint objects_checksum check (octet_length(checksum_sha256) = 32),
    constraint objects_pixels check (width > 0 and height > 0)
);

comment on table objects is 'What lies in the bucket for an attachment: one row a rendition. Whatever deletes, expires, audits or counts an attachment does so with all of them';
comment on column objects.rendition is 'original, or what was made of it';
comment on column objects.storage_key is 'The object''s key in the bucket';
comment on column objects.content_type is 'The detected type of the original, the type of what was made of it';
comment on column objects.size_bytes is 'Bytes that were counted';
comment on column objects.checksum_sha256 is 'SHA-256 of the bytes, 32 bytes';
comment on column objects.width is 'Pixels across; null where it has none';
comment on column objects.height is 'Pixels down; null where it has none';

-- What the bucket lists is looked for by its key.
create unique index objects_by_key on objects (storage_key);
