//! How long a call may take until its answer begins.
//!
//! A caller says so in `grpc-timeout`; beyond [`LONGEST_CALL`] nobody waits.
//! tonic keeps that header too, but answers CANCELLED without details, so a
//! call ends here a moment before tonic would end it.

use super::error::{Violation, too_late};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Status;

/// A call is answered, or its stream begun, within this time whatever its caller
/// allows; those that wait for something have longer.
pub(super) const LONGEST_CALL: Duration = Duration::from_secs(30);

/// Calls that may be asked to wait for a minute, and then some to answer.
const WAITING: [&str; 2] = [
    "/attachments.v1.AttachmentService/GetProcessedContent",
    "/attachments.v1.AttachmentService/ListEnrichedAttachments",
];
const LONGEST_WAIT: Duration = Duration::from_secs(75);

/// A fifth of the caller's time, within these bounds, is left to bring it the
/// answer: on a busy machine tonic begins to count well before [`keep`] does. A
/// call that allows no more than the least is not begun.
const FOR_THE_ANSWER: RangeInclusive<Duration> =
    Duration::from_millis(5)..=Duration::from_millis(250);

const HEADER: &str = "grpc-timeout";

/// Whose patience a call ran out of, and how long that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// The caller's, by its `grpc-timeout`.
    Caller(Duration),
    /// The service's own.
    Service(Duration),
}

impl Patience {
    /// The shorter of what the caller allows and what the service does.
    fn of(headers: &HeaderMap, longest: Duration) -> Result<Self, Violation> {
        Ok(match asked(headers)? {
            Some(asked) if asked <= longest => Self::Caller(asked),
            _ => Self::Service(longest),
        })
    }

    /// The time there is to begin the answer.
    fn left(self) -> Duration {
        match self {
            Self::Caller(asked) => {
                let answer = (asked / 5).clamp(*FOR_THE_ANSWER.start(), *FOR_THE_ANSWER.end());
                asked.saturating_sub(answer)
            }
            Self::Service(longest) => longest,
        }
    }
}

/// Answers `DEADLINE_EXCEEDED` for a call that is not answered in time.
pub(super) async fn keep(
    State(longest): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let longest = if WAITING.contains(&request.uri().path()) {
        longest.max(LONGEST_WAIT)
    } else {
        longest
    };
    let patience = match Patience::of(request.headers(), longest) {
        Ok(patience) => patience,
        Err(malformed) => return Status::from(malformed).into_http(),
    };
    let left = patience.left();
    if left.is_zero() {
        return too_late(patience).into_http();
    }
    let answer = timeout(left, next.run(request)).await;
    answer.unwrap_or_else(|_| too_late(patience).into_http())
}

/// What the caller allows: at most eight digits and a unit, as the
/// specification of gRPC over HTTP/2 has it. Zero is what some clients send
/// when their time is over.
fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Violation> {
    let mut values = headers.get_all(HEADER).iter();
    let asked = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().and_then(parse),
        (Some(_), Some(_)) => None,
    };
    asked
        .map(Some)
        .ok_or_else(|| Violation::new(HEADER, "must be 1 to 8 digits and one of H, M, S, m, u, n"))
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 60 * 60),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use std::future::pending;
    use tonic::Code;
    use tonic_types::StatusExt as _;
    use tower::ServiceExt as _;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_timeout_is_read_by_the_specification() {
        for (text, expected) in [
            ("0n", Some(Duration::ZERO)),
            ("1n", Some(Duration::from_nanos(1))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("250m", Some(Duration::from_millis(250))),
            ("00000003S", Some(Duration::from_secs(3))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999H", Some(Duration::from_hours(99_999_999))),
            ("", None),
            ("S", None),
            ("1", None),
            ("100000000n", None),
            ("+1S", None),
            ("-1S", None),
            ("1.5S", None),
            (" 1S", None),
            ("1 S", None),
            ("1s", None),
            ("1µ", None),
            ("1d", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_shorter_patience_counts() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, value.parse().unwrap());
            }
            Patience::of(&headers, MINUTE).map_err(|violation| violation.field)
        };
        assert_eq!(of(&[]), Ok(Patience::Service(MINUTE)));
        assert_eq!(of(&["1M"]), Ok(Patience::Caller(MINUTE)));
        assert_eq!(of(&["59S"]), Ok(Patience::Caller(Duration::from_secs(59))));
        assert_eq!(of(&["61S"]), Ok(Patience::Service(MINUTE)));
        assert_eq!(of(&["99999999H"]), Ok(Patience::Service(MINUTE)));
        assert_eq!(of(&["soon"]), Err(HEADER.to_owned()));
        assert_eq!(of(&["1S", "1S"]), Err(HEADER.to_owned()));
    }

    /// What a handler that never answers is ended with.
    async fn ended(longest: Duration, timeout: Option<&str>) -> Status {
        let router = Router::new()
            .fallback(pending::<()>)
            .layer(from_fn_with_state(longest, keep));
        let mut request = Request::post("/s/m");
        if let Some(timeout) = timeout {
            request = request.header(HEADER, timeout);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        Status::from_header_map(response.headers()).unwrap()
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let short = Duration::from_millis(10);
        for (longest, timeout, set_by, allowed) in [
            (short, None, "service", "10ms"),
            (short, Some("1H"), "service", "10ms"),
            (MINUTE, Some("20m"), "caller", "20ms"),
            (MINUTE, Some("1n"), "caller", "1ns"),
        ] {
            let status = ended(longest, timeout).await;
            assert_eq!(status.code(), Code::DeadlineExceeded, "{timeout:?}");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.reason, "DEADLINE_EXCEEDED", "{timeout:?}");
            assert_eq!(info.metadata["set_by"], set_by, "{timeout:?}");
            assert_eq!(info.metadata["allowed"], allowed, "{timeout:?}");
        }
    }
}
