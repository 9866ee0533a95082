\set n random(1, 1000)
update work set due_at = now() + interval '60 s'
where attachment_id = bench.id(:n) and fence = 1 and leased_by is not null;
