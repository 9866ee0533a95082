//! What a token allows.

use std::fmt;
use std::str::FromStr;

/// One permission, as a token's `scope` claim names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Record attachments, and put failed ones back.
    Register,
    /// Read records and bytes.
    Read,
    /// Issue access links.
    Link,
    /// Delete and purge.
    Delete,
    /// Administer the tenant's channels.
    Admin,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 5] = [
        Self::Register,
        Self::Read,
        Self::Link,
        Self::Delete,
        Self::Admin,
    ];

    /// The scope as it stands in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "attachments:register",
            Self::Read => "attachments:read",
            Self::Link => "attachments:link",
            Self::Delete => "attachments:delete",
            Self::Admin => "attachments:admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A string that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// Reads a `scope` claim: names divided by spaces (RFC 8693, 4.2). Names
    /// that are not ours belong to other services and are passed over.
    #[must_use]
    pub fn parse(claim: &str) -> Self {
        Self::of_names(claim.split(' '))
    }

    /// The scopes that these names are, one a name; see [`Self::parse`].
    #[must_use]
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| name.parse::<Scope>().ok())
            .collect()
    }

    /// Whether `scope` is in the set.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The first scope of `required` that is not in the set.
    #[must_use]
    pub fn lacks(self, required: Self) -> Option<Scope> {
        required.iter().find(|scope| !self.contains(*scope))
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

/// The set as a `scope` claim.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let divider = if index == 0 { "" } else { " " };
            write!(f, "{divider}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_reads_back() {
        let all: ScopeSet = Scope::ALL.into_iter().collect();
        assert_eq!(ScopeSet::parse(&all.to_string()), all);
        assert_eq!(all.iter().count(), 5);
    }

    #[test]
    fn only_exact_names_count() {
        let claim =
            "openid attachments:read  ATTACHMENTS:LINK attachments:registered\tattachments:admin";
        let scopes: Vec<_> = ScopeSet::parse(claim).iter().collect();
        assert_eq!(scopes, [Scope::Read]);
        assert_eq!(ScopeSet::parse(""), ScopeSet::default());
    }
}
