//! What the token's header asks for, and the token's form.

use super::super::forge::{self, Forge, Signer, claims};
use super::super::{KeySetting, Rejected};
use super::{cause, with_header};
use serde_json::json;

#[test]
fn a_key_id_is_looked_up_and_nothing_else() {
    for kid in [
        "",
        "K1",
        "k1 ",
        " k1",
        "k1\0",
        "k2",
        "../../etc/passwd",
        "/dev/null",
        "k1' OR '1'='1",
        "http://127.0.0.1/k1",
        "file:///k1",
        "$(id)",
        "%6b1",
        "${jndi:ldap://k1}",
        "к1",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["k".repeat(129), "k1".repeat(1000)])
    {
        let header = json!({"alg": "EdDSA", "kid": kid}).to_string();
        assert_eq!(with_header(&header), Some(Rejected::UnknownKey), "{kid:?}");
    }
    assert_eq!(
        with_header(r#"{"alg":"EdDSA","kid":7}"#),
        Some(Rejected::Malformed)
    );
    let twice = r#"{"alg":"EdDSA","kid":"k2","kid":"k1"}"#;
    assert_eq!(with_header(twice), Some(Rejected::Malformed));
}

#[test]
fn a_token_may_leave_out_the_key_id_when_there_is_one_key() {
    let forge = Forge::new();
    let token = forge
        .signer
        .sign(r#"{"alg":"EdDSA"}"#, &claims().to_string());
    assert_eq!(cause(&forge, &token), None);

    let two = vec![forge.signer.setting("k1"), Signer::ed25519().setting("k2")];
    let verifier = forge.verifier_of(&forge::settings(two));
    assert_eq!(verifier.verify(&token).unwrap_err(), Rejected::UnknownKey);
    assert!(verifier.verify(&forge.token(&claims())).is_ok());

    let nameless = KeySetting {
        kid: None,
        ..forge.signer.setting("")
    };
    let verifier = forge.verifier_of(&forge::settings(vec![nameless]));
    assert!(verifier.verify(&token).is_ok());
    assert_eq!(
        verifier.verify(&forge.token(&claims())).unwrap_err(),
        Rejected::UnknownKey
    );
}

#[test]
fn a_header_that_changes_the_reading_is_refused() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let mut header = json!({"alg": "EdDSA", "kid": "k1"});
        header[name] = value;
        let refused = with_header(&header.to_string());
        assert_eq!(refused, Some(Rejected::HeaderField(name)), "{header}");
    }
}

#[test]
fn only_access_tokens_are_accepted() {
    for (typ, expected) in [
        ("JWT", None),
        ("jwt", None),
        ("at+jwt", None),
        ("id+jwt", Some(Rejected::Type)),
        ("logout+jwt", Some(Rejected::Type)),
        ("dpop+jwt", Some(Rejected::Type)),
        ("JOSE", Some(Rejected::Type)),
        ("", Some(Rejected::Type)),
    ] {
        let header = json!({"alg": "EdDSA", "kid": "k1", "typ": typ}).to_string();
        assert_eq!(with_header(&header), expected, "{typ}");
    }
}

#[test]
fn other_serialisations_are_refused() {
    let forge = Forge::new();
    let token = forge.token(&claims());
    let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("not three parts");
    };
    for token in [
        json!({"protected": header, "payload": body, "signature": signature}).to_string(),
        format!("{header}.{body}.{signature}.{signature}.{signature}"),
        format!("{header}.{body}.{signature}.{signature}"),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{header}=.{body}.{signature}"),
        "..".to_owned(),
        String::new(),
        "é.é.é".to_owned(),
    ] {
        assert_eq!(cause(&forge, &token), Some(Rejected::Malformed), "{token}");
    }
    let body = "a".repeat(8 * 1024);
    assert_eq!(
        cause(&forge, &format!("{header}.{body}.")),
        Some(Rejected::TooLong)
    );
}
