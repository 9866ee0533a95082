//! `attachments config`.

use super::sandbox::Sandbox;
use attachments::dev::token::DevKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

#[tokio::test]
async fn config_shows_values_and_where_they_came_from_but_no_secret() {
    let mut sandbox = Sandbox::new();
    sandbox.write(
        "my.toml",
        r#"
        [server]
        grace = "7s"
        [links]
        signing_key = "canary of the file, and long enough"
        [s3]
        access_key_id = "somebody"
        "#,
    );
    let sealing_keys = [[1; 32], [2; 32]].map(|key| BASE64.encode(key));
    let public_key = DevKey::load_or_generate(&sandbox.path(""))
        .unwrap()
        .public_key_pem();
    sandbox
        .set("DATABASE_URL", "postgres://me:canary@localhost/x")
        .set("ATTACHMENTS_S3_ACCESS_KEY_ID", "0012")
        .set("ATTACHMENTS_S3_SECRET_ACCESS_KEY", "0012canary")
        .set("ATTACHMENTS_S3_PATH_STYLE", "false")
        .set("ATTACHMENTS_SEALING_PREVIOUS_KEYS", sealing_keys.join(","))
        .set("ATTACHMENTS_SLACK_FILE_HOSTS", "a.test, b.test")
        .set(
            "ATTACHMENTS_AUTH_KEYS",
            format!(r#"[{{algorithm="EdDSA", key={public_key:?}}}]"#),
        )
        .set("ATTACHMENTS_LIMITS_IMAGE_MAX_BYTES", "12");

    let finished = sandbox.run(&["config", "--config", "my.toml"]).await;

    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    for line in [
        "grace = \"7s\"  # my.toml",
        "tenant_claim = \"tenant_id\"  # default",
        "scope_claim = \"scope\"  # default",
        "keys = [redacted]  # ATTACHMENTS_AUTH_KEYS",
        "url = [redacted]  # DATABASE_URL",
        // Digits stay what they are.
        "access_key_id = \"0012\"  # ATTACHMENTS_S3_ACCESS_KEY_ID",
        "secret_access_key = [redacted]  # ATTACHMENTS_S3_SECRET_ACCESS_KEY",
        "path_style = false  # ATTACHMENTS_S3_PATH_STYLE",
        "endpoint = (unset)  # default",
        "file_hosts = [\"a.test\", \"b.test\"]  # ATTACHMENTS_SLACK_FILE_HOSTS",
        "image_max_bytes = 12  # ATTACHMENTS_LIMITS_IMAGE_MAX_BYTES",
        "signing_key = [redacted]  # my.toml",
        "previous_keys = [redacted]  # ATTACHMENTS_SEALING_PREVIOUS_KEYS",
    ] {
        let found = finished.stdout.lines().any(|shown| shown == line);
        assert!(found, "{line}:\n{}", finished.stdout);
    }
    for secret in ["canary", "BEGIN PUBLIC KEY", &sealing_keys[0]] {
        assert!(!finished.stdout.contains(secret), "{}", finished.stdout);
    }
}

#[tokio::test]
async fn the_example_is_the_one_that_is_shipped() {
    let mut sandbox = Sandbox::new();
    // Asked for help, it does not begin with complaints.
    sandbox.set("ATTACHMENTS_SERVER_GRACE", "a while");
    let finished = sandbox.run(&["config", "--example"]).await;
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
    assert_eq!(finished.stdout, std::fs::read_to_string(shipped).unwrap());
}

#[tokio::test]
async fn the_example_is_taken_as_a_configuration() {
    let sandbox = Sandbox::new();
    let example = sandbox.run(&["config", "--example"]).await.stdout;
    sandbox.write("example.toml", &example);
    let finished = sandbox.run(&["config", "--config=example.toml"]).await;
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert!(
        finished.stdout.contains("grace = \"25s\"  # example.toml"),
        "{}",
        finished.stdout
    );
}
