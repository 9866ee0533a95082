//! The bodies of control requests, and what can be wrong with them.

use crate::dev::simulator::fixtures::Fixture;
use crate::dev::simulator::media::{Media, Transcoding};
use crate::dev::simulator::padding::ImpossibleSize;
use crate::dev::simulator::script::InvalidStep;
use crate::dev::simulator::slack_file::SlackFile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a control request is refused. The text is the answer, causes included.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidRequest {
    #[error("bad JSON: {0}")]
    Json(serde_json::Error),
    #[error("content_base64: {0}")]
    Base64(base64::DecodeError),
    #[error("content_base64 and fixture exclude each other")]
    TwoContents,
    #[error("size needs a fixture")]
    SizeOfContent,
    #[error("size: {0}")]
    Size(ImpossibleSize),
    #[error("content_type is no header value")]
    ContentType,
    #[error("{0}")]
    Script(InvalidStep),
    #[error("info_{0}")]
    InfoScript(InvalidStep),
}

/// Reads a body; an empty one is `{}`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidRequest> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(InvalidRequest::Json)
}

/// `PUT /control/line/messages/{id}`. Every field may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineMessageRequest {
    #[serde(flatten)]
    file: FileRequest,
    transcoding: Option<Transcoding>,
}

/// `PUT /control/slack/files/{id}`. Every field may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlackFileRequest {
    #[serde(flatten)]
    file: FileRequest,
    team_id: Option<String>,
    name: Option<String>,
    mimetype: Option<String>,
    filetype: Option<String>,
    mode: Option<String>,
    file_access: Option<String>,
    declared_size: Option<u64>,
    info_error: Option<String>,
    #[serde(default)]
    info_script: Vec<String>,
}

/// What both providers' files have.
#[derive(Deserialize)]
struct FileRequest {
    content_base64: Option<String>,
    fixture: Option<Fixture>,
    size: Option<usize>,
    content_type: Option<String>,
    channel_token: Option<String>,
    #[serde(default)]
    script: Vec<String>,
}

impl LineMessageRequest {
    pub(super) fn into_media(self) -> Result<Media, InvalidRequest> {
        let media = self.file.into_media()?;
        Ok(match self.transcoding {
            Some(transcoding) => media.transcoding(transcoding),
            None => media,
        })
    }
}

impl SlackFileRequest {
    pub(super) fn into_file(self, id: &str) -> Result<SlackFile, InvalidRequest> {
        let extension = self.file.fixture.unwrap_or(DEFAULT_FIXTURE).extension();
        let name = self.name.unwrap_or_else(|| format!("{id}.{extension}"));
        let file = SlackFile::new(name, self.file.into_media()?);
        let file = file
            .info_script(self.info_script)
            .map_err(InvalidRequest::InfoScript)?;
        let file = set(file, self.team_id, SlackFile::team_id);
        let file = set(file, self.mimetype, SlackFile::mimetype);
        let file = set(file, self.filetype, SlackFile::filetype);
        let file = set(file, self.mode, SlackFile::mode);
        let file = set(file, self.file_access, SlackFile::file_access);
        let file = set(file, self.declared_size, SlackFile::declared_size);
        Ok(set(file, self.info_error, SlackFile::info_error))
    }
}

/// What a file holds when nobody says: enough for a script of errors.
const DEFAULT_FIXTURE: Fixture = Fixture::Png;

impl FileRequest {
    fn into_media(self) -> Result<Media, InvalidRequest> {
        let media = match (self.content_base64, self.fixture, self.size) {
            (Some(_), Some(_), _) => return Err(InvalidRequest::TwoContents),
            (Some(_), None, Some(_)) => return Err(InvalidRequest::SizeOfContent),
            (Some(text), None, None) => {
                let bytes = STANDARD.decode(text).map_err(InvalidRequest::Base64)?;
                Media::new(bytes, HeaderValue::from_static("application/octet-stream"))
            }
            (None, kind, Some(size)) => {
                Media::fixture_of_size(kind.unwrap_or(DEFAULT_FIXTURE), size)
                    .map_err(InvalidRequest::Size)?
            }
            (None, kind, None) => Media::fixture(kind.unwrap_or(DEFAULT_FIXTURE)),
        };
        let content_type = self.content_type.map(HeaderValue::try_from).transpose();
        let media = set(
            media,
            content_type.map_err(|_| InvalidRequest::ContentType)?,
            Media::content_type,
        );
        let media = set(media, self.channel_token, Media::channel_token);
        media.script(self.script).map_err(InvalidRequest::Script)
    }
}

/// Applies a builder's step when there is a value for it.
fn set<B, V>(builder: B, value: Option<V>, step: impl FnOnce(B, V) -> B) -> B {
    match value {
        Some(value) => step(builder, value),
        None => builder,
    }
}
