select array_agg(a.tenant_id) as tenants, array_agg(a.id) as ids,
    jsonb_agg(jsonb_build_object('task_id', j.id, 'attempt', j.attempts + 1, 'status', 'Done',
        'result', '{"Ok": null}'::jsonb)) as results,
    array_agg(a) as rows
from (select *, convert_from(job, 'UTF8')::jsonb as of
      from apalis.get_jobs('worker-' || :client_id, 'attachments', :count)) j
join attachments a on a.tenant_id = j.of ->> 'tenant_id' and a.id = (j.of ->> 'id')::uuid \gset
