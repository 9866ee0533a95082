//! One entry of `files[]`, read into the call that registers it.

use crate::dev::gateway::event::{as_name, content_type, file_name, url, word};
use crate::proto::register_attachment_request::Source;
use crate::proto::{RegisterAttachmentRequest, SlackSource};
use serde::Deserialize;

/// A file object. A stub of Slack Connect has little more than its id.
#[derive(Deserialize)]
pub(super) struct File {
    id: String,
    name: Option<String>,
    mimetype: Option<String>,
    size: Option<i64>,
    mode: Option<String>,
    #[serde(rename = "file_access")]
    access: Option<String>,
    url_private_download: Option<String>,
}

impl File {
    /// The call for the file, given what is known of its message.
    pub(super) fn request(
        self,
        about: &RegisterAttachmentRequest,
    ) -> Option<RegisterAttachmentRequest> {
        Some(RegisterAttachmentRequest {
            source: Some(Source::Slack(SlackSource {
                file_id: as_name(&self.id)?,
                url_private_download: url(self.url_private_download),
                mode: word(self.mode),
                file_access: word(self.access),
            })),
            file_name: self.name.map(file_name).unwrap_or_default(),
            declared_content_type: content_type(self.mimetype),
            declared_size_bytes: self.size.filter(|size| *size > 0),
            ..about.clone()
        })
    }
}
