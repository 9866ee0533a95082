\set n random(1, 1000)
update attachments set lease_ends_at = now() + interval '60 s'
where tenant_id = bench.tenant(:n) and id = bench.id(:n) and fence = 1 and leased_by is not null;
