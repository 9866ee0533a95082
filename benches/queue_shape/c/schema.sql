-- Shape C: the stock storage of apalis-postgres, made by its own migrations,
-- holds the queue; `attachments` is the record.

drop table work;
insert into apalis.workers (id, worker_type, storage_name, last_seen)
select 'worker-' || n, 'attachments', 'PostgresStorage', now() from generate_series(0, 63) n;
