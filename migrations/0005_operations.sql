-- Deletion that arrives before its file, and acts that are on the record.

create table tombstones (
    tenant_id  text        not null,
    channel_id text        not null,
    media_id   text        not null,
    cause      text        not null,
    created_at timestamptz not null default now(),

    primary key (tenant_id, channel_id, media_id),
    constraint tombstones_cause check (cause in ('SOURCE_DELETED', 'DELETE_REQUESTED'))
);

comment on table tombstones is 'Deletions by the provider''s id, of all parts and occurrences. A file that is registered later is recorded as deleted; the sweeper catches one that was registered at the same instant';
comment on column tombstones.media_id is 'As in attachments: the provider''s id of the file';
comment on column tombstones.cause is 'The reason that what it bars is recorded with';
comment on column tombstones.created_at is 'When it was last asked for. Tombstones are forgotten after a while: providers do not redeliver for ever';

create index tombstones_by_age on tombstones (created_at);

create table message_tombstones (
    tenant_id  text        not null,
    message_id text        not null,
    cause      text        not null,
    created_at timestamptz not null default now(),

    primary key (tenant_id, message_id),
    constraint message_tombstones_cause check (cause in ('SOURCE_DELETED', 'DELETE_REQUESTED'))
);

comment on table message_tombstones is 'Purges of messages. A file of such a message that is registered later is recorded as deleted';
comment on column message_tombstones.cause is 'The reason that what it bars is recorded with';

create index message_tombstones_by_age on message_tombstones (created_at);

create table leases (
    name    text        not null primary key,
    holder  text        not null,
    ends_at timestamptz not null
);

comment on table leases is 'What one replica at a time does for all of them, and which one does';
comment on column leases.name is 'sweep: to finish what nobody else will';
comment on column leases.holder is 'The worker that has it';
comment on column leases.ends_at is 'When another may take it; renewed before that';

create table redrives (
    tenant_id      text        not null,
    id             uuid        not null,
    request_id     text,
    subject        text        not null,
    filter         jsonb       not null,
    began_before   timestamptz not null,
    redriven_count bigint      not null,
    created_at     timestamptz not null default now(),

    primary key (tenant_id, id),
    constraint redrives_request_key unique (tenant_id, request_id)
);

comment on table redrives is 'Who put attachments back, when, and which';
comment on column redrives.request_id is 'Chosen by the caller: a repeat of the call is the same redrive';
comment on column redrives.subject is 'The token''s sub, or cli:USER for the command';
comment on column redrives.filter is 'What was asked for';
comment on column redrives.began_before is 'Only what ended before this is put back, or what fails again would be put back again';

-- What the audit had downloaded again, and why: the one way by which a stored
-- attachment is open once more.
create table reopenings (
    tenant_id     text        not null,
    attachment_id uuid        not null,
    xid           xid8        not null default pg_current_xact_id(),
    storage_key   text        not null,
    cause         text        not null,
    created_at    timestamptz not null default now(),

    primary key (tenant_id, attachment_id, xid)
);

comment on table reopenings is 'Stored attachments that the audit put back to be downloaded again; kept for whoever asks what became of an object';
comment on column reopenings.xid is 'The transaction that did it; its event in events has the same';
comment on column reopenings.storage_key is 'The object that was missing or wrong';
comment on column reopenings.cause is 'What was wrong with it, as the audit names it';
