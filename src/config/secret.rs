//! Secrets: given as they are, or as a file that holds them.

use super::fault::Fault;
use super::value::Secret;
use secrecy::SecretString;
use std::path::Path;

/// A secret that stands in the configuration or in a file it names.
pub(super) fn secret(
    faults: &mut Vec<Fault>,
    name: &str,
    value: Option<&Secret>,
    file: Option<&Path>,
) -> Option<SecretString> {
    match (value.filter(|value| !value.is_empty()), file) {
        (Some(_), Some(_)) => {
            let what = format!("is set twice, by itself and by {name}_file");
            faults.push(Fault::unfit(name, what));
            None
        }
        (Some(value), None) => Some(value.0.clone()),
        (None, Some(file)) => read_secret(faults, name, file),
        (None, None) => {
            faults.push(Fault::missing(name));
            None
        }
    }
}

fn read_secret(faults: &mut Vec<Fault>, name: &str, file: &Path) -> Option<SecretString> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text.trim_end().into()),
        Err(error) => {
            let what = format!("{} cannot be read: {error}", file.display());
            faults.push(Fault::unfit(format!("{name}_file"), what));
            None
        }
    }
}
