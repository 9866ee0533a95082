//! Times and lengths of time, either way.

use super::super::error::Violation;
use std::time::Duration;
use time::OffsetDateTime;

/// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, as protobuf has it.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A point in time as the contract spells it.
pub(in crate::grpc) fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: at.nanosecond().cast_signed(),
    }
}

/// A length of time as the contract spells it.
pub(super) fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: length.as_secs().cast_signed(),
        nanos: length.subsec_nanos().cast_signed(),
    }
}

/// A point in time that may be left out.
pub(super) fn time(
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Result<Option<OffsetDateTime>, Violation> {
    let Some(at) = at else {
        return Ok(None);
    };
    let read = Some(at.seconds)
        .filter(|seconds| SECONDS.contains(seconds))
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .zip(u32::try_from(at.nanos).ok())
        .and_then(|(second, nanos)| second.replace_nanosecond(nanos).ok());
    match read {
        Some(read) => Ok(Some(read)),
        None => Err(Violation::new(
            field,
            "must be a time between the years 1 and 9999",
        )),
    }
}

/// A length of time within bounds, ends included, that may be left out.
pub(super) fn length(
    field: &str,
    asked: Option<prost_types::Duration>,
    shortest: Duration,
    longest: Duration,
) -> Result<Option<Duration>, Violation> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    // By hand: prost's own conversion overflows at the ends of an int64.
    let read = u64::try_from(asked.seconds)
        .ok()
        .zip(u32::try_from(asked.nanos).ok())
        .filter(|(_, nanos)| *nanos < 1_000_000_000)
        .map(|(seconds, nanos)| Duration::new(seconds, nanos));
    match read {
        Some(asked) if (shortest..=longest).contains(&asked) => Ok(Some(asked)),
        Some(_) | None => {
            let shortest = humantime::format_duration(shortest);
            let wanted = match longest {
                Duration::MAX => format!("must be at least {shortest}"),
                longest => {
                    let longest = humantime::format_duration(longest);
                    format!("must be between {shortest} and {longest}")
                }
            };
            Err(Violation::new(field, wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_nanoseconds_and_has_bounds() {
        let at = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
        let read = time("t", Some(&at(7, 9))).unwrap().unwrap();
        assert_eq!(timestamp(read), at(7, 9));
        assert_eq!(time("t", None), Ok(None));
        for bad in [
            at(0, -1),
            at(0, 1_000_000_000),
            at(i64::MAX, 0),
            at(i64::MIN, 0),
            at(*SECONDS.end() + 1, 0),
            at(*SECONDS.start() - 1, 0),
        ] {
            assert_eq!(time("t", Some(&bad)).unwrap_err().field, "t", "{bad:?}");
        }
        assert!(time("t", Some(&at(*SECONDS.end(), 999_999_999))).is_ok());
        assert!(time("t", Some(&at(*SECONDS.start(), 0))).is_ok());
    }

    #[test]
    fn a_length_has_both_ends_and_no_sign() {
        let of = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
        let read = |asked| length("ttl", asked, second, day);
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(of(1, 0)), Ok(Some(second)));
        assert_eq!(read(of(86_400, 0)), Ok(Some(day)));
        for bad in [
            of(0, 999_999_999),
            of(1, -1),
            of(86_400, 1),
            of(-5, 0),
            of(i64::MIN, 0),
            of(i64::MAX, i32::MAX),
            of(0, i32::MIN),
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
