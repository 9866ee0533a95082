insert into work (attachment_id, tenant_id, due_at, max_attempts)
select bench.id(n), bench.tenant(n), now() - make_interval(secs => (:last - n) / 1000.0 + 1), 5
from generate_series(:first::bigint, :last::bigint) n
where :'status' = 'open';
