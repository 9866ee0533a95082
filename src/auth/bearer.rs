//! Takes the token from a request.

use super::rejected::Rejected;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The token of exactly one `authorization: Bearer` header (RFC 6750, 2.1).
/// Two headers, joined ones or another scheme are refused, not chosen from.
pub(super) fn token(headers: &HeaderMap) -> Result<&str, Rejected> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(Rejected::Missing),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(Rejected::NotOneBearer),
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(Rejected::NotOneBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains([' ', ',']) {
        return Err(Rejected::NotOneBearer);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| value.parse().unwrap());
        values.map(|value| (AUTHORIZATION, value)).collect()
    }

    #[test]
    fn one_bearer_header_is_taken() {
        assert_eq!(token(&headers(&["Bearer abc"])), Ok("abc"));
        assert_eq!(token(&headers(&["bearer abc"])), Ok("abc"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(token(&headers(&[])), Err(Rejected::Missing));
        let mut binary = HeaderMap::new();
        binary.insert("authorization-bin", "QmVhcmVyIGFiYw".parse().unwrap());
        assert_eq!(token(&binary), Err(Rejected::Missing));
        for values in [
            &["Bearer abc", "Bearer abc"][..],
            &["Bearer abc", "Basic abc"],
            &["Bearer abc, Bearer abd"],
            &["Bearer abc,abd"],
            &["Bearer abc abd"],
            &["Bearer  abc"],
            &["Bearer "],
            &["Bearer"],
            &["Basic abc"],
            &["abc"],
            &["Bearer\tabc"],
            &[""],
        ] {
            assert_eq!(
                token(&headers(values)),
                Err(Rejected::NotOneBearer),
                "{values:?}"
            );
        }
    }
}
