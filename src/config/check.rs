//! What is wrong with a configuration, all of it at once: before a port is
//! bound or a row is read, a person learns everything there is to mend.

use super::fault::{Fault, Faults, What};
use super::load::Loaded;
use super::resolve::Resolved;
use super::sections::Config;
use crate::auth::InvalidSettings;
use crate::{auth, telemetry};

/// How logs are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// One JSON object a line, rather than text for a person.
    pub json: bool,
    /// Levels by target.
    pub filter: String,
}

/// What a command cannot do without. Whatever it needs, no command runs on a
/// value that is set and will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Every key that has no default.
    Service,
    /// Those of the database and of the object store.
    Stores,
    /// Those of the database.
    Database,
    /// None.
    Nothing,
    /// None, and the rules of production do not hold.
    Development,
}

impl Needs {
    /// Whether what is wrong keeps the command from running.
    fn forbid(self, fault: &Fault) -> bool {
        match (&fault.what, self) {
            (What::Unfit(_), _) | (What::Missing, Self::Service) => true,
            (What::Missing, Self::Stores) => fault.is_of("database") || fault.is_of("s3"),
            (What::Missing, Self::Database) => fault.is_of("database"),
            (What::Missing, Self::Nothing | Self::Development) => false,
        }
    }
}

impl Loaded {
    /// What the service needs, or everything that is wrong: what could not be
    /// read, and what could but will not do.
    pub fn resolve(&self) -> Result<Resolved, Faults> {
        let (faults, resolved) = self.look(Needs::Service);
        Faults::unless(faults, resolved)
    }

    /// Everything that is wrong for a command with these needs.
    pub fn check(&self, needs: Needs) -> Result<(), Faults> {
        let (faults, _) = self.look(needs);
        Faults::unless(faults, Some(()))
    }

    /// The same, and what the command itself found: of its flags, or of the
    /// machine.
    pub fn check_with(&self, needs: Needs, found: Vec<Fault>) -> Result<(), Faults> {
        let (mut faults, _) = self.look(needs);
        for fault in found {
            if !faults.iter().any(|known| known.covers(&fault)) {
                faults.push(fault.traced(&self.figment));
            }
        }
        Faults::unless(faults, Some(()))
    }

    /// The file or the variable that a key's value came from; none where it is
    /// the default.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<String> {
        super::origin::of(&self.figment, key)
    }

    fn look(&self, needs: Needs) -> (Vec<Fault>, Option<Resolved>) {
        let mut faults = self.faults.clone();
        if self.lacks_file {
            // What else is missing may stand in the file.
            return (faults, None);
        }
        let mut unfit = Vec::new();
        let resolved = self.config.try_resolve(&mut unfit);
        self.config.check_log_filter(&mut unfit);
        if needs != Needs::Development {
            self.config.check_token_keys(&mut unfit);
        }
        unfit
            .retain(|fault| needs.forbid(fault) && !faults.iter().any(|known| known.covers(fault)));
        faults.extend(unfit.into_iter().map(|fault| fault.traced(&self.figment)));
        (faults, resolved)
    }
}

impl Config {
    /// How logs are to be written; needed before anything else is.
    pub fn telemetry(&self) -> Result<Telemetry, Faults> {
        let mut faults = Vec::new();
        self.check_log_filter(&mut faults);
        let telemetry = Telemetry {
            json: self.telemetry.log_format == "json",
            filter: self.telemetry.log_filter.clone(),
        };
        Faults::unless(faults, Some(telemetry))
    }

    fn check_log_filter(&self, faults: &mut Vec<Fault>) {
        if !matches!(self.telemetry.log_format.as_str(), "json" | "text") {
            faults.push(Fault::unfit("telemetry.log_format", "must be json or text"));
        }
        if let Err(error) = telemetry::check_filter(&self.telemetry.log_filter) {
            faults.push(Fault::unfit("telemetry.log_filter", error.to_string()));
        }
    }

    /// Production's rules: the key of `dev` and HS256 are refused.
    fn check_token_keys(&self, faults: &mut Vec<Fault>) {
        let settings = self.auth_settings(&mut Vec::new());
        faults.extend(auth::faults(&settings).map(|fault| match fault {
            InvalidSettings::Empty(key) => Fault::missing(format!("auth.{key}")),
            InvalidSettings::NoKeys => Fault::missing("auth.keys"),
            InvalidSettings::Leeway => {
                let most = auth::Settings::MAX_LEEWAY.as_secs();
                Fault::unfit("auth.leeway", format!("must be at most {most}s"))
            }
            InvalidSettings::Key { name, fault } => {
                Fault::unfit("auth.keys", format!("key {name}: {fault}"))
            }
        }));
    }
}
