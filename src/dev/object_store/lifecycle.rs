//! Lifecycle rules: what they make due, and the sweep that removes it.
//!
//! A rule's prefix, size limits, days and date are obeyed, and the days after
//! which open uploads are dropped. The store has no tags, so a rule that asks
//! for one makes nothing due. Days count from the write, not from midnight.

use super::catalog::Catalog;
use super::index::Bucket;
use super::multipart::UploadRef;
use super::object::Object;
use s3s::dto::{BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use std::fs;
use time::{Duration, OffsetDateTime};

impl Catalog {
    /// Replaces a bucket's rules.
    pub(super) fn set_lifecycle(
        &self,
        bucket: &str,
        lifecycle: Option<BucketLifecycleConfiguration>,
    ) -> S3Result<()> {
        let record = self.layout.lifecycle(bucket);
        self.change(bucket, |found| {
            match &lifecycle {
                Some(rules) => self.layout.write(&record, rules),
                None if found.lifecycle.is_some() => fs::remove_file(&record),
                None => Ok(()),
            }
            .map_err(S3Error::internal_error)?;
            found.lifecycle = lifecycle;
            Ok(())
        })
    }

    /// Removes everything that is due at `now`. Returns how many objects and uploads went.
    pub(super) fn sweep(&self, now: OffsetDateTime) -> S3Result<usize> {
        let mut swept = 0;
        for bucket in self.bucket_names() {
            let (objects, uploads) = self.read(&bucket, |found| Ok(due(&bucket, found, now)))?;
            for key in objects {
                swept += usize::from(self.remove(&bucket, &key)?);
            }
            for upload in uploads {
                match self.drop_upload(&upload) {
                    Ok(()) => swept += 1,
                    // Completed or aborted in between.
                    Err(error) if *error.code() == S3ErrorCode::NoSuchUpload => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(swept)
    }
}

/// The keys and the uploads of a bucket that are due.
fn due(name: &str, bucket: &Bucket, now: OffsetDateTime) -> (Vec<String>, Vec<UploadRef>) {
    let rules: Vec<&LifecycleRule> = bucket
        .lifecycle
        .iter()
        .flat_map(|lifecycle| &lifecycle.rules)
        .filter(|rule| rule.status.as_str() == ExpirationStatus::ENABLED)
        .collect();
    let objects = bucket.objects.values();
    let uploads = bucket.uploads.iter();
    (
        objects
            .filter(|object| rules.iter().any(|rule| expires(rule, object, now)))
            .map(|object| object.key.clone())
            .collect(),
        uploads
            .filter(|(_, upload)| {
                rules.iter().any(|rule| {
                    let abort = rule.abort_incomplete_multipart_upload.as_ref();
                    let days = abort.and_then(|abort| abort.days_after_initiation);
                    covers_key(rule, &upload.key) && days_passed(days, upload.initiated, now)
                })
            })
            .map(|(id, upload)| UploadRef {
                bucket: name.to_owned(),
                key: upload.key.clone(),
                id: *id,
            })
            .collect(),
    )
}

fn expires(rule: &LifecycleRule, object: &Object, now: OffsetDateTime) -> bool {
    let Some(expiration) = &rule.expiration else {
        return false;
    };
    let on_date = expiration.date.as_ref();
    covers_key(rule, &object.key)
        && covers_size(rule, object.size)
        && (days_passed(expiration.days, object.modified, now)
            || on_date.is_some_and(|date| *date <= Timestamp::from(now)))
}

fn days_passed(days: Option<i32>, since: OffsetDateTime, now: OffsetDateTime) -> bool {
    days.is_some_and(|days| since + Duration::days(days.into()) <= now)
}

fn covers_key(rule: &LifecycleRule, key: &str) -> bool {
    let filter = rule.filter.as_ref();
    let and = filter.and_then(|filter| filter.and.as_ref());
    let tagged = filter.is_some_and(|filter| filter.tag.is_some())
        || and.is_some_and(|and| and.tags.as_ref().is_some_and(|tags| !tags.is_empty()));
    let prefixes = [
        rule.prefix.as_deref(),
        filter.and_then(|filter| filter.prefix.as_deref()),
        and.and_then(|and| and.prefix.as_deref()),
    ];
    !tagged
        && prefixes
            .into_iter()
            .flatten()
            .all(|prefix| key.starts_with(prefix))
}

fn covers_size(rule: &LifecycleRule, size: u64) -> bool {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    rule.filter.iter().all(|filter| {
        let and = filter.and.as_ref();
        let above = [
            filter.object_size_greater_than,
            and.and_then(|and| and.object_size_greater_than),
        ];
        let below = [
            filter.object_size_less_than,
            and.and_then(|and| and.object_size_less_than),
        ];
        above.into_iter().flatten().all(|limit| size > limit)
            && below.into_iter().flatten().all(|limit| size < limit)
    })
}

/// Refuses rules that could never be obeyed.
pub(super) fn check(rules: &[LifecycleRule]) -> S3Result<()> {
    if rules.is_empty() {
        return Err(s3_error!(MalformedXML, "there are no rules"));
    }
    let expirations = rules.iter().filter_map(|rule| rule.expiration.as_ref());
    let mut days = expirations.filter_map(|expiration| expiration.days);
    if days.any(|days| days < 1) {
        return Err(s3_error!(InvalidArgument, "days must be a positive number"));
    }
    Ok(())
}
