//! The one place that spells object keys.
//!
//! `attachments/{retention}/{tenant}/{group}/{attachment_id}/{attempt}-{name}`:
//! readable and grouped for a person, and such that two tenants cannot meet
//! and a late worker cannot overwrite a winner. What is made of a file lies
//! beside it, as `{attempt}-thumbnail.webp` and the like; an original that is
//! called so gets a key of its own all the same.

use super::Attachment;
use super::rendition::Rendition;
use std::fmt;

/// Everything of ours lies under this prefix.
pub const PREFIX: &str = "attachments/";

/// The prefix that one lifecycle rule covers, so that orphans end by themselves.
pub const EPHEMERAL_PREFIX: &str = "attachments/ephemeral/";

/// The key of one object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StorageKey(String);

impl StorageKey {
    /// The key under which `attempt` stores this form of `attachment`.
    #[must_use]
    pub fn of(attachment: &Attachment, attempt: i64, rendition: Rendition) -> Self {
        let group = attachment
            .correlation_id
            .as_ref()
            .map_or(attachment.message_id.as_str(), |id| id.as_str());
        Self(format!(
            "attachments/{retention}/{tenant}/{group}/{id}/{attempt}-{name}",
            retention = attachment.retention.as_str(),
            tenant = attachment.tenant,
            group = safe_component(group),
            id = attachment.id,
            name = tail(attachment, rendition),
        ))
    }

    /// A key that was read back from the database.
    #[must_use]
    pub fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last part of a key. Originals give way to the names of what is made.
fn tail(attachment: &Attachment, rendition: Rendition) -> String {
    match rendition {
        Rendition::Original => {
            let name = attachment.file_name.key_tail();
            if MADE.contains(&name.as_str()) {
                return format!("_{name}");
            }
            name
        }
        Rendition::Thumbnail => MADE[0].to_owned(),
        Rendition::Model => MADE[1].to_owned(),
        Rendition::Text => MADE[2].to_owned(),
    }
}

/// The names of what is made of a file.
const MADE: [&str; 3] = ["thumbnail.webp", "model.jpg", "text.json"];

/// A path component that no store takes for a path of its own.
fn safe_component(group: &str) -> String {
    let safe: String = group
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if safe.chars().all(|c| c == '.') {
        "_".repeat(safe.len())
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::pending;
    use super::*;

    #[test]
    fn the_schema_is_readable_and_grouped() {
        let mut attachment = pending("report.pdf");
        let id = attachment.id;
        assert_eq!(
            StorageKey::of(&attachment, 2, Rendition::Original).as_str(),
            format!("attachments/durable/acme/m-1/{id}/2-report.pdf")
        );
        assert_eq!(
            StorageKey::of(&attachment, 2, Rendition::Thumbnail).as_str(),
            format!("attachments/durable/acme/m-1/{id}/2-thumbnail.webp")
        );
        attachment.correlation_id = Some("req:7".parse().unwrap());
        assert_eq!(
            StorageKey::of(&attachment, 2, Rendition::Original).as_str(),
            format!("attachments/durable/acme/req_7/{id}/2-report.pdf")
        );
    }

    #[test]
    fn no_two_forms_share_a_key() {
        for name in MADE {
            let attachment = pending(name);
            let mut keys: Vec<_> = Rendition::ALL
                .map(|rendition| StorageKey::of(&attachment, 1, rendition).to_string())
                .into();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), Rendition::ALL.len(), "{name}");
        }
    }

    #[test]
    fn no_component_is_a_path_of_its_own() {
        let mut attachment = pending("../../x");
        attachment.correlation_id = Some("..".parse().unwrap());
        let key = StorageKey::of(&attachment, 1, Rendition::Original);
        assert!(
            key.as_str()
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
        );
    }
}
