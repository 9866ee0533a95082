//! When the token begins and ends.

use super::super::Rejected;
use super::super::forge::{Forge, NOW, claims};
use super::{cause, with_claim, with_raw_claim};
use serde_json::{Value, json};

#[test]
fn a_token_ends_with_its_expiry_and_the_leeway() {
    let forge = Forge::new();
    let token = forge.token(&claims());
    // One verifier that has it cached, and a new one each time.
    let cached = forge.verifier();
    for (after_exp, expected) in [
        (-1, None),
        (0, None),
        (9, None),
        (10, Some(Rejected::Expired)),
        (11, Some(Rejected::Expired)),
        (1_000_000, Some(Rejected::Expired)),
    ] {
        forge.clock.set(NOW + 60 + after_exp);
        assert_eq!(cause(&forge, &token), expected, "exp{after_exp:+}");
        assert_eq!(
            cached.verify(&token).err(),
            expected,
            "exp{after_exp:+}, cached"
        );
    }
}

#[test]
fn a_token_does_not_begin_before_its_time() {
    for name in ["nbf", "iat"] {
        assert_eq!(with_claim(name, json!(NOW + 10)), None, "{name}");
        assert_eq!(
            with_claim(name, json!(NOW + 11)),
            Some(Rejected::NotYetValid),
            "{name}"
        );
    }
}

#[test]
fn a_token_lives_for_a_day_at_most() {
    let day = 24 * 60 * 60;
    assert_eq!(with_claim("exp", json!(NOW + day)), None);
    assert_eq!(
        with_claim("exp", json!(NOW + day + 1)),
        Some(Rejected::LivesTooLong)
    );
    assert_eq!(with_claim("iat", json!(0)), Some(Rejected::LivesTooLong));
}

#[test]
fn times_are_whole_seconds() {
    for json in [
        "1800000060.0",
        "1800000060.5",
        "1.80000006e9",
        "-1",
        "\"1800000060\"",
        "true",
        "null",
        "[]",
        "9223372036854775808",
        "9223372036854775807",
        "253402300800",
        "18446744073709551616",
    ] {
        for name in ["exp", "nbf", "iat"] {
            assert_eq!(
                with_raw_claim(name, json),
                Some(Rejected::Claim(name)),
                "{name}: {json}"
            );
        }
    }
    assert_eq!(with_raw_claim("exp", "1e400"), Some(Rejected::Malformed));
    assert_eq!(with_claim("exp", Value::Null), Some(Rejected::Claim("exp")));
    assert_eq!(with_claim("exp", json!(0)), Some(Rejected::Expired));
}
