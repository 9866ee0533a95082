create schema if not exists gateway;

create table if not exists gateway.messages (
    tenant_id   text not null,
    channel_id  text not null,
    message_id  text not null,
    kind        text not null,
    received_at timestamptz not null default now(),
    -- json, not jsonb: jsonb refuses the escape \u0000, which a sender can put
    -- into a text or a file name. Null once the message is taken back.
    payload     json,
    unsent_at   timestamptz,
    -- When the event happened that described the message last, in the
    -- provider's microseconds since 1970; 0 until it is edited. Edits may come
    -- in another order.
    edited      bigint not null default 0,
    primary key (tenant_id, channel_id, message_id)
);

alter table gateway.messages add column if not exists edited bigint not null default 0;

-- The files of a message, once the service has recorded them.
create table if not exists gateway.attachments (
    tenant_id     text not null,
    channel_id    text not null,
    message_id    text not null,
    attachment_id uuid not null,
    -- The order of the files in the message.
    position      bigint not null,
    -- The provider's id of the file.
    media_id      text,
    primary key (tenant_id, channel_id, message_id, attachment_id),
    foreign key (tenant_id, channel_id, message_id) references gateway.messages
);
alter table gateway.attachments add column if not exists media_id text;
create index if not exists attachments_media
    on gateway.attachments (tenant_id, channel_id, media_id);

-- Calls to the service that have not succeeded yet.
create table if not exists gateway.outbox (
    id         bigint generated always as identity primary key,
    -- register, delete, remove or purge.
    kind       text not null,
    tenant_id  text not null,
    channel_id text not null,
    -- Null when the call is about a file whatever message brought it.
    message_id text,
    -- Empty when the call is about a whole message.
    media_id   text not null,
    -- The request, protobuf-encoded.
    request    bytea not null,
    due_at     timestamptz not null,
    -- The try inside the webhook is the first.
    attempts   integer not null default 1,
    -- The gRPC code of a final refusal. Such a call is kept for a person to
    -- see and not repeated.
    refused    text
);
alter table gateway.outbox drop constraint if exists outbox_kind_check;
create index if not exists outbox_due
    on gateway.outbox (tenant_id, due_at) where refused is null;
create index if not exists outbox_media
    on gateway.outbox (tenant_id, channel_id, media_id);
create index if not exists outbox_message
    on gateway.outbox (tenant_id, message_id);
create index if not exists messages_by_id
    on gateway.messages (tenant_id, message_id);

-- Whether a call has to wait for earlier ones of its message. Calls of one
-- kind go together.
create or replace function gateway.waits(call gateway.outbox) returns boolean
language sql stable as $$
    select exists (
        select from gateway.outbox earlier
        where earlier.tenant_id = call.tenant_id
          and earlier.channel_id = call.channel_id
          and earlier.message_id = call.message_id
          and earlier.id < call.id
          and earlier.kind <> call.kind
          and earlier.refused is null)
$$;
