//! Bad configuration: all of it named, nothing bound, no secret shown.

use super::running_dev::DEV;
use super::sandbox::{Finished, Sandbox};
use crate::support::ANY_PORT;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Stands where a secret is, and must never be seen.
const CANARY: &str = "canary-4711";

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: i32 = 78;

#[tokio::test]
async fn every_fault_is_named_on_a_line_of_its_own() {
    // Whoever bound a port would be told that it is taken.
    let taken = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    let held = TcpListener::bind(taken).unwrap();
    let mut sandbox = Sandbox::new();
    let config = format!(
        r#"
        [server]
        listen = "{taken}"
        admin_listen = "{taken}"
        grac = "1s"

        [s3]
        secret_access_key_file = "/there/is/no/such/file"
        access_key_id = "somebody"

        [sever]
        listen = "x"

        [[auth.keys]]
        kid = "k1"
        algorithm = "EdDSA"
        key = "{CANARY}"

        [[auth.keys]]
        kid = "dev"
        algorithm = "EdDSA"
        key = "{CANARY}"

        [[auth.keys]]
        kid = "k2"
        algorithm = "EdDSA"
        key_file = "/there/is/no/key"
        "#
    );
    let config = sandbox.write("config.toml", &config);
    sandbox
        .set("ATTACHMENTS_CONFIG", config.display())
        .set("DATABASE_URL", format!("mysql://root:{CANARY}@localhost/x"))
        .set("ATTACHMENTS_SERVER_GRACE", "a while")
        .set("ATTACHMENTS_RETRY_BASE", "soon")
        .set("ATTACHMENTS_RETRY_CAP", "later")
        .set("ATTACHMENTS_LIMITS_IMAGE_MAX_BYTES", "many")
        .set("ATTACHMENTS_LINKS_SIGNING_KEY", CANARY)
        .set("ATTACHMENTS_SEALING_KEY", CANARY)
        .set("ATTACHMENTS_TELEMETRY_LOG_FILTER", "a=b=c")
        .set("ATTACHMENTS_NOWHERE_X", "1")
        .set("ATTACHMENTS_FAIL_AT", "put:1:kill,nowhere:1:kill");

    let finished = sandbox.run(&["serve"]).await;

    drop(held);
    assert_eq!(finished.code, Some(EXIT_CONFIG), "{finished:?}");
    assert_eq!(finished.stdout, "");
    let expected = [
        "server.grac: there is no such key",
        "server.grace: \"a while\" is no length of time",
        "sever: there is no such section",
        "ATTACHMENTS_NOWHERE_X: there is no such section",
        "ATTACHMENTS_FAIL_AT: \"nowhere:1:kill\" is not <step>:<n>:<kill|hang|panic>; steps are registered, leased",
        "auth.issuer: is missing",
        "auth.audience: is missing",
        "auth.keys: key k1: is not a public key in PEM",
        "auth.keys: key dev: is the development key",
        "auth.keys[2].key_file: /there/is/no/key cannot be read",
        "database.url: must be postgres://",
        "s3.bucket: is missing",
        "s3.secret_access_key_file: /there/is/no/such/file cannot be read",
        "retry.base: \"soon\" is no length of time",
        "retry.cap: \"later\" is no length of time",
        "limits.image_max_bytes: must be",
        "links.signing_key: must be at least 32 characters",
        "sealing.key: ",
        "telemetry.log_filter: ",
    ];
    for fault in expected {
        let line = format!("config: {fault}");
        let named = finished
            .stderr
            .lines()
            .filter(|said| said.starts_with(&line));
        assert_eq!(named.count(), 1, "{fault}:\n{}", finished.stderr);
    }
    assert_eq!(
        finished.stderr.lines().count(),
        expected.len(),
        "{}",
        finished.stderr
    );
    // Where each came from, as far as it came from anywhere.
    for (fault, origin) in [
        ("server.grac", Some("config.toml")),
        ("retry.base", Some("ATTACHMENTS_RETRY_BASE")),
        ("database.url", Some("DATABASE_URL")),
        ("links.signing_key", Some("ATTACHMENTS_LINKS_SIGNING_KEY")),
        ("s3.secret_access_key_file", Some("config.toml")),
        ("auth.keys[2].key_file", Some("config.toml")),
        ("auth.issuer", None),
    ] {
        let start = format!("config: {fault}: ");
        let mut lines = finished.stderr.lines();
        let line = lines.find(|line| line.starts_with(&start)).unwrap();
        match origin {
            Some(origin) => assert!(line.ends_with(&format!("{origin})")), "{line}"),
            None => assert!(!line.contains("(from"), "{line}"),
        }
    }
    assert!(!finished.stderr.contains(CANARY), "{}", finished.stderr);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_one_fault() {
    let sandbox = Sandbox::new();
    let broken = format!("[s3]\nregion = \"here\"\nsecret_access_key = \"{CANARY}\n");
    sandbox.write("broken.toml", &broken);
    for (file, fault) in [
        ("absent.toml", "config: absent.toml: cannot be read: "),
        ("broken.toml", "config: broken.toml:3: "),
    ] {
        let finished = sandbox.run(&["serve", "--config", file]).await;
        assert_config_fault(&finished, fault);
        assert!(!finished.stderr.contains(CANARY), "{finished:?}");
    }
}

#[tokio::test]
async fn each_command_names_all_faults_before_it_does_anything() {
    let mut sandbox = Sandbox::new();
    sandbox
        .set("ATTACHMENTS_SERVER_GRACE", "a while")
        .set("ATTACHMENTS_RETRY_MAX_ATTEMPTS", "0")
        .set("ATTACHMENTS_LINKS_SIGNING_KEY", "short")
        .set("ATTACHMENTS_SEALING_KEY", "no key")
        .set("ATTACHMENTS_SEALING_PREVIOUS_KEYS", "nor this")
        .set("ATTACHMENTS_LIMITS_EXTRA_CONTENT_TYPES", "a/b, c/d")
        .set("ATTACHMENTS_TELEMETRY_LOG_FILTER", "a=b=c")
        // Read by no URL parser's rules, but by those of Postgres.
        .set(
            "DATABASE_URL",
            format!("postgres://me:{CANARY}@localhost/x?sslmode=sometimes"),
        );
    let unfit = [
        "server.grace: ",
        "retry.max_attempts: ",
        "links.signing_key: ",
        "sealing.key: ",
        "sealing.previous_keys: ",
        "limits.extra_content_types: \"a/b\"",
        "limits.extra_content_types: \"c/d\"",
        "telemetry.log_filter: ",
        "database.url: ",
    ];
    let required = [
        "auth.issuer: ",
        "auth.audience: ",
        "auth.keys: ",
        "s3.bucket: ",
    ];
    for (command, missing) in [
        (&["serve"][..], &required[..]),
        (&["migrate"], &[]),
        (&["audit"], &["s3.bucket: "]),
        (&["redrive", "--tenant=acme"], &[]),
        (&["healthcheck"], &[]),
        (&["config"], &[]),
        (DEV, &[]),
        (&["demo"], &[]),
        (&["token"], &[]),
    ] {
        let finished = sandbox.run(command).await;
        assert_eq!(finished.code, Some(EXIT_CONFIG), "{command:?} {finished:?}");
        assert_eq!(finished.stdout, "", "{command:?}");
        let mut lines: Vec<_> = finished.stderr.lines().collect();
        for fault in unfit.iter().chain(missing) {
            let start = format!("config: {fault}");
            let named = lines.extract_if(.., |line| line.starts_with(&start));
            assert_eq!(named.count(), 1, "{command:?} {fault} {finished:?}");
        }
        assert_eq!(lines, [""; 0], "{command:?}");
        assert!(!finished.stderr.contains(CANARY), "{finished:?}");
    }
    assert_eq!(sandbox.temporary_files().len(), 0);
    assert!(!sandbox.path("data").exists());
}

#[tokio::test]
async fn a_command_misses_only_what_it_needs() {
    let sandbox = Sandbox::new();
    for (command, missing) in [
        (&["migrate"][..], &["database.url"][..]),
        (&["redrive", "--tenant=acme"], &["database.url"]),
        (&["audit"], &["database.url", "s3.bucket"]),
    ] {
        let finished = sandbox.run(command).await;
        assert_eq!(finished.code, Some(EXIT_CONFIG), "{finished:?}");
        let lines: Vec<_> = finished.stderr.lines().collect();
        assert_eq!(lines.len(), missing.len(), "{finished:?}");
        for (line, key) in lines.iter().zip(missing) {
            let start = format!("config: {key}: is missing; set it in the file or as ATTACHMENTS_");
            assert!(line.starts_with(&start), "{line}");
        }
    }
    let shown = sandbox.run(&["config"]).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn variables_of_a_kubernetes_service_do_no_harm() {
    let mut sandbox = Sandbox::new();
    sandbox
        .set("ATTACHMENTS_SERVICE_HOST", "10.0.0.1")
        .set("ATTACHMENTS_SERVICE_PORT_GRPC", "50051")
        .set("ATTACHMENTS_PORT", "tcp://10.0.0.1:50051")
        .set("ATTACHMENTS_PORT_50051_TCP_ADDR", "10.0.0.1");
    let finished = sandbox.run(&["config"]).await;
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}

/// What a document names is a setting, or does a command no harm.
#[tokio::test]
async fn documented_variables_do_no_harm() {
    let mut sandbox = Sandbox::new();
    let mut named = 0;
    for file in files_below(&["README.md", "docs", "examples", ".ci"]) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for after in text.split("ATTACHMENTS_").skip(1) {
            let is_of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let name = &after[..after.find(|c| !is_of_name(c)).unwrap_or(after.len())];
            // The pattern of the names, and the one that asks for faults.
            if !name.is_empty() && !name.ends_with('_') && name != "FAIL_AT" {
                sandbox.set(&format!("ATTACHMENTS_{name}"), "1");
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
    let finished = sandbox.run(&["config"]).await;
    let unknown = finished
        .stderr
        .lines()
        .filter(|line| line.contains("there is no such"));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// These files of the repository, and all below these folders.
fn files_below(paths: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left: Vec<_> = paths.iter().map(|path| root.join(path)).collect();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        // Whoever has run the example in Node has its modules there.
        if path.ends_with("node_modules") {
            continue;
        }
        match std::fs::read_dir(&path) {
            Ok(entries) => left.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) => files.push(path),
        }
    }
    files
}

fn assert_config_fault(finished: &Finished, fault: &str) {
    assert_eq!(finished.code, Some(EXIT_CONFIG), "{finished:?}");
    assert!(finished.stderr.starts_with(fault), "{fault}: {finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
}
