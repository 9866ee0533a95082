-- A file that an attempt parks with the old credential, just after the new one
-- put back what was parked, would wait for ever; so would one whose credential
-- was refused for a while. The journal says as of when an attempt knew the
-- credential, and the sweeper puts back what was parked before it was good.

alter table channels add column credential_since timestamptz;
update channels set credential_since = updated_at where credential is not null;
create index channels_by_credential on channels (credential_since);

alter table attempts add column credential_seen timestamptz;

comment on column channels.credential_since is 'Since when the credential is taken for good: it was put, or worked again after it had been refused; null while there never was one';
comment on column attempts.credential_seen is 'The credential_since of the channel as the attempt knew it; null where it knew of none';
