\set n random(1, :rows)
select a.*, j.run_at, j.lock_by, j.status, j.attempts
from attachments a
left join apalis.jobs j on j.job_type = 'attachments' and j.idempotency_key = a.id::text
where a.tenant_id = bench.tenant(:n) and a.message_id = bench.message(:n)
order by a.id desc limit 50;
