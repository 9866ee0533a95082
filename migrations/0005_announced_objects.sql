-- An object is announced before it is put. The settlement that stores it takes
-- the announcement back in the same statement; whatever dies in between, the
-- object is known and goes.

alter table removals
    add column attachment_id uuid,
    add column fence         bigint,
    add constraint removals_announced check ((attachment_id is null) = (fence is null));

-- Written and deleted once for every stored attachment.
alter table removals set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table removals is 'Objects that must go: of deleted attachments, and of attempts that never settled. A row leaves when its object is gone, or belongs to its attachment';
comment on column removals.due_at is 'When it may be removed; for an announced one, when no put can be under way any more';
comment on column removals.attachment_id is 'The attachment whose attempt announced it; null when the object was given up';
comment on column removals.fence is 'The attempt that announced it: it stays while that attempt holds its lease';
