insert into apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, last_result,
    lock_at, lock_by, done_at, priority, metadata, idempotency_key)
select upper(left(replace(bench.id(n)::text, '-', ''), 26)), 'attachments',
    convert_to(json_build_object('tenant_id', bench.tenant(n), 'id', bench.id(n))::text, 'UTF8'),
    case when d.done then 'Done' else 'Pending' end, d.done::int, 5, age.at,
    case when d.done then '{"Ok": null}'::jsonb end, case when d.done then age.at end,
    case when d.done then 'worker-' || n % 8 end, case when d.done then age.at end,
    0, '', bench.id(n)::text
from generate_series(:first::bigint, :last::bigint) n
cross join (select :'status' = 'stored' as done) d
cross join lateral (select now() - make_interval(secs => (:last - n) / 1000.0 + 1) as at) age;
