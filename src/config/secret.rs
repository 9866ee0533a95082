//! Secrets: given as they are, or as a file that holds them.

use super::value::Secret;
use secrecy::SecretString;
use std::path::Path;

/// A secret that stands in the configuration or in a file it names.
pub(super) fn secret(
    faults: &mut Vec<String>,
    name: &str,
    value: Option<&Secret>,
    file: Option<&Path>,
) -> Option<SecretString> {
    match (value.filter(|value| !value.is_empty()), file) {
        (Some(_), Some(_)) => {
            faults.push(format!(
                "{name}: is set twice, by itself and by {name}_file"
            ));
            None
        }
        (Some(value), None) => Some(value.0.clone()),
        (None, Some(file)) => read_secret(faults, name, file),
        (None, None) => {
            faults.push(missing(name));
            None
        }
    }
}

fn read_secret(faults: &mut Vec<String>, name: &str, file: &Path) -> Option<SecretString> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text.trim_end().into()),
        Err(error) => {
            faults.push(format!(
                "{name}_file: {} cannot be read: {error}",
                file.display()
            ));
            None
        }
    }
}

/// What to say of a key that must be set.
pub(super) fn missing(name: &str) -> String {
    if name.contains('[') {
        return format!("{name} is missing; set it or {name}_file");
    }
    let variable = name.replace('.', "_").to_uppercase();
    format!("{name} is missing; set it in the file or as ATTACHMENTS_{variable}")
}
