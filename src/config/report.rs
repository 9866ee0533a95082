//! The configuration as people read it: the effective one, and the example.

use super::load::Loaded;
use super::origin;
use super::section::Section;
use super::sections::for_each_section;
use std::fmt::Write as _;
use toml::Value;

/// Keys whose values are never shown.
const SECRET: &[&str] = &[
    "auth.keys",
    "database.url",
    "s3.secret_access_key",
    "links.signing_key",
    "sealing.key",
    "sealing.previous_keys",
];

/// Every key with its value, secrets redacted, and where the value came from.
#[must_use]
pub fn effective(loaded: &Loaded) -> String {
    let mut text = String::new();
    macro_rules! section {
        ($field:ident, $type:ty) => {
            let values = Value::try_from(&loaded.config.$field).ok();
            let _ = writeln!(text, "[{}]", <$type>::NAME);
            for key in <$type>::KEYS {
                let path = format!("{}.{}", <$type>::NAME, key.name);
                let value = values.as_ref().and_then(|values| values.get(key.name));
                let shown = match value {
                    None => "(unset)".to_owned(),
                    Some(Value::Array(items)) if items.is_empty() => "[]".to_owned(),
                    Some(_) if SECRET.contains(&path.as_str()) => "[redacted]".to_owned(),
                    Some(value) => value.to_string(),
                };
                let from = origin::of(&loaded.figment, &path);
                let from = from.as_deref().unwrap_or("default");
                let _ = writeln!(text, "{} = {shown}  # {from}", key.name);
            }
            text.push('\n');
        };
    }
    for_each_section!(section);
    text
}

/// `config.example.toml`: every key with its explanation and its default.
#[must_use]
pub fn example() -> String {
    let mut text = String::from(
        "# Every setting with its default. A key that is commented out has none.\n\
         # Each can be set by the environment too: ATTACHMENTS_<SECTION>_<KEY>.\n",
    );
    macro_rules! section {
        ($field:ident, $type:ty) => {
            let defaults = Value::try_from(<$type>::default()).ok();
            let _ = write!(text, "\n[{}]\n", <$type>::NAME);
            for key in <$type>::KEYS {
                for line in key.doc {
                    let _ = writeln!(text, "#{line}");
                }
                match defaults
                    .as_ref()
                    .and_then(|defaults| defaults.get(key.name))
                {
                    Some(Value::String(value)) if value.is_empty() => {
                        let _ = writeln!(text, "# {} =", key.name);
                    }
                    Some(value) => {
                        let _ = writeln!(text, "{} = {value}", key.name);
                    }
                    None => {
                        let _ = writeln!(text, "# {} =", key.name);
                    }
                }
            }
        };
    }
    for_each_section!(section);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo run -- config --example > config.example.toml` mends it.
    #[test]
    fn the_example_is_true() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        assert_eq!(std::fs::read_to_string(path).unwrap(), example());
    }
}
