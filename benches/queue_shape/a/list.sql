\set n random(1, :rows)
select a.*
from attachments a where a.tenant_id = bench.tenant(:n) and a.message_id = bench.message(:n)
order by a.id desc limit 50;
