//! Requests with what a test does not care about filled in.

use super::{LINE, SLACK, URL};
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    Channel, LineSource, Provider, PutChannelRequest, RegisterAttachmentRequest, SlackSource,
    UrlSource,
};

/// A LINE file of this message id; the chat message bears the same id.
pub fn line(message_id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: LINE.to_owned(),
        message_id: message_id.to_owned(),
        source: Some(Source::Line(LineSource {
            message_id: message_id.to_owned(),
            ..LineSource::default()
        })),
        ..RegisterAttachmentRequest::default()
    }
}

/// A Slack file that its event gives this address for.
pub fn slack(file_id: &str, url_private_download: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: SLACK.to_owned(),
        message_id: format!("message-of-{file_id}"),
        source: Some(Source::Slack(SlackSource {
            file_id: file_id.to_owned(),
            url_private_download: url_private_download.to_owned(),
            mode: "hosted".to_owned(),
            ..SlackSource::default()
        })),
        ..RegisterAttachmentRequest::default()
    }
}

/// A file that a URL names.
pub fn url(url: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: URL.to_owned(),
        message_id: "message-with-a-url".to_owned(),
        source: Some(Source::Url(UrlSource {
            url: url.to_owned(),
        })),
        ..RegisterAttachmentRequest::default()
    }
}

/// Puts a channel of this provider with this credential.
pub fn put_channel(id: &str, provider: Provider, credential: &str) -> PutChannelRequest {
    PutChannelRequest {
        channel: Some(channel(id, provider, credential)),
    }
}

/// A channel of this provider with this credential, to be altered.
pub fn channel(id: &str, provider: Provider, credential: &str) -> Channel {
    Channel {
        channel_id: id.to_owned(),
        provider: provider.into(),
        credential: credential.to_owned(),
        ..Channel::default()
    }
}
