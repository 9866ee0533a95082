//! Reading file and environment into [`Config`], every fault at once.

use super::section::Section;
use super::sections::{Config, for_each_section};
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::fmt;
use std::path::Path;

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub(super) Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        if let Some(first) = lines.next() {
            write!(f, "config: {first}")?;
        }
        lines.try_for_each(|line| write!(f, "\nconfig: {line}"))
    }
}

impl std::error::Error for Faults {}

/// A configuration with the layers it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    pub(super) figment: Figment,
}

/// Reads `file`, overlays the environment, and gives the values or every fault.
pub fn load(file: Option<&Path>) -> Result<Loaded, Faults> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(Faults(vec![format!(
                "{}: there is no such file",
                file.display()
            )]));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    let figment = figment.merge(DatabaseUrl).merge(environment());
    let mut faults = unknown_sections(&figment)?;
    let mut config = Config::default();
    macro_rules! read {
        ($section:ident, $type:ty) => {
            match figment.extract_inner::<$type>(<$type>::NAME) {
                Ok(section) => config.$section = section,
                Err(errors) => faults.extend(errors.into_iter().map(|error| describe(&error))),
            }
        };
    }
    for_each_section!(read);
    if faults.is_empty() {
        Ok(Loaded { config, figment })
    } else {
        Err(Faults(faults))
    }
}

/// `ATTACHMENTS_S3_PUBLIC_ENDPOINT` is `s3.public_endpoint`: the first word
/// names the section.
fn environment() -> Env {
    Env::prefixed("ATTACHMENTS_")
        .filter(|name| is_setting(name.as_str()))
        .map(|name| name.as_str().replacen('_', ".", 1).into())
}

/// Whether a variable is one of ours, by what follows the prefix. Kubernetes
/// gives every pod beside a Service called `attachments` variables such as
/// `ATTACHMENTS_SERVICE_HOST` and `ATTACHMENTS_PORT_50051_TCP`; two more are
/// read by the command line and by the embedded Postgres.
fn is_setting(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_foreign = |word: &str| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    !["SERVICE", "PORT", "CONFIG", "PG_BIN"]
        .into_iter()
        .any(is_foreign)
}

/// `DATABASE_URL`, as every Postgres tool reads it; the service's own name wins.
struct DatabaseUrl;

impl Provider for DatabaseUrl {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variable DATABASE_URL")
    }

    #[expect(clippy::disallowed_methods, reason = "this is config")]
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut values = Dict::new();
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let database = Dict::from([("url".to_owned(), Value::from(url))]);
            values.insert("database".to_owned(), Value::from(database));
        }
        Ok(Profile::Default.collect(values))
    }
}

fn unknown_sections(figment: &Figment) -> Result<Vec<String>, Faults> {
    let values: Dict = figment
        .extract()
        .map_err(|error| Faults(error.into_iter().map(|error| describe(&error)).collect()))?;
    let mut known = Vec::new();
    macro_rules! name {
        ($section:ident, $type:ty) => {
            known.push(<$type>::NAME);
        };
    }
    for_each_section!(name);
    Ok(values
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| format!("{name}: there is no such section"))
        .collect())
}

/// What is wrong, where, and where it came from. Never the value: it may be a secret.
fn describe(error: &figment::Error) -> String {
    use figment::error::Kind;
    let path = error.path.join(".");
    let what = match &error.kind {
        Kind::UnknownField(field, known) => {
            format!("there is no key {field:?}; known are {}", known.join(", "))
        }
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => {
            format!("must be {wanted}")
        }
        Kind::MissingField(field) => format!("{field} is missing"),
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    };
    let from = error
        .metadata
        .as_ref()
        .map(|metadata| format!(" (from {})", origin(metadata)))
        .unwrap_or_default();
    if path.is_empty() {
        format!("{what}{from}")
    } else {
        format!("{path}: {what}{from}")
    }
}

/// Where a value came from, in words.
pub(super) fn origin(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        Some(figment::Source::Code(_)) => "default".to_owned(),
        _ => metadata.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_put_into_the_environment_is_no_setting() {
        for foreign in [
            "SERVICE_HOST",
            "SERVICE_PORT_GRPC",
            "PORT",
            "PORT_50051_TCP_ADDR",
            "CONFIG",
            "PG_BIN",
        ] {
            assert!(!is_setting(foreign), "{foreign}");
        }
        for ours in ["SERVER_LISTEN", "S3_BUCKET", "DATABSE_URL", "database_url"] {
            assert!(is_setting(ours), "{ours}");
        }
    }
}
