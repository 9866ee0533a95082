//! What is wrong with a configuration, all of it at once: before a port is
//! bound, a person learns everything there is to mend.

use super::load::{Faults, Loaded};
use super::resolve::Resolved;
use super::sections::Config;
use crate::{auth, telemetry};

/// How logs are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// One JSON object a line, rather than text for a person.
    pub json: bool,
    /// Levels by target.
    pub filter: String,
}

impl Loaded {
    /// What the service needs, or everything that is wrong: what could not be
    /// read, and what could but will not do.
    pub fn resolve(&self) -> Result<Resolved, Faults> {
        let mut faults = self.faults.clone();
        if self.lacks_file {
            // What else is missing may stand in the file.
            return Err(Faults(faults));
        }
        let mut unfit = Vec::new();
        let resolved = self.config.try_resolve(&mut unfit);
        self.config.check_log_filter(&mut unfit);
        self.config.check_token_keys(&mut unfit);
        // A key that could not be read is not missing as well.
        unfit.retain(|fault| {
            !faults
                .iter()
                .any(|known| key_of(known).starts_with(key_of(fault)))
        });
        faults.extend(unfit);
        match resolved {
            Some(resolved) if faults.is_empty() => Ok(resolved),
            _ => Err(Faults(faults)),
        }
    }
}

/// The key that a fault is about.
fn key_of(fault: &str) -> &str {
    fault.split([':', ' ']).next().unwrap_or_default()
}

impl Config {
    /// How logs are to be written; needed before anything else is.
    pub fn telemetry(&self) -> Result<Telemetry, Faults> {
        let mut faults = Vec::new();
        self.check_log_filter(&mut faults);
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        Ok(Telemetry {
            json: self.telemetry.log_format == "json",
            filter: self.telemetry.log_filter.clone(),
        })
    }

    fn check_log_filter(&self, faults: &mut Vec<String>) {
        if !matches!(self.telemetry.log_format.as_str(), "json" | "text") {
            faults.push("telemetry.log_format: must be json or text".to_owned());
        }
        if let Err(error) = telemetry::check_filter(&self.telemetry.log_filter) {
            faults.push(format!("telemetry.log_filter: {error}"));
        }
    }

    /// Production's rules: the key of `dev` and HS256 are refused.
    fn check_token_keys(&self, faults: &mut Vec<String>) {
        let settings = self.auth_settings(&mut Vec::new());
        faults.extend(auth::faults(&settings).map(|fault| fault.to_string()));
    }
}
