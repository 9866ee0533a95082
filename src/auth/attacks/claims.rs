//! Whom the token is from, whom it is for and whom it speaks for.

use super::super::forge::{self, Forge, claims};
use super::super::{Rejected, Scope};
use super::{HEADER, cause, with_claim, with_raw_claim};
use serde_json::{Value, json};

#[test]
fn the_issuer_is_exactly_ours() {
    assert_eq!(with_claim("iss", Value::Null), Some(Rejected::Issuer));
    for issuer in [
        "",
        "https://issuer.test/",
        "HTTPS://issuer.test",
        "https://issuer.test.evil",
    ] {
        assert_eq!(
            with_claim("iss", json!(issuer)),
            Some(Rejected::Issuer),
            "{issuer}"
        );
    }
    let list = json!(["https://issuer.test"]);
    assert_eq!(with_claim("iss", list), Some(Rejected::Claim("iss")));
}

#[test]
fn the_audience_names_us() {
    for ours in [
        json!("attachments"),
        json!(["attachments"]),
        json!(["billing", "attachments"]),
    ] {
        assert_eq!(with_claim("aud", ours.clone()), None, "{ours}");
    }
    for other in [
        Value::Null,
        json!(""),
        json!("billing"),
        json!("Attachments"),
        json!("attachments "),
        json!([]),
        json!(["billing"]),
        json!(["attachments", 7]),
        json!([["attachments"]]),
        json!({"attachments": true}),
        json!(7),
    ] {
        assert_eq!(
            with_claim("aud", other.clone()),
            Some(Rejected::Audience),
            "{other}"
        );
    }
}

#[test]
fn the_tenant_is_one_exact_name() {
    for tenant in [
        Value::Null,
        json!(""),
        json!(["acme"]),
        json!(7),
        json!(true),
        json!({"id": "acme"}),
        json!("acme\0"),
        json!("acme "),
        json!(" acme"),
        json!("acme\n"),
        json!("ac me"),
        json!("аcme"),
        json!("../acme"),
        json!("a.b"),
        json!("acme%00"),
        json!("a".repeat(65)),
        json!("a".repeat(5000)),
    ] {
        assert_eq!(
            with_claim("tenant_id", tenant.clone()),
            Some(Rejected::Tenant),
            "{tenant}"
        );
    }
    assert_eq!(with_raw_claim("tenant_id", "null"), Some(Rejected::Tenant));
    let forge = Forge::new();
    let mut upper = claims();
    upper["tenant_id"] = json!("ACME");
    let caller = forge.verifier().verify(&forge.token(&upper)).unwrap();
    assert_eq!(caller.tenant().as_str(), "ACME");
}

#[test]
fn a_claim_named_twice_is_refused() {
    for name in ["tenant_id", "scope", "iss", "aud", "exp", "sub", "unknown"] {
        let doubled = format!(r#""acme","{name}":"acme""#);
        assert_eq!(
            with_raw_claim(name, &doubled),
            Some(Rejected::Malformed),
            "{name}"
        );
    }
    // The same name, spelled differently.
    let escaped = r#""acme","tenant\u005fid":"acme""#;
    assert_eq!(
        with_raw_claim("tenant_id", escaped),
        Some(Rejected::Malformed)
    );
}

#[test]
fn the_tenant_claim_may_have_another_name() {
    let forge = Forge::new();
    let mut settings = forge::settings(vec![forge.signer.setting("k1")]);
    settings.tenant_claim = "https://issuer.test/org".to_owned();
    let verifier = forge.verifier_of(&settings);
    let mut claims = claims();
    assert_eq!(
        verifier.verify(&forge.token(&claims)).unwrap_err(),
        Rejected::Tenant
    );
    claims["https://issuer.test/org"] = json!("globex");
    let caller = verifier.verify(&forge.token(&claims)).unwrap();
    assert_eq!(caller.tenant().as_str(), "globex");
}

/// What a token with this `scope` may do; the claim is taken out by `Value::Null`.
fn scopes_of(scope: &Value) -> Result<Vec<&'static str>, Rejected> {
    let forge = Forge::new();
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("scope");
    if !scope.is_null() {
        claims["scope"] = scope.clone();
    }
    let caller = forge.verifier().verify(&forge.token(&claims))?;
    Ok(caller.scopes().iter().map(Scope::as_str).collect())
}

#[test]
fn scopes_are_a_text_or_a_list_of_exact_names() {
    const READ: &str = "attachments:read";
    const LINK: &str = "attachments:link";
    for (scope, expected) in [
        (Value::Null, &[][..]),
        (json!(""), &[]),
        (json!([]), &[]),
        (json!([""]), &[]),
        (json!(READ), &[READ]),
        (json!([READ]), &[READ]),
        (json!([READ, READ]), &[READ]),
        (
            json!("openid attachments:link attachments:read"),
            &[READ, LINK],
        ),
        (json!(["openid", LINK, READ]), &[READ, LINK]),
        // In a list each text is one name.
        (json!(["attachments:read attachments:link"]), &[]),
        (json!([" attachments:read"]), &[]),
        (json!(["attachments:read\0"]), &[]),
        (json!(["Attachments:Read", LINK]), &[LINK]),
        (json!(["attachments:*"]), &[]),
        (json!("attachments:read,attachments:link"), &[]),
    ] {
        assert_eq!(scopes_of(&scope), Ok(expected.to_vec()), "{scope}");
    }
    for scope in [
        json!(7),
        json!(true),
        json!({"attachments:read": true}),
        json!([READ, 7]),
        json!([READ, null]),
        json!([[READ]]),
        json!([READ, [LINK]]),
        json!([{"name": READ}]),
    ] {
        assert_eq!(scopes_of(&scope), Err(Rejected::Claim("scope")), "{scope}");
    }
    assert_eq!(
        with_raw_claim("scope", "null"),
        Some(Rejected::Claim("scope"))
    );
}

#[test]
fn the_scope_claim_may_have_another_name() {
    let forge = Forge::new();
    let mut settings = forge::settings(vec![forge.signer.setting("k1")]);
    settings.scope_claim = "scp".to_owned();
    let verifier = forge.verifier_of(&settings);
    let mut claims = claims();
    claims["scope"] = json!("attachments:admin");
    let caller = verifier.verify(&forge.token(&claims)).unwrap();
    assert_eq!(caller.scopes().iter().count(), 0);
    claims["scp"] = json!(["attachments:link"]);
    let caller = verifier.verify(&forge.token(&claims)).unwrap();
    assert_eq!(caller.scopes().iter().collect::<Vec<_>>(), [Scope::Link]);
}

#[test]
fn the_other_claims_have_one_type() {
    for subject in [
        json!(7),
        json!("a\0b"),
        json!("a\nb"),
        json!("a".repeat(256)),
    ] {
        assert_eq!(
            with_claim("sub", subject.clone()),
            Some(Rejected::Claim("sub")),
            "{subject}"
        );
    }
    assert_eq!(with_claim("sub", Value::Null), None);
    let forge = Forge::new();
    for body in ["", "null", "[]", "\"acme\"", "{", "{}x", &"[".repeat(3000)] {
        let token = forge.signer.sign(HEADER, body);
        assert_eq!(cause(&forge, &token), Some(Rejected::Malformed), "{body}");
    }
}
