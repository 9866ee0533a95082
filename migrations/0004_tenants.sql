-- What tenants decided: for all their channels, and for each.

create table tenants (
    tenant_id  text        not null primary key,
    languages  text[]      not null default '{}',
    scan_mode  text        not null default 'off',
    limits     jsonb       not null default '{}',
    revision   bigint      not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),

    constraint tenants_languages check (languages <@ array['en', 'th', 'ja']),
    constraint tenants_scan_mode check (scan_mode in ('off', 'required'))
);

comment on table tenants is 'What a tenant decided for all its channels; without a row it has the service''s defaults';
comment on column tenants.languages is 'Languages that its people read, the dearest first';
comment on column tenants.scan_mode is 'Whether files are scanned before they are stored';
comment on column tenants.limits is 'Limits that differ from the service''s defaults';
comment on column tenants.revision is 'Grows with every change; the etag is made of it';

create table channels (
    tenant_id             text        not null,
    channel_id            text        not null,
    provider              text        not null,
    credential            bytea,
    credential_since      timestamptz,
    retention             text        not null,
    ephemeral_ttl_seconds bigint,
    link_mode             text,
    limits                jsonb       not null default '{}',
    revision              bigint      not null default 1,
    created_at            timestamptz not null default now(),
    updated_at            timestamptz not null default now(),

    primary key (tenant_id, channel_id),
    constraint channels_provider check (provider in ('line', 'slack', 'url')),
    constraint channels_retention check (retention in ('durable', 'ephemeral')),
    constraint channels_ttl check ((retention = 'ephemeral') = (ephemeral_ttl_seconds is not null)
        and ephemeral_ttl_seconds > 0),
    constraint channels_link_mode check (link_mode in ('presigned', 'proxy'))
);

comment on table channels is 'Where files come from, and what their owner decided about them';
comment on column channels.credential is 'Sealed with AES-256-GCM for this tenant and channel; never in clear';
comment on column channels.credential_since is 'Since when the credential is taken for good: it was put, or worked again after it had been refused; null while there never was one';
comment on column channels.limits is 'Limits that differ from the tenant''s';
comment on column channels.revision is 'Grows with every change by its owner; the etag is made of it';

-- What was parked before a credential was good is put back on the day of that.
create index channels_by_credential on channels (credential_since);
