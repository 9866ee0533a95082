//! What is wrong with a configuration, one fault at a time: which key, what
//! about it, and where its value came from.

use figment::Figment;
use std::fmt;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `server.grace`; the variable or the file's line where
    /// it is no key that is at fault.
    pub key: String,
    /// What is wrong with it. Never a secret's text.
    pub what: What,
    /// The file or the environment variable that the value came from; none
    /// for a default, and where nobody knows.
    pub from: Option<String>,
}

/// What may be wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It must be set and is not. Only a command that needs it is at fault.
    Missing,
    /// Its value, or the key itself, will not do, and the words say why.
    Unfit(String),
}

impl Fault {
    /// A value that will not do.
    pub fn unfit(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            what: What::Unfit(what.into()),
            from: None,
        }
    }

    /// A key that must be set.
    pub(super) fn missing(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            what: What::Missing,
            from: None,
        }
    }

    /// The same, with the place that the value came from.
    pub(super) fn from(mut self, origin: Option<String>) -> Self {
        self.from = self.from.or(origin);
        self
    }

    /// The same, with what `figment` knows of where the value came from: the
    /// key itself, the `.._file` beside it, or the list it stands in.
    pub(super) fn traced(self, figment: &Figment) -> Self {
        let listed = self.key.split('[').next().unwrap_or_default();
        let origin = [&self.key, &format!("{}_file", self.key), listed]
            .into_iter()
            .find_map(|path| super::origin::of(figment, path));
        self.from(origin)
    }

    /// Whether it is a matter of this section.
    pub(super) fn is_of(&self, section: &str) -> bool {
        self.key.split(['.', '[']).next() == Some(section)
    }

    /// Whether `other` says the same of the same key, or of the key that this
    /// one is a part of or stands in for: what could not be read is not
    /// missing as well.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.key
            .strip_prefix(other.key.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']) || rest == "_file")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.what {
            // A list is not set one item at a time.
            What::Missing if key.contains('[') => {
                write!(f, "{key}: is missing; set it or {key}_file")?;
            }
            What::Missing => {
                let variable = super::origin::variable(key);
                write!(f, "{key}: is missing; set it in the file or as {variable}")?;
            }
            What::Unfit(what) => write!(f, "{key}: {what}")?,
        }
        match &self.from {
            Some(from) => write!(f, " (from {from})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// `made`, where nothing is wrong.
    pub(super) fn unless<T>(faults: Vec<Fault>, made: Option<T>) -> Result<T, Self> {
        match made {
            Some(made) if faults.is_empty() => Ok(made),
            _ => Err(Self(faults)),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut faults = self.0.iter();
        if let Some(first) = faults.next() {
            write!(f, "config: {first}")?;
        }
        faults.try_for_each(|fault| write!(f, "\nconfig: {fault}"))
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_read_is_not_missing_as_well() {
        for (known, also, is_covered) in [
            ("auth.keys.0.algorithm", "auth.keys", true),
            ("auth.keys[0].key", "auth.keys", true),
            ("s3.secret_access_key_file", "s3.secret_access_key", true),
            ("auth.issuer", "auth.issuer", true),
            // A fault in one key says nothing of its neighbours.
            ("auth.leeway", "auth.keys", false),
            ("s3.bucket_of_another", "s3.bucket", false),
            ("auth.keys", "auth.keys[0].key", false),
        ] {
            let covers = Fault::unfit(known, "is odd").covers(&Fault::missing(also));
            assert_eq!(covers, is_covered, "{known}, {also}");
        }
    }

    #[test]
    fn a_fault_says_what_and_where_from() {
        let fault = Fault::unfit("server.grace", "must be more").from(Some("my.toml".to_owned()));
        assert_eq!(
            fault.to_string(),
            "server.grace: must be more (from my.toml)"
        );
        assert_eq!(
            Fault::missing("auth.issuer").to_string(),
            "auth.issuer: is missing; set it in the file or as ATTACHMENTS_AUTH_ISSUER"
        );
    }
}
