-- Claims that are fair between tenants, and quick files before slow ones.

alter table work add column priority smallint not null default 1
    constraint work_priority check (priority between 0 and 3);

comment on column work.priority is '0 images, 1 documents and what is not known yet, 2 sounds, 3 moving pictures; counts within a tenant only';

-- A claim goes round the tenants, and within each through the priorities:
-- every step is one probe of this index, however long the backlog is.
create index work_by_tenant on work (tenant_id, priority, due_at);

-- How many of a tenant's attempts a worker runs.
create index work_running on work (leased_by, tenant_id) where leased_by is not null;
