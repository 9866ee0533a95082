//! Reads a token's claims strictly and judges them (RFC 7519, section 4).
//!
//! Every claim that counts has one type, and a claim of another type is
//! refused, never guessed at. The time comes from outside.

use super::rejected::Rejected;
use super::scope::ScopeSet;
use super::settings::Settings;
use super::{Caller, MAX_TOKEN_LIFE};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

const MAX_SUBJECT_CHARS: usize = 255;

/// What a token has to say to be accepted.
#[derive(Debug)]
pub(super) struct Rules {
    issuer: String,
    audience: String,
    tenant_claim: String,
    scope_claim: String,
    leeway: Duration,
}

/// A caller, and how long the token speaks for them.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) caller: Arc<Caller>,
    /// `exp` and the leeway: from then on the token is refused.
    pub(super) until: OffsetDateTime,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            tenant_claim: settings.tenant_claim.clone(),
            scope_claim: settings.scope_claim.clone(),
            leeway: settings.leeway.try_into().unwrap_or(Duration::MAX),
        }
    }

    /// Judges the claims of a token whose signature is proven.
    pub(super) fn judge(
        &self,
        claims: &ClaimSet,
        now: OffsetDateTime,
    ) -> Result<Accepted, Rejected> {
        if claims.text("iss")? != Some(&self.issuer) {
            return Err(Rejected::Issuer);
        }
        if !claims.is_for(&self.audience) {
            return Err(Rejected::Audience);
        }
        Ok(Accepted {
            until: self.lifetime(claims, now)?,
            caller: Arc::new(self.caller(claims)?),
        })
    }

    /// Checks `exp`, `nbf` and `iat`, and returns when the token ends.
    fn lifetime(&self, claims: &ClaimSet, now: OffsetDateTime) -> Result<OffsetDateTime, Rejected> {
        let expires = claims.time("exp")?.ok_or(Rejected::Claim("exp"))?;
        let until = expires.saturating_add(self.leeway);
        if until <= now {
            return Err(Rejected::Expired);
        }
        let not_before = claims.time("nbf")?;
        let issued = claims.time("iat")?;
        if [not_before, issued]
            .iter()
            .flatten()
            .any(|begin| *begin > now + self.leeway)
        {
            return Err(Rejected::NotYetValid);
        }
        // A token that does not say when it was issued could live for ever.
        if expires - issued.unwrap_or(now) > MAX_TOKEN_LIFE {
            return Err(Rejected::LivesTooLong);
        }
        Ok(until)
    }

    fn caller(&self, claims: &ClaimSet) -> Result<Caller, Rejected> {
        let tenant = match claims.0.get(&self.tenant_claim) {
            Some(Value::String(tenant)) => tenant.parse().map_err(|_| Rejected::Tenant)?,
            _ => return Err(Rejected::Tenant),
        };
        let subject = claims.text("sub")?.unwrap_or_default();
        if subject.chars().count() > MAX_SUBJECT_CHARS || subject.contains(char::is_control) {
            return Err(Rejected::Claim("sub"));
        }
        Ok(Caller {
            tenant,
            subject: subject.to_owned(),
            scopes: claims.scopes(&self.scope_claim)?,
        })
    }
}

/// The claims as they stand in the token, each named once.
pub(super) struct ClaimSet(Map<String, Value>);

impl ClaimSet {
    fn text(&self, name: &'static str) -> Result<Option<&str>, Rejected> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Rejected::Claim(name)),
        }
    }

    /// A `NumericDate`: seconds, which may have a fraction (RFC 7519, section
    /// 2), from 1970 to the year 9999.
    fn time(&self, name: &'static str) -> Result<Option<OffsetDateTime>, Rejected> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let since_1970 = match value.as_u64() {
            Some(seconds) => i64::try_from(seconds).ok().map(Duration::seconds),
            None => value
                .as_f64()
                .filter(|seconds| *seconds >= 0.0)
                .and_then(Duration::checked_seconds_f64),
        };
        since_1970
            .and_then(|since| OffsetDateTime::UNIX_EPOCH.checked_add(since))
            .map(Some)
            .ok_or(Rejected::Claim(name))
    }

    /// One text with names divided by spaces, or a list of names.
    fn scopes(&self, name: &str) -> Result<ScopeSet, Rejected> {
        const WRONG: Rejected = Rejected::Claim("scope");
        match self.0.get(name) {
            None => Ok(ScopeSet::default()),
            Some(Value::String(text)) => Ok(ScopeSet::parse(text)),
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().ok_or(WRONG));
                Ok(ScopeSet::of_names(names.collect::<Result<Vec<_>, _>>()?))
            }
            Some(_) => Err(WRONG),
        }
    }

    /// `aud` is one name or a list of names.
    fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(name)) => name == audience,
            Some(Value::Array(names)) => {
                names.iter().all(Value::is_string) && names.iter().any(|name| name == audience)
            }
            _ => false,
        }
    }
}

/// Refuses a claim that is named twice: two readers could each believe another.
impl<'de> Deserialize<'de> for ClaimSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = ClaimSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<ClaimSet, A::Error> {
                let mut set = Map::new();
                while let Some((name, value)) = claims.next_entry::<String, Value>()? {
                    if set.insert(name, value).is_some() {
                        return Err(A::Error::custom("a claim is named twice"));
                    }
                }
                Ok(ClaimSet(set))
            }
        }

        deserializer.deserialize_map(Once)
    }
}
