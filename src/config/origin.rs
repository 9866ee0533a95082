//! Where a value came from, in words.

use super::environment;
use figment::Figment;

/// The variable that sets `key`.
pub(super) fn variable(key: &str) -> String {
    format!(
        "{}{}",
        environment::NAME,
        key.replace('.', "_").to_uppercase()
    )
}

/// The file or the variable that the value of `key` came from; none where it
/// is the default.
pub(super) fn of(figment: &Figment, key: &str) -> Option<String> {
    let metadata = figment.find_metadata(key)?;
    match &metadata.source {
        Some(figment::Source::File(file)) => Some(file.display().to_string()),
        Some(figment::Source::Code(_)) => None,
        _ if metadata.name == environment::NAME => Some(variable(key)),
        _ => Some(metadata.name.to_string()),
    }
}
