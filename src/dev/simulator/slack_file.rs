//! A file as Slack describes it: in `files.info` and in an event.

use super::media::Media;
use super::script::{InvalidStep, Script};
use super::shelf::Kept;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The workspace that files belong to unless told otherwise.
pub const TEAM_ID: &str = "T0SIMULATOR";

/// A file in a simulated Slack workspace.
///
/// `media.script` plays at the download, `info_script` at `files.info`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlackFile {
    pub(super) media: Media,
    pub(super) team_id: String,
    name: String,
    mimetype: String,
    filetype: String,
    mode: String,
    file_access: String,
    declared_size: Option<u64>,
    pub(super) info_error: Option<String>,
    pub(super) info_script: Script,
}

impl SlackFile {
    /// A hosted, visible file. Its type is declared as the media says, its
    /// `filetype` as the name's extension says. Slack knows files without a
    /// name: an empty one becomes `null`.
    #[must_use]
    pub fn new(name: impl Into<String>, media: Media) -> Self {
        let name = name.into();
        let filetype = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Self {
            team_id: TEAM_ID.to_owned(),
            mimetype: media.content_type.to_str().unwrap_or_default().to_owned(),
            filetype: filetype.to_ascii_lowercase(),
            mode: "hosted".to_owned(),
            file_access: "visible".to_owned(),
            declared_size: None,
            info_error: None,
            info_script: Script::default(),
            media,
            name,
        }
    }

    /// The workspace it belongs to.
    #[must_use]
    pub fn team_id(self, team_id: impl Into<String>) -> Self {
        Self {
            team_id: team_id.into(),
            ..self
        }
    }

    /// The declared media type; Slack sends an empty one while it still looks.
    #[must_use]
    pub fn mimetype(self, mimetype: impl Into<String>) -> Self {
        Self {
            mimetype: mimetype.into(),
            ..self
        }
    }

    /// Slack's own name for the type: `png`, `pdf`, `quip`.
    #[must_use]
    pub fn filetype(self, filetype: impl Into<String>) -> Self {
        Self {
            filetype: filetype.into(),
            ..self
        }
    }

    /// `hosted`, `external`, `snippet`, `tombstone`, `hidden_by_limit` or whatever Slack may come up with.
    #[must_use]
    pub fn mode(self, mode: impl Into<String>) -> Self {
        Self {
            mode: mode.into(),
            ..self
        }
    }

    /// `visible`; `check_file_info` makes the event a stub that `files.info`
    /// completes; `access_denied` and `file_not_found` are its errors, too.
    #[must_use]
    pub fn file_access(self, file_access: impl Into<String>) -> Self {
        Self {
            file_access: file_access.into(),
            ..self
        }
    }

    /// The size Slack declares, when it is not the true one.
    #[must_use]
    pub fn declared_size(self, bytes: u64) -> Self {
        Self {
            declared_size: Some(bytes),
            ..self
        }
    }

    /// The error that `files.info` answers with.
    #[must_use]
    pub fn info_error(self, error: impl Into<String>) -> Self {
        Self {
            info_error: Some(error.into()),
            ..self
        }
    }

    /// How `files.info` behaves, a step a call.
    pub fn info_script<I>(self, steps: I) -> Result<Self, InvalidStep>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Ok(Self {
            info_script: Script::parse(steps)?,
            ..self
        })
    }

    /// Where its bytes are, under `slack_url` (`http://host:port/slack`).
    pub(super) fn url_private_download(&self, slack_url: &str, id: &str) -> String {
        format!(
            "{slack_url}/files-pri/{}-{id}/download/{}",
            self.team_id,
            self.slug()
        )
    }

    /// The error `files.info` answers with: the one set, or the one the file's access means.
    pub(super) fn effective_info_error(&self) -> Option<&str> {
        match (self.info_error.as_deref(), self.file_access.as_str()) {
            (Some(error), _) => Some(error),
            (None, denied @ ("access_denied" | "file_not_found")) => Some(denied),
            (None, _) => None,
        }
    }

    /// The file object of an event. Slack Connect files come as a stub that
    /// has an id and little else.
    pub(super) fn event_object(&self, slack_url: &str, id: &str) -> Value {
        if self.file_access == "visible" {
            return self.info_object(slack_url, id);
        }
        json!({
            "id": id, "created": 0, "timestamp": 0, "user": "",
            "mode": "file_access", "file_access": self.file_access,
        })
    }

    /// The file object of `files.info`.
    pub(super) fn info_object(&self, slack_url: &str, id: &str) -> Value {
        match self.mode.as_str() {
            "tombstone" | "hidden_by_limit" => return json!({ "id": id, "mode": self.mode }),
            _ => {}
        }
        let external = self.mode == "external";
        let download = self.url_private_download(slack_url, id);
        let mut object = json!({
            "id": id,
            "created": 1_700_000_000,
            "timestamp": 1_700_000_000,
            "name": (!self.name.is_empty()).then_some(&self.name),
            "title": self.name,
            "mimetype": self.mimetype,
            "filetype": self.filetype,
            "pretty_type": self.filetype.to_ascii_uppercase(),
            "user": "U0SIMULATOR",
            "user_team": self.team_id,
            "editable": false,
            "size": self.declared_size.unwrap_or(self.media.bytes.len() as u64),
            "mode": self.mode,
            "is_external": external,
            "external_type": if external { "gdrive" } else { "" },
            "is_public": false,
            "public_url_shared": false,
            "file_access": "visible",
            "url_private": download.replace("/download/", "/"),
            "url_private_download": download,
        });
        if let (true, Value::Object(fields)) = (external, &mut object) {
            // Such a file lives on a third party's page; Slack has no bytes of it.
            fields.insert(
                "url_private".to_owned(),
                "https://drive.example.com/file/d/1".into(),
            );
            fields.remove("url_private_download");
        }
        object
    }

    /// The name as Slack writes it in URLs.
    fn slug(&self) -> String {
        if self.name.is_empty() {
            return "file".to_owned();
        }
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        self.name.chars().map(safe).collect()
    }
}

impl Kept for SlackFile {
    const FOLDER: &'static str = "slack";

    fn media(&self) -> Option<&Media> {
        Some(&self.media)
    }

    fn media_mut(&mut self) -> Option<&mut Media> {
        Some(&mut self.media)
    }
}
