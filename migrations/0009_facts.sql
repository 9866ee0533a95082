-- What is known of a file from its bytes, beyond type and size, and what is made
-- of it.

alter table objects add column facts jsonb;
alter table attachments add column extractor_version smallint;

comment on column objects.facts is 'Of an original: pixels, orientation, frames and placeholder of a picture, length of a recording, encoding of a text. Null where nothing is known';
comment on column attachments.extractor_version is 'What made its content last; a newer one may make it anew. Null before';

-- Whoever watches an inbox is told when a file's preview and text are there.
drop trigger attachments_updated on attachments;
create trigger attachments_updated after update on attachments
    for each row when (old.status is distinct from new.status
        or (new.status = 'stored' and old.processing_status = 'open'
            and new.processing_status is distinct from old.processing_status))
    execute function attachments_announce_updated();
