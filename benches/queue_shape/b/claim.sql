with due as (
    select attachment_id from work
    where due_at <= now() and attempt_count < max_attempts
    order by due_at limit :count for update skip locked
), claimed as (
    update work w
    set fence = w.fence + 1, attempt_count = w.attempt_count + 1,
        leased_by = 'worker-' || :client_id, started_at = now(),
        due_at = now() + interval '60 s', updated_at = now()
    from work before
    where w.attachment_id = any(array(select attachment_id from due))
      and before.attachment_id = w.attachment_id
    returning w.*, before.leased_by as left_by, before.started_at as left_started_at
), abandoned as (
    insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason,
        worker, detail)
    select attachment_id, fence - 1, tenant_id, left_started_at, 'INTERRUPTED', left_by,
        'the worker died or lost its lease'
    from claimed where left_by is not null
    on conflict do nothing
)
select array_agg(w.tenant_id) as tenants, array_agg(w.attachment_id) as ids,
    array_agg(w.fence) as fences, array_agg(a) as rows
from claimed w
join attachments a on a.tenant_id = w.tenant_id and a.id = w.attachment_id \gset
