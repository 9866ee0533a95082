-- What the audit had downloaded again, and why: the one way by which a stored
-- attachment is open once more.

create table reopenings (
    attachment_id uuid        not null,
    xid           xid8        not null default pg_current_xact_id(),
    tenant_id     text        not null,
    storage_key   text        not null,
    cause         text        not null,
    created_at    timestamptz not null default now(),

    primary key (attachment_id, xid)
);

comment on table reopenings is 'Stored attachments that the audit put back to be downloaded again; kept for whoever asks what became of an object';
comment on column reopenings.xid is 'The transaction that did it; its event in events has the same';
comment on column reopenings.storage_key is 'The object that was missing or wrong';
comment on column reopenings.cause is 'What was wrong with it, as the audit names it';

-- An alarm counts the objects that the store will not let go of.
create index removals_failing on removals (storage_key) where attempt_count >= 5;
