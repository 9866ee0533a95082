-- Whoever deletes takes the work it sees. Work that a retry put back while the
-- deletion waited for the attachment is newer than what the deletion sees; a
-- trigger sees it, and none is left to be claimed for what is deleted.

create function attachments_drop_work() returns trigger language plpgsql as $$
begin
    delete from work where tenant_id = new.tenant_id and attachment_id = new.id;
    return null;
end $$;

create trigger attachments_deleted after update on attachments
    for each row when (new.status = 'deleted' and old.status <> 'deleted')
    execute function attachments_drop_work();

comment on function attachments_drop_work is 'Deletion wins: nothing deleted has work, whoever deletes it and however late its work came';
