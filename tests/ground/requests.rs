//! Requests with what a test does not care about filled in.

use super::{LINE, SLACK, URL};
use attachments::dev::client::Admin;
use attachments::proto::channel::Provider;
use attachments::proto::get_attachment_request::Key;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::set_channel_credential_request::Credential;
use attachments::proto::{
    Channel, GetAttachmentRequest, LineSource, PutChannelRequest, RegisterAttachmentRequest,
    SetChannelCredentialRequest, SlackSource, UrlSource,
};
use prost_types::FieldMask;

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

/// Asks for the record of this attachment.
pub fn get_request(attachment_id: impl Into<String>) -> GetAttachmentRequest {
    GetAttachmentRequest {
        key: Some(Key::AttachmentId(attachment_id.into())),
    }
}

/// A channel of this provider, to be altered.
pub fn channel(id: &str, provider: Provider) -> Channel {
    Channel {
        channel_id: id.to_owned(),
        provider: provider.into(),
        ..Channel::default()
    }
}

/// Puts this channel, whatever was there: what it does not say is the default.
pub fn put_request(channel: Channel) -> PutChannelRequest {
    let paths = [
        "provider",
        "retention",
        "ephemeral_ttl",
        "limits",
        "link_mode",
    ];
    PutChannelRequest {
        channel: Some(channel),
        update_mask: Some(FieldMask {
            paths: paths.map(String::from).into(),
        }),
    }
}

/// Sets the credential of this channel.
pub fn credential_request(channel_id: &str, token: &str) -> SetChannelCredentialRequest {
    SetChannelCredentialRequest {
        channel_id: channel_id.to_owned(),
        credential: Some(Credential::Token(token.to_owned())),
    }
}

/// Puts a channel of this provider with this credential; the empty one leaves
/// what there is.
pub async fn put_channel(admin: &mut Admin, channel: Channel, credential: &str) {
    let id = channel.channel_id.clone();
    admin.put_channel(put_request(channel)).await.unwrap();
    if !credential.is_empty() {
        let request = credential_request(&id, credential);
        admin.set_channel_credential(request).await.unwrap();
    }
}
