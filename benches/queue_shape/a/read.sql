\set n random(1, :rows)
select a.*
from attachments a where a.tenant_id = bench.tenant(:n) and a.id = any(array[bench.id(:n)]);
