//! What keeps `dev` from starting is told before anything is started: all of
//! it, with the flag and the value.

use super::running_dev::{DEV, RunningDev};
use super::sandbox::{Finished, Sandbox};
use crate::support::ANY_PORT;
use nix::sys::signal::Signal;
use std::net::TcpListener;

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: i32 = 78;

#[tokio::test]
async fn ports_files_and_settings_are_told_at_once() {
    let held: Vec<_> = [(); 3]
        .map(|()| TcpListener::bind(ANY_PORT).unwrap())
        .into_iter()
        .collect();
    let [grpc, s3, simulator] = [0, 1, 2].map(|n: usize| held[n].local_addr().unwrap().to_string());
    let mut sandbox = Sandbox::new();
    sandbox
        .set("ATTACHMENTS_SERVER_LISTEN", &grpc)
        .set("ATTACHMENTS_RETRY_BASE", "soon");
    let finished = sandbox
        .run(&[
            "dev",
            "--admin-listen=127.0.0.1:0",
            &format!("--s3-listen={s3}"),
            &format!("--simulator-listen={simulator}"),
            "--data-dir=data",
            "--ready-file=no/such/folder/ready.json",
        ])
        .await;
    assert_faults(
        &finished,
        &[
            &["retry.base: ", "\"soon\"", "(from ATTACHMENTS_RETRY_BASE)"],
            &["--ready-file: no/such/folder/ready.json cannot be written"],
            &[
                "server.listen: ",
                &grpc,
                "in use",
                "(from ATTACHMENTS_SERVER_LISTEN)",
            ],
            &["--s3-listen: ", &s3, "in use"],
            &["--simulator-listen: ", &simulator, "in use"],
        ],
    );
    assert!(!sandbox.path("data").exists(), "something was started");
}

#[tokio::test]
async fn one_port_for_two_listeners_is_told() {
    let free = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    let sandbox = Sandbox::new();
    let finished = sandbox
        .run(&[
            "dev",
            &format!("--listen={free}"),
            &format!("--admin-listen={free}"),
            "--s3-listen=127.0.0.1:0",
            "--simulator-listen=127.0.0.1:0",
            "--data-dir=data",
        ])
        .await;
    let expected = ["--admin-listen: ", &free.to_string(), "--listen has it"];
    assert_faults(&finished, &[&expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_database_url_of_its_own_is_named_with_the_cure() {
    let mut sandbox = Sandbox::new();
    let dev = RunningDev::start(&sandbox).await;
    let url = dev.text("database_url").to_owned();
    dev.process.signal(Signal::SIGTERM);
    assert_eq!(dev.process.finish().await.code, Some(0));

    sandbox.set("DATABASE_URL", url);
    let finished = sandbox.run(DEV).await;

    let expected = [
        "database.url: ",
        "unset it",
        "Postgres",
        "(from DATABASE_URL)",
    ];
    assert_faults(&finished, &[&expected]);
    sandbox.unset("DATABASE_URL");
    RunningDev::start(&sandbox).await;
}

#[tokio::test]
async fn a_value_that_will_not_do_is_told_what_would() {
    let sandbox = Sandbox::new();
    for (arguments, allowed) in [
        (&["serve", "--listen=here"][..], &["127.0.0.1:50051"][..]),
        (&["dev", "--s3-listen=9000"], &["127.0.0.1:50051"]),
        (&["token", "--ttl=long"], &["90s, 15m"]),
        (
            &["token", "--scope=all"],
            &["attachments:register", "attachments:admin"],
        ),
        (&["audit", "--grace=long"], &["90s, 15m"]),
        (
            &["redrive", "--tenant=a", "--reason=BAD"],
            &["SOURCE_UNAVAILABLE", "QUOTA_EXCEEDED"],
        ),
        (
            &["redrive", "--tenant=a", "--status=BAD"],
            &["failed, rejected, unsupported"],
        ),
        (
            &["redrive", "--tenant=a", "--after=yesterday"],
            &["2026-11-22T08:00:00Z"],
        ),
    ] {
        let finished = sandbox.run(arguments).await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for word in allowed {
            assert!(finished.stderr.contains(word), "{word}: {finished:?}");
        }
    }
}

#[tokio::test]
async fn a_setting_that_will_not_do_is_told_what_would() {
    for (variable, value, told) in [
        (
            "LIMITS_IMAGE_MAX_BYTES",
            "10MB",
            "a whole number, without a unit; \"10MB\" is not",
        ),
        (
            "LIMITS_MAX_FILES_PER_MESSAGE",
            "70000",
            "a whole number from 0 to 65535",
        ),
        (
            "DATABASE_MAX_CONNECTIONS",
            "-3",
            "a whole number from 0 to 4294967295",
        ),
        (
            "SERVER_REFLECTION",
            "maybe",
            "true or false; \"maybe\" is not",
        ),
        (
            "SERVER_LISTEN",
            "here",
            "an IP address and a port, such as 127.0.0.1:50051",
        ),
        (
            "S3_CHECKSUM_MODE",
            "some",
            "one of required, supported, off",
        ),
        ("TELEMETRY_LOG_FORMAT", "xml", "json or text"),
        ("LIMITS_EXTRA_CONTENT_TYPES", "a/b", "application/msword"),
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.set(&format!("ATTACHMENTS_{variable}"), value);
        let finished = sandbox.run(&["config"]).await;
        assert_faults(
            &finished,
            &[&[told, &format!("(from ATTACHMENTS_{variable})")]],
        );
    }
}

/// One line a fault, each with all these words, and nothing else.
fn assert_faults(finished: &Finished, expected: &[&[&str]]) {
    assert_eq!(finished.code, Some(EXIT_CONFIG), "{finished:?}");
    let mut lines: Vec<_> = finished.stderr.lines().collect();
    for words in expected {
        let is_it = |line: &mut &str| {
            line.starts_with("config: ") && words.iter().all(|word| line.contains(word))
        };
        assert_eq!(
            lines.extract_if(.., is_it).count(),
            1,
            "{words:?} {finished:?}"
        );
    }
    assert_eq!(lines, [""; 0]);
}
