-- An operator asks for what failed or was turned away, and a tenant has a long
-- history of what was not. Nothing that goes well is ever in this index.

create index attachments_by_status on attachments (tenant_id, status, id desc)
    where status not in ('open', 'stored');
