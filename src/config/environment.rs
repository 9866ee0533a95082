//! `ATTACHMENTS_<SECTION>_<KEY>` and `DATABASE_URL` as a layer of the configuration.
//!
//! A variable's text is the value as it is: a secret of digits stays text, and
//! a number is read only where a number is wanted. A list is written as in
//! TOML, or without brackets and separated by commas.

use super::fault::Fault;
use super::sections::Config;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

/// The name that [`Metadata`] bears for it.
pub(super) const NAME: &str = "ATTACHMENTS_";

/// Documented for something else than settings, so that they may stand in the
/// environment of any command: flags, the example gateway's token, and how the
/// tests run.
const NO_SETTINGS: &[&str] = &[
    "ATTACHMENTS_CONFIG",
    "ATTACHMENTS_PG_BIN",
    "ATTACHMENTS_TOKEN",
    "ATTACHMENTS_FAULTS",
    "ATTACHMENTS_FAULTS_SEED",
    "ATTACHMENTS_TESTS_INSIST",
];

/// Asks for faults, and is no setting. Read here with the rest, so that what
/// cannot be done is a fault of the configuration like any other.
#[cfg(feature = "dev")]
const FAIL_AT: &str = "ATTACHMENTS_FAIL_AT";

/// What the environment says.
#[derive(Debug)]
pub(super) struct Environment(Dict);

impl Environment {
    /// Takes the variables that name a section; the others are faults.
    pub(super) fn read(faults: &mut Vec<Fault>) -> Self {
        let defaults = Value::serialize(Config::default()).unwrap_or_else(|_| Dict::new().into());
        let mut sections = Dict::new();
        for (name, text) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            let Some(path) = name.strip_prefix(NAME) else {
                continue;
            };
            if NO_SETTINGS.contains(&name) || is_service_link(name) {
                continue;
            }
            #[cfg(feature = "dev")]
            if name == FAIL_AT {
                let armed = crate::failpoint::arm(&text.to_string_lossy());
                faults.extend(
                    armed
                        .err()
                        .map(|error| Fault::unfit(name, error.to_string())),
                );
                continue;
            }
            let path = path.to_lowercase();
            let section = path.split_once('_').and_then(|(section, key)| {
                let known = defaults.find_ref(section)?;
                Some((section, key, known.find_ref(key)))
            });
            let Some((section, key, default)) = section else {
                faults.push(Fault::unfit(name, "there is no such section"));
                continue;
            };
            let Some(text) = text.to_str() else {
                faults.push(Fault::unfit(name, "must be UTF-8"));
                continue;
            };
            let value = match default {
                Some(Value::Array(..)) => list(text),
                _ => Value::from(text),
            };
            let values = sections
                .entry(section.to_owned())
                .or_insert_with(|| Dict::new().into());
            if let Value::Dict(_, values) = values {
                values.insert(key.to_owned(), value);
            }
        }
        Self(sections)
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(NAME)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// `DATABASE_URL`, as every Postgres tool reads it; the service's own name wins.
#[derive(Debug)]
pub(super) struct DatabaseUrl;

impl Provider for DatabaseUrl {
    fn metadata(&self) -> Metadata {
        Metadata::named("DATABASE_URL")
    }

    #[expect(clippy::disallowed_methods, reason = "this is config")]
    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut values = Dict::new();
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let database = Dict::from([("url".to_owned(), Value::from(url))]);
            values.insert("database".to_owned(), Value::from(database));
        }
        Ok(Profile::Default.collect(values))
    }
}

fn list(text: &str) -> Value {
    if text.trim_start().starts_with('[') {
        // Never fails: what is no list comes back as text.
        return text.parse().unwrap_or_else(|_| Value::from(text));
    }
    let items = text.split(',').map(str::trim);
    Value::from(
        items
            .filter(|item| !item.is_empty())
            .map(Value::from)
            .collect::<Vec<_>>(),
    )
}

/// Kubernetes puts such variables into every pod beside a Service called
/// `attachments` or `attachments-...`, and they are settings of nothing:
/// `ATTACHMENTS_SERVICE_HOST`, `ATTACHMENTS_PORT`, `ATTACHMENTS_PORT_50051_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let port = rest.split('_').next().unwrap_or_default();
            port.parse::<u16>().is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_toml_or_with_commas() {
        let hosts = Value::from(vec![Value::from("a.example"), Value::from("b.example:1")]);
        for text in [
            r#"["a.example", "b.example:1"]"#,
            "a.example, b.example:1",
            "a.example,b.example:1,",
        ] {
            assert_eq!(list(text), hosts, "{text}");
        }
    }

    #[test]
    fn variables_of_a_kubernetes_service_are_no_settings() {
        for name in [
            "ATTACHMENTS_SERVICE_HOST",
            "ATTACHMENTS_SERVICE_PORT_GRPC",
            "ATTACHMENTS_PORT",
            "ATTACHMENTS_PORT_50051_TCP_ADDR",
            "ATTACHMENTS_S3_PORT_9000_TCP",
        ] {
            assert!(is_service_link(name), "{name}");
        }
        for name in [
            "ATTACHMENTS_SERVER_LISTEN",
            "ATTACHMENTS_S3_PUBLIC_ENDPOINT",
        ] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
