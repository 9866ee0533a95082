//! Whether the store can be used at all, and why not.

use super::Bucket;
use super::error::told;
use aws_sdk_s3::error::ProvideErrorMetadata as _;

/// The bucket cannot be reached. Holds no text of the store's own.
#[derive(Debug, thiserror::Error)]
#[error("bucket {bucket}: {cause}")]
pub struct Unreachable {
    bucket: String,
    cause: String,
}

impl Bucket {
    /// Whether the store answers and has the bucket. Whoever asks tells of it.
    pub async fn check(&self) -> Result<(), Unreachable> {
        let head = self.client.head_bucket().bucket(&self.name).send().await;
        let Err(error) = head else { return Ok(()) };
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let cause = match (status, error.code()) {
            (Some(404), _) => "there is no such bucket; create it, or mend s3.bucket".to_owned(),
            (Some(status), code) if matches!(status, 401 | 403) => format!(
                "the store refuses this key ({status}{}); mend s3.access_key_id and its secret, \
                 or let it use the bucket",
                code.map(|code| format!(" {code}")).unwrap_or_default()
            ),
            (Some(status @ 300..=399), _) => {
                format!("the store sends us elsewhere ({status}); mend s3.endpoint or s3.region")
            }
            (Some(status), code) => {
                format!("the store answers {status} {}", code.unwrap_or_default())
            }
            (None, _) => told(&error),
        };
        Err(Unreachable {
            bucket: self.name.clone(),
            cause,
        })
    }
}
