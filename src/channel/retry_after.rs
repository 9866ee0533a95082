//! `Retry-After` in both its forms (RFC 9110, 10.2.3).

use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How long the provider asks us to wait; `None` when it does not say or
/// says nonsense. A date is measured against the answer's own `Date`, so the
/// two clocks need not agree.
pub(super) fn parse(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = http_date(text)?;
    let sent = http_date(headers.get(reqwest::header::DATE)?.to_str().ok()?)?;
    Duration::try_from(then - sent).ok()
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
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
        let dated = headers(&[
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"),
        ]);
        assert_eq!(parse(&dated), Some(Duration::from_secs(30)));
    }

    #[test]
    fn nonsense_is_no_answer() {
        for text in ["-1", "soon", "", "1e9"] {
            assert_eq!(parse(&headers(&[("retry-after", text)])), None, "{text:?}");
        }
    }
}
