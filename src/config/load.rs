//! Reading file and environment into [`Config`], every fault at once.

use super::environment::{DatabaseUrl, Environment};
use super::fault::Fault;
use super::flag::ADDRESS;
use super::origin;
use super::section::{Key, Section};
use super::sections::{Config, for_each_section};
use figment::error::Actual;
use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A configuration with the layers it came from. A key that could not be read
/// has its default here, and a fault.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    pub(super) figment: Figment,
    pub(super) faults: Vec<Fault>,
    /// Whether the file was asked for and is not in it.
    pub(super) lacks_file: bool,
}

/// Reads `file` and overlays the environment.
#[must_use]
pub fn load(file: Option<&Path>) -> Loaded {
    let mut faults = Vec::new();
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let mut lacks_file = false;
    if let Some(file) = file {
        match File::read(file, &mut faults) {
            Ok(layer) => figment = figment.merge(layer),
            Err(fault) => {
                faults.push(fault);
                lacks_file = true;
            }
        }
    }
    let environment = Environment::read(&mut faults);
    let figment = figment.merge(DatabaseUrl).merge(environment);
    let mut config = Config::default();
    macro_rules! read {
        ($section:ident, $type:ty) => {
            unknown_keys(&figment, <$type>::NAME, <$type>::KEYS, &mut faults);
            config.$section = <$type>::read(&figment, &mut faults);
        };
    }
    for_each_section!(read);
    Loaded {
        config,
        figment,
        faults,
        lacks_file,
    }
}

/// The TOML file.
struct File {
    path: PathBuf,
    sections: Dict,
}

impl File {
    fn read(path: &Path, faults: &mut Vec<Fault>) -> Result<Self, Fault> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Fault::unfit(&shown, format!("cannot be read: {error}")))?;
        // Only the place and what is wrong: the line itself may hold a secret.
        let mut sections: Dict = toml::from_str(&text).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|&b| b == b'\n').count();
            let place = format!("{shown}:{line}");
            Fault::unfit(place, error.message().replace('\n', ", "))
        })?;
        let known = known_sections();
        sections.retain(|name, value| {
            let fault = match value {
                _ if !known.contains(&name.as_str()) => "there is no such section",
                Value::Dict(..) => return true,
                _ => "is a section, not a key",
            };
            faults.push(Fault::unfit(name, fault).from(Some(shown.clone())));
            false
        });
        let path = path.to_owned();
        Ok(Self { path, sections })
    }
}

impl Provider for File {
    fn metadata(&self) -> Metadata {
        Metadata::from("TOML file", self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.sections.clone()))
    }
}

fn known_sections() -> Vec<&'static str> {
    let mut known = Vec::new();
    macro_rules! name {
        ($section:ident, $type:ty) => {
            known.push(<$type>::NAME);
        };
    }
    for_each_section!(name);
    known
}

fn unknown_keys(figment: &Figment, section: &str, keys: &[Key], faults: &mut Vec<Fault>) {
    let Ok(Value::Dict(_, values)) = figment.find_value(section) else {
        return;
    };
    for name in values.keys() {
        if !keys.iter().any(|key| key.name == name) {
            let known: Vec<_> = keys.iter().map(|key| key.name).collect();
            let path = format!("{section}.{name}");
            let what = format!("there is no such key; known are {}", known.join(", "));
            let origin = origin::of(figment, &path);
            faults.push(Fault::unfit(path, what).from(origin));
        }
    }
}

/// One key's value; nothing, and a fault, when it cannot be read as such.
pub(super) fn read<T: DeserializeOwned>(
    figment: &Figment,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    figment
        .extract_inner_lossy(path)
        .map_err(|error| faults.push(describe(&error, figment, path)))
        .ok()
}

/// What is wrong, where, and where it came from. Never a secret's text.
fn describe(error: &figment::Error, figment: &Figment, path: &str) -> Fault {
    use figment::error::Kind;
    // What lies below the key comes first, then the way to the key.
    let below = error.path.len().saturating_sub(path.split('.').count());
    let mut place = path.to_owned();
    for step in &error.path[..below] {
        place.push('.');
        place.push_str(step);
    }
    let what = match &error.kind {
        Kind::UnknownField(field, known) => {
            format!("there is no key {field:?}; known are {}", known.join(", "))
        }
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            unlike(found, wanted)
        }
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::MissingField(field) => format!("{field} is missing"),
        Kind::Message(message) if message == NO_ADDRESS => ADDRESS.to_owned(),
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    };
    Fault::unfit(place, what).from(origin::of(figment, path))
}

/// What the standard library says of a text that is no address.
const NO_ADDRESS: &str = "invalid socket address syntax";

/// What must stand where something else was found, in the words of somebody
/// who writes TOML. What was found is shown only where no secret can stand.
fn unlike(found: &Actual, wanted: &str) -> String {
    let allowed = match wanted {
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number, without a unit".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other => return format!("must be {other}"),
    };
    match found {
        Actual::Str(text) => format!("must be {allowed}; {text:?} is not"),
        Actual::Signed(number) => format!("must be {allowed}; {number} is not"),
        Actual::Unsigned(number) => format!("must be {allowed}; {number} is not"),
        _ => format!("must be {allowed}"),
    }
}
