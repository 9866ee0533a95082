//! Rows against objects: a merge of both in the order of keys, stretch by
//! stretch. A page of rows says where a stretch of the bucket begins and ends,
//! so several are listed at the same time.

use super::{Audit, AuditError, Check, Depth, Progress, Repair, Report};
use crate::attachment::storage_key::StorageKey;
use crate::blob::BlobError;
use crate::db::{Cause, ExpectedObject, Owner, Stray, Survey};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use std::pin::pin;

/// Stretches that are compared at the same time.
const STRETCHES: usize = 8;
/// The same where objects are read, each of them at ...
const DEEP_STRETCHES: usize = 2;
/// ... this many objects at the same time.
const READS: usize = 8;
/// Objects without a row that one statement looks at.
const BATCH: usize = 1000;
/// Tries to read one object.
const TRIES: usize = 3;

/// A page of rows, and the keys between which their objects lie.
struct Stretch {
    rows: Vec<ExpectedObject>,
    /// The last key of the stretch before.
    after: Option<StorageKey>,
    /// The last key of this one; `None` for the last, which goes to the end.
    until: Option<StorageKey>,
}

/// What the bytes of an object turned out to be.
enum Read {
    Right,
    WrongSize,
    WrongChecksum,
    Missing,
    Unreadable,
}

/// Rows of one stretch whose objects are not as they say.
#[derive(Default)]
struct Suspects {
    missing: Vec<ExpectedObject>,
    wrong_size: Vec<ExpectedObject>,
    wrong_checksum: Vec<ExpectedObject>,
    unreadable: Vec<ExpectedObject>,
}

impl Audit {
    pub(super) async fn check_objects(
        &self,
        survey: &mut Survey,
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        survey.expect_objects().await?;
        let width = match self.depth {
            Depth::Listed => STRETCHES,
            Depth::Bytes => DEEP_STRETCHES,
        };
        let mut compared = pin!(
            stretches(survey)
                .map_ok(|stretch| self.compare(stretch, repair))
                .try_buffer_unordered(width)
        );
        while let Some(part) = compared.try_next().await? {
            report.add(part);
            (self.watcher)(Progress {
                stored: report.stored,
                compared: report.compared,
            });
        }
        Ok(())
    }

    async fn compare(&self, stretch: Stretch, repair: Repair) -> Result<Report, AuditError> {
        let Stretch { rows, after, until } = stretch;
        let mut report = Report {
            compared: rows.len() as u64,
            ..Report::default()
        };
        let mut rows = rows.into_iter().peekable();
        let (mut suspects, mut to_read, mut unclaimed) = (Suspects::default(), vec![], vec![]);
        let mut objects = pin!(self.bucket.list(after.as_ref(), until.as_ref()));
        while let Some(object) = objects.try_next().await? {
            report.objects += 1;
            while let Some(row) = rows.next_if(|row| row.key.as_str() < object.key.as_str()) {
                suspects.missing.push(row);
            }
            match rows.next_if(|row| row.key == object.key) {
                Some(row) if row.size_bytes != object.size_bytes => suspects.wrong_size.push(row),
                Some(row) if self.depth == Depth::Bytes => to_read.push(row),
                None if self.clock.now() - object.put_at > self.grace => unclaimed.push(object.key),
                Some(_) | None => {}
            }
            if unclaimed.len() >= BATCH {
                self.judge_unclaimed(&unclaimed, repair, &mut report)
                    .await?;
                unclaimed.clear();
            }
        }
        suspects.missing.extend(rows);
        self.judge_unclaimed(&unclaimed, repair, &mut report)
            .await?;
        self.read(to_read, &mut suspects, &mut report).await;
        self.judge(suspects, repair, &mut report).await?;
        Ok(report)
    }

    /// Reads objects and sorts them by what their bytes are.
    async fn read(&self, rows: Vec<ExpectedObject>, suspects: &mut Suspects, report: &mut Report) {
        let mut read = pin!(
            stream::iter(rows)
                .map(|row| async move { (self.read_one(&row).await, row) })
                .buffer_unordered(READS)
        );
        while let Some((outcome, row)) = read.next().await {
            report.read_bytes += row.size_bytes;
            match outcome {
                Read::Right => {}
                Read::WrongSize => suspects.wrong_size.push(row),
                Read::WrongChecksum => suspects.wrong_checksum.push(row),
                Read::Missing => suspects.missing.push(row),
                Read::Unreadable => suspects.unreadable.push(row),
            }
        }
    }

    /// A store that is in trouble for a moment costs no audit of many hours,
    /// and one bad read condemns no object: two must agree.
    async fn read_one(&self, row: &ExpectedObject) -> Read {
        let mut before = None;
        for _ in 0..TRIES {
            match self.bucket.digest(&row.key).await {
                Ok((size, sha256)) if size == row.size_bytes && sha256 == row.sha256 => {
                    return Read::Right;
                }
                Ok(wrong) if before == Some(wrong) && wrong.0 != row.size_bytes => {
                    return Read::WrongSize;
                }
                Ok(wrong) if before == Some(wrong) => return Read::WrongChecksum,
                Ok(wrong) => before = Some(wrong),
                Err(BlobError::Missing) => return Read::Missing,
                Err(_) => {}
            }
        }
        Read::Unreadable
    }

    /// Those whose objects have another size when asked for one by one, too.
    async fn still_of_another_size(
        &self,
        suspects: Vec<ExpectedObject>,
    ) -> Result<Vec<ExpectedObject>, AuditError> {
        stream::iter(suspects.into_iter().map(Ok))
            .map_ok(|row| async move {
                let size = self.bucket.size(&row.key).await?;
                let is_wrong = size.is_some_and(|size| size != row.size_bytes);
                Ok::<_, AuditError>(is_wrong.then_some(row))
            })
            .try_buffer_unordered(READS)
            .try_filter_map(|wrong| async { Ok(wrong) })
            .try_collect()
            .await
    }

    /// Looking takes time: what was stored or deleted meanwhile is asked again.
    async fn judge(
        &self,
        suspects: Suspects,
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        let Suspects {
            missing,
            wrong_size,
            wrong_checksum,
            unreadable,
        } = suspects;
        let missing = self.db.still_stored(missing).await?;
        let missing = self.still_missing(missing).await?;
        let wrong_size = self.still_of_another_size(wrong_size).await?;
        for (check, rows, cause) in [
            (Check::StoredHasObject, missing, Some(Cause::ObjectMissing)),
            (Check::ObjectHasSize, wrong_size, Some(Cause::WrongSize)),
            (
                Check::ObjectHasChecksum,
                wrong_checksum,
                Some(Cause::WrongChecksum),
            ),
            (Check::ObjectIsReadable, unreadable, None),
        ] {
            let rows = self.db.still_stored(rows).await?;
            let mended = match (repair, cause) {
                (Repair::Yes, Some(cause)) => self.db.reopen(&rows, cause).await?,
                (Repair::Yes, None) | (Repair::No, _) => 0,
            };
            let ids = rows.iter().map(|row| row.id.to_string());
            report.note(check, rows.len() as u64, ids, mended);
        }
        Ok(())
    }

    async fn still_missing(
        &self,
        suspects: Vec<ExpectedObject>,
    ) -> Result<Vec<ExpectedObject>, AuditError> {
        stream::iter(suspects.into_iter().map(Ok))
            .map_ok(|row| async move {
                let is_there = self.bucket.exists(&row.key).await?;
                Ok::<_, AuditError>((!is_there).then_some(row))
            })
            .try_buffer_unordered(READS)
            .try_filter_map(|missing| async { Ok(missing) })
            .try_collect()
            .await
    }

    /// What was deleted since it was listed has neither row nor removal left.
    async fn still_there(&self, strays: Vec<Stray>) -> Result<Vec<Stray>, AuditError> {
        stream::iter(strays.into_iter().map(Ok))
            .map_ok(|stray| async move {
                let is_there = self.bucket.exists(&stray.key).await?;
                Ok::<_, AuditError>(is_there.then_some(stray))
            })
            .try_buffer_unordered(READS)
            .try_filter_map(|there| async { Ok(there) })
            .try_collect()
            .await
    }

    async fn judge_unclaimed(
        &self,
        keys: &[StorageKey],
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        if keys.is_empty() {
            return Ok(());
        }
        let found = self.db.unreferenced(keys).await?;
        let found = self.still_there(found).await?;
        let mut strays = Vec::new();
        for Stray { key, owner } in found {
            match owner {
                Owner::Nobody => strays.push(key),
                Owner::LostRow => {
                    report.note(Check::ObjectRowIsThere, 1, [key.to_string()], 0);
                }
                Owner::Stranger => report.note(Check::ObjectIsOurs, 1, [key.to_string()], 0),
            }
        }
        let mut mended = 0;
        if repair == Repair::Yes && !strays.is_empty() {
            self.db.remove_strays(&strays).await?;
            mended = strays.len() as u64;
        }
        let keys = strays.iter().map(StorageKey::to_string);
        report.note(Check::ObjectHasRow, strays.len() as u64, keys, mended);
        Ok(())
    }
}

/// The stored attachments in the order of their keys, page by page.
fn stretches(survey: &mut Survey) -> impl Stream<Item = Result<Stretch, AuditError>> {
    stream::try_unfold((survey, Some(None)), |(survey, after)| async move {
        let Some(after) = after else {
            return Ok(None);
        };
        let rows = survey.next_expected().await?;
        let until = rows.last().map(|last| last.key.clone());
        let stretch = Stretch {
            rows,
            after,
            until: until.clone(),
        };
        Ok(Some((stretch, (survey, until.map(Some)))))
    })
}
