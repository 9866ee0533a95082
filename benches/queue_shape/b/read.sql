\set n random(1, :rows)
select a.*, w.due_at, w.leased_by, w.failure_reason, w.attempt_count
from attachments a left join work w on w.attachment_id = a.id and w.tenant_id = a.tenant_id
where a.tenant_id = bench.tenant(:n) and a.id = any(array[bench.id(:n)]);
