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
    assert_eq!(
        with_claim("exp", json!(1_800_086_400.25)),
        Some(Rejected::LivesTooLong)
    );
}

#[test]
fn a_token_that_hides_its_beginning_lives_no_longer() {
    let day = 24 * 60 * 60;
    let forge = Forge::new();
    let token = |expires: i64| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("iat");
        claims["exp"] = json!(expires);
        forge.token(&claims)
    };
    assert_eq!(cause(&forge, &token(NOW + 60)), None);
    assert_eq!(cause(&forge, &token(NOW + day)), None);
    for longer in [1, day, 3650 * day] {
        let token = token(NOW + day + longer);
        assert_eq!(
            cause(&forge, &token),
            Some(Rejected::LivesTooLong),
            "{longer}"
        );
    }
    // A refusal is not remembered: on its last day it is as good as another.
    let verifier = forge.verifier();
    let late = token(NOW + 2 * day);
    assert_eq!(verifier.verify(&late).err(), Some(Rejected::LivesTooLong));
    forge.clock.set(NOW + day);
    assert_eq!(verifier.verify(&late).err(), None);
}

#[test]
fn times_may_have_a_fraction() {
    for json in [
        "1800000060.0",
        "1800000060.5",
        "1.80000006e9",
        "18000000605e-1",
    ] {
        assert_eq!(with_raw_claim("exp", json), None, "{json}");
    }
    for name in ["nbf", "iat"] {
        for (json, expected) in [
            ("1799999999.999", None),
            ("1800000010.0", None),
            ("1800000010.001", Some(Rejected::NotYetValid)),
        ] {
            assert_eq!(with_raw_claim(name, json), expected, "{name}: {json}");
        }
    }
    // The leeway of ten seconds is counted from the fraction on.
    for (json, expected) in [
        ("1799999990", Some(Rejected::Expired)),
        ("1799999990.0", Some(Rejected::Expired)),
        ("1799999990.5", None),
        ("0.5", Some(Rejected::Expired)),
    ] {
        assert_eq!(with_raw_claim("exp", json), expected, "{json}");
    }
}

#[test]
fn times_are_numbers_within_the_calendar() {
    for json in [
        "-1",
        "-0.5",
        "-1e9",
        "1e300",
        "253402300800.0",
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
