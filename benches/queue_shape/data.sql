-- Ids and rows as the service makes them; the same in every shape.

create schema bench;

-- UUIDv7 of this moment.
create function bench.new_id() returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- The id of the n-th loaded row: ordered as UUIDv7 is, and known to the scripts.
create function bench.id(n bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex(1760000000000 + n), 12, '0') || '7abc8' || substr(md5(n::text), 1, 15))::uuid
$$;

-- A hundred tenants, four files a message.
create function bench.tenant(n bigint) returns text language sql immutable as $$
    select 'tenant-' || n % 100
$$;
create function bench.message(n bigint) returns text language sql immutable as $$
    select 'message-' || bench.tenant(n) || '-' || n / 400
$$;
