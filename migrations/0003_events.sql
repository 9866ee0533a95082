-- The outbox that WatchAttachments reads: one row per visible status change,
-- written by the tables themselves so that no writer can forget one.
--
-- A cursor is (xid, seq). Sequence numbers are handed out before a commit, so
-- a reader going by them alone would pass over rows that commit late. A row
-- is therefore given out only once every transaction that began before it has
-- ended: from then on nothing can appear behind a cursor. One reader a process
-- goes along that order for all tenants; whoever catches up from an older cursor
-- goes along the key of its tenant.
--
-- In partitions by the day, for what is forgotten is most of what was ever
-- written: a day is dropped at once, where deleting its rows would take as long
-- as writing them did. The key is the order in which a tenant's changes are
-- read. 0008 makes and drops the partitions.

create table events (
    seq             bigint      generated always as identity,
    xid             xid8        not null default pg_current_xact_id(),
    tenant_id       text        not null,
    attachment_id   uuid        not null,
    channel_id      text        not null,
    message_id      text        not null,
    conversation_id text,
    correlation_id  text,
    sender_id       text,
    kind            text,
    registered_at   timestamptz not null,
    status          text        not null,
    failure_reason  text,
    attempt_count   smallint    not null,
    next_attempt_at timestamptz,
    created_at      timestamptz not null default now(),

    primary key (tenant_id, xid, seq, created_at)
) partition by range (created_at);

comment on table events is 'Outbox of status changes, in commit-safe order (xid, seq), with the keys that watchers filter by; days leave by age';
comment on column events.xid is 'The transaction that made the change';
comment on column events.sender_id is 'Who sent the file; of a deletion, who had sent it';
comment on column events.kind is 'The kind of the file as it was known at the change';
comment on column events.registered_at is 'When the attachment was registered';
comment on column events.status is 'The status as a reader sees it after the change, in lower case';
comment on column events.next_attempt_at is 'When the next attempt is due; set for pending and for failed that is retried';

-- The reader of all tenants goes along this.
create index events_in_order on events (xid, seq);

create table events_rest partition of events default;

comment on table events_rest is 'Changes on a day that has no partition: nobody swept for days';

create index events_rest_by_age on events_rest (created_at);

-- Registrations come in batches: one insert for all of them.
create function attachments_announce_inserted() returns trigger language plpgsql as $$
begin
    insert into events (tenant_id, attachment_id, channel_id, message_id, conversation_id,
        correlation_id, sender_id, kind, registered_at, status, failure_reason, attempt_count,
        next_attempt_at)
    select tenant_id, id, channel_id, message_id, conversation_id, correlation_id, sender_id, kind,
        created_at, case when status = 'open' then 'pending' else status end,
        failure_reason, attempt_count, case when status = 'open' then created_at end
    from fresh;
    return null;
end $$;

create trigger attachments_inserted after insert on attachments
    referencing new table as fresh for each statement
    execute function attachments_announce_inserted();

-- An end, a deletion, or one that is put back. A deletion forgets the sender,
-- and whoever watches the sender is told of it all the same.
create function attachments_announce_updated() returns trigger language plpgsql as $$
begin
    insert into events (tenant_id, attachment_id, channel_id, message_id, conversation_id,
        correlation_id, sender_id, kind, registered_at, status, failure_reason, attempt_count,
        next_attempt_at)
    values (new.tenant_id, new.id, new.channel_id, new.message_id, new.conversation_id,
        new.correlation_id, coalesce(new.sender_id, old.sender_id), new.kind, new.created_at,
        case when new.status = 'open' then 'pending' else new.status end,
        new.failure_reason, new.attempt_count, case when new.status = 'open' then now() end);
    return null;
end $$;

create trigger attachments_updated after update on attachments
    for each row when (old.status is distinct from new.status)
    execute function attachments_announce_updated();

-- A claim, or an attempt that failed and is tried again. Work at the content
-- changes no status.
create function work_announce() returns trigger language plpgsql as $$
begin
    insert into events (tenant_id, attachment_id, channel_id, message_id, conversation_id,
        correlation_id, sender_id, kind, registered_at, status, failure_reason, attempt_count,
        next_attempt_at)
    select a.tenant_id, a.id, a.channel_id, a.message_id, a.conversation_id, a.correlation_id,
        a.sender_id, a.kind, a.created_at,
        case when new.leased_by is not null then 'downloading'
             when new.failure_reason is not null then 'failed' else 'pending' end,
        case when new.leased_by is null then new.failure_reason end,
        new.attempt_count, case when new.leased_by is null then new.due_at end
    from attachments a where a.tenant_id = new.tenant_id and a.id = new.attachment_id;
    return null;
end $$;

create trigger work_updated after update on work
    for each row when (new.kind = 'ingest' and (
        (old.leased_by is null) is distinct from (new.leased_by is null)
        or (new.leased_by is null and old.failure_reason is distinct from new.failure_reason)))
    execute function work_announce();
