//! The bucket's own rules for what nobody comes back for: ephemeral objects
//! and uploads that were never ended.
//!
//! Promises: rules of others stay as they are. Our own clean-up does not
//! depend on these; they are for what it never hears of.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::{EPHEMERAL_PREFIX, PREFIX};
use crate::telemetry::Chain;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::builders::LifecycleRuleBuilder;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};
use std::time::Duration;

/// Expires ephemeral objects. Their rows expire before, at a TTL of 24 hours at most.
const EPHEMERAL_RULE: &str = "attachments-ephemeral";
/// Aborts uploads.
const UPLOADS_RULE: &str = "attachments-uploads";
/// The least that S3 knows.
const DAYS: i32 = 1;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

impl Bucket {
    /// Sees to it that the bucket has our rules. A store that is unavailable is asked
    /// again until it answers; one that refuses is an operator's to mend, and
    /// the log says how.
    pub async fn settle_lifecycle(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ensure_lifecycle().await {
                Ok(false) => return,
                Ok(true) => {
                    tracing::info!("the bucket's lifecycle rules are written");
                    return;
                }
                Err(BlobError::Unavailable { .. }) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::warn!(
                        error = %Chain(&error),
                        "the bucket's lifecycle rules could not be written: have its owner expire \
                         {EPHEMERAL_PREFIX} after {DAYS} day and abort incomplete multipart \
                         uploads under {PREFIX} after {DAYS} day, and set \
                         s3.manage_lifecycle = false"
                    );
                    return;
                }
            }
        }
    }

    /// Writes our rules where they are missing or differ, beside those of
    /// others; whether it had to.
    async fn ensure_lifecycle(&self) -> Result<bool, BlobError> {
        let found = self.lifecycle().await?;
        let ours = [
            rule(EPHEMERAL_RULE, EPHEMERAL_PREFIX)
                .expiration(LifecycleExpiration::builder().days(DAYS).build()),
            rule(UPLOADS_RULE, PREFIX).abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(DAYS)
                    .build(),
            ),
        ];
        let ours: Result<Vec<_>, _> = ours.into_iter().map(LifecycleRuleBuilder::build).collect();
        let refused = |_| BlobError::Refused {
            operation: "put lifecycle",
        };
        let ours = ours.map_err(refused)?;
        let mut rules = found.rules.unwrap_or_default();
        if ours
            .iter()
            .all(|ours| rules.iter().any(|found| does_as(found, ours)))
        {
            return Ok(false);
        }
        rules.retain(|found| ours.iter().all(|ours| ours.id() != found.id()));
        rules.extend(ours);
        let configuration = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(refused)?;
        self.client
            .put_bucket_lifecycle_configuration()
            .bucket(&self.name)
            .lifecycle_configuration(configuration)
            // It is no rule, but would fall back to its default.
            .set_transition_default_minimum_object_size(
                found.transition_default_minimum_object_size,
            )
            .customize()
            .interceptor(self.content_md5())
            .send()
            .await
            .map_err(|error| BlobError::of("put lifecycle", error))?;
        Ok(true)
    }

    async fn lifecycle(&self) -> Result<GetBucketLifecycleConfigurationOutput, BlobError> {
        let found = self
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(&self.name)
            .send()
            .await;
        match found {
            Ok(found) => Ok(found),
            Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => {
                Ok(GetBucketLifecycleConfigurationOutput::builder().build())
            }
            Err(error) => Err(BlobError::of("get lifecycle", error)),
        }
    }
}

fn rule(id: &str, prefix: &str) -> LifecycleRuleBuilder {
    LifecycleRule::builder()
        .id(id)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        .status(ExpirationStatus::Enabled)
}

/// Whether a rule of the bucket does what ours does. Stores fill in what was
/// left out, so only what follows from a rule is compared.
fn does_as(found: &LifecycleRule, ours: &LifecycleRule) -> bool {
    let days = |rule: &LifecycleRule| rule.expiration().and_then(LifecycleExpiration::days);
    let abort_days = |rule: &LifecycleRule| {
        rule.abort_incomplete_multipart_upload()
            .and_then(AbortIncompleteMultipartUpload::days_after_initiation)
    };
    found.id() == ours.id()
        && found.status() == ours.status()
        && prefix_of(found) == prefix_of(ours)
        && days(found) == days(ours)
        && abort_days(found) == abort_days(ours)
}

/// The prefix that a rule covers all of; none where it looks at more than keys.
fn prefix_of(rule: &LifecycleRule) -> Option<&str> {
    let filter = rule.filter()?;
    let is_plain = filter.tag().is_none()
        && filter.and().is_none()
        && filter.object_size_greater_than().is_none()
        && filter.object_size_less_than().is_none();
    filter.prefix().filter(|_| is_plain)
}
