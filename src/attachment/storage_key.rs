//! The one place that spells object keys.
//!
//! `attachments/{retention}/{tenant}/{group}/{attachment_id}/{attempt}-{name}`:
//! readable and grouped for a person, and such that two tenants cannot meet
//! and a late worker cannot overwrite a winner.

use super::Attachment;
use std::fmt;

/// Everything of ours lies under this prefix.
pub const PREFIX: &str = "attachments/";

/// The prefix that one lifecycle rule covers, so that orphans end by themselves.
pub const EPHEMERAL_PREFIX: &str = "attachments/ephemeral/";

/// The key of one object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StorageKey(String);

impl StorageKey {
    /// The key under which `attempt` stores `attachment`.
    #[must_use]
    pub fn of(attachment: &Attachment, attempt: i64) -> Self {
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
            name = attachment.file_name.key_tail(),
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
            StorageKey::of(&attachment, 2).as_str(),
            format!("attachments/durable/acme/m-1/{id}/2-report.pdf")
        );
        attachment.correlation_id = Some("req:7".parse().unwrap());
        assert_eq!(
            StorageKey::of(&attachment, 2).as_str(),
            format!("attachments/durable/acme/req_7/{id}/2-report.pdf")
        );
    }

    #[test]
    fn no_component_is_a_path_of_its_own() {
        let mut attachment = pending("../../x");
        attachment.correlation_id = Some("..".parse().unwrap());
        let key = StorageKey::of(&attachment, 1);
        assert!(
            key.as_str()
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
        );
    }
}
