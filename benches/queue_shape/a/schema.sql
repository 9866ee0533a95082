-- Shape A: the queue is columns of the wide row. The row cannot lose its work,
-- so the index that finds lost work goes. The lease has a column without an
-- index: claiming and renewing may then be HOT.

drop table work;
drop index attachments_open_by_age;
alter table attachments
    drop constraint attachments_open,
    add column due_at        timestamptz not null default now(),
    add column lease_ends_at timestamptz,
    add column fence         bigint      not null default 0,
    add column leased_by     text,
    add column started_at    timestamptz,
    add column waiting_since timestamptz;
create index attachments_due on attachments (due_at) where status = 'open';
