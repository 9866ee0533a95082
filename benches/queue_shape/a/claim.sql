with due as (
    select tenant_id, id from attachments
    where status = 'open' and due_at <= now() and attempt_count < max_attempts
      and (lease_ends_at is null or lease_ends_at <= now())
    order by due_at limit :count for update skip locked
), claimed as (
    update attachments a
    set fence = a.fence + 1, attempt_count = a.attempt_count + 1,
        leased_by = 'worker-' || :client_id, started_at = now(),
        lease_ends_at = now() + interval '60 s', updated_at = now()
    from due where a.tenant_id = due.tenant_id and a.id = due.id
    returning a.*
)
select array_agg(tenant_id) as tenants, array_agg(id) as ids, array_agg(fence) as fences,
    array_agg(claimed) as rows
from claimed \gset
