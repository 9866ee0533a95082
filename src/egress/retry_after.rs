//! `Retry-After` in both its forms (RFC 9110, 10.2.3).

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How long the provider asks us to wait; `None` when it does not say or
/// says nonsense. A date is measured against the answer's own `Date`, so the
/// two clocks need not agree; without one it says nothing.
pub(super) fn parse(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is as long as can be; the retry policy has a cap.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let then = http_date(text)?;
    let sent = http_date(headers.get(DATE)?.to_str().ok()?)?;
    then.duration_since(sent).ok()
}

/// In any of the three forms that a recipient takes (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(
            parse(&headers(&[("retry-after", "7")])),
            Some(Duration::from_secs(7))
        );
        // The form of today, and the two obsolete ones.
        for date in [
            "Wed, 21 Oct 2026 07:28:30 GMT",
            "Wednesday, 21-Oct-26 07:28:30 GMT",
            "Wed Oct 21 07:28:30 2026",
        ] {
            let dated = headers(&[
                ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
                ("retry-after", date),
            ]);
            assert_eq!(parse(&dated), Some(Duration::from_secs(30)), "{date}");
        }
    }

    #[test]
    fn a_date_without_one_to_measure_it_against_says_nothing() {
        let date = "Wed, 21 Oct 2026 07:28:30 GMT";
        assert_eq!(parse(&headers(&[("retry-after", date)])), None);
        let past = headers(&[
            ("date", date),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ]);
        assert_eq!(parse(&past), None);
    }

    #[test]
    fn more_than_fits_is_as_long_as_can_be() {
        let asked = headers(&[("retry-after", "99999999999999999999999")]);
        assert_eq!(parse(&asked), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn nonsense_is_no_answer() {
        for text in ["-1", "soon", "", "1e9"] {
            assert_eq!(parse(&headers(&[("retry-after", text)])), None, "{text:?}");
        }
    }
}
