-- Deletion that arrives before its file, and acts of redrive that are recorded.

create table tombstones (
    tenant_id  text        not null,
    channel_id text        not null,
    media_id   text        not null,
    part       text        not null,
    created_at timestamptz not null default now(),

    primary key (tenant_id, channel_id, media_id, part)
);

comment on table tombstones is 'Deletions by the provider''s id. A file that is registered later is recorded as deleted; the sweeper catches one that was registered at the same instant';
comment on column tombstones.media_id is 'As in attachments: the provider''s id of the file';
comment on column tombstones.created_at is 'Tombstones are forgotten after a while: providers do not redeliver for ever';

create index tombstones_by_age on tombstones (created_at);

create table redrives (
    id             uuid        not null primary key,
    tenant_id      text        not null,
    subject        text        not null,
    filter         jsonb       not null,
    redriven_count bigint      not null,
    created_at     timestamptz not null default now()
);

comment on table redrives is 'Who put failed attachments back, when, and which';
comment on column redrives.subject is 'The token''s sub, or cli:USER for the command';
comment on column redrives.filter is 'What was asked for';

-- A redrive looks for failures of one channel by time.
create index attachments_failed on attachments (tenant_id, updated_at) where status = 'failed';
