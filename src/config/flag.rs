//! How the values of flags are read. Whoever gives one that will not do is
//! told what would.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::error::Error;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What an address must be, in the words of an error.
pub(super) const ADDRESS: &str = "must be an IP address and a port, such as 127.0.0.1:50051 or \
                                  [::1]:50051; port 0 takes a free one";

/// Where to listen.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| ADDRESS.to_owned())
}

/// A length of time.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("must be a length of time such as 90s, 15m or 1h 30m: {error}"))
}

/// A point in time.
pub fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be a time such as 2026-11-22T08:00:00Z".to_owned())
}

/// One of these names, which an error lists.
pub fn one_of<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Error + Send + Sync,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}
