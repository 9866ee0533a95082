create schema if not exists gateway;

create table if not exists gateway.messages (
    tenant_id   text not null,
    channel_id  text not null,
    message_id  text not null,
    kind        text not null,
    received_at timestamptz not null default now(),
    -- json, not jsonb: jsonb refuses the escape \u0000, which a sender can put
    -- into a text or a file name. Null once the message is unsent.
    payload     json,
    unsent_at   timestamptz,
    primary key (tenant_id, channel_id, message_id)
);

-- The files of a message, once the service has recorded them.
create table if not exists gateway.attachments (
    tenant_id     text not null,
    channel_id    text not null,
    message_id    text not null,
    attachment_id uuid not null,
    -- The order of the files in the message.
    position      bigint not null,
    primary key (tenant_id, channel_id, message_id, attachment_id),
    foreign key (tenant_id, channel_id, message_id) references gateway.messages
);

-- Calls to the service that have not succeeded yet.
create table if not exists gateway.outbox (
    id         bigint generated always as identity primary key,
    kind       text not null check (kind in ('register', 'delete')),
    tenant_id  text not null,
    channel_id text not null,
    -- Null when the call is about a file whatever message brought it.
    message_id text,
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
create index if not exists outbox_due
    on gateway.outbox (tenant_id, due_at) where refused is null;
create index if not exists outbox_media
    on gateway.outbox (tenant_id, channel_id, media_id);
create index if not exists outbox_message
    on gateway.outbox (tenant_id, message_id);
create index if not exists messages_by_id
    on gateway.messages (tenant_id, message_id);
