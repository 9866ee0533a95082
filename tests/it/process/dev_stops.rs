//! How `dev` ends: what it says at a signal, what a second one does, and that
//! no Postgres outlives it.

use super::leftovers::{descendants, postmasters, wait_gone};
use super::running_dev::{DEV, RunningDev};
use super::sandbox::{Process, Sandbox, eventually, http};
use crate::support::line;
use attachments::proto::RegisterAttachmentRequest;
use nix::sys::signal::Signal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_says_that_it_stops_and_a_second_signal_ends_it_at_once() {
    let mut sandbox = Sandbox::new();
    // Longer than any test waits.
    sandbox
        .set("ATTACHMENTS_SERVER_GRACE", "1h")
        .set("ATTACHMENTS_EGRESS_FIRST_BYTE_TIMEOUT", "1h")
        .set("ATTACHMENTS_EGRESS_TOTAL_TIMEOUT", "1h");
    let mut dev = RunningDev::start(&sandbox).await;
    dev.put_line_message("1001", r#"{"script":["hang"]}"#).await;
    let (mut gateway, _) = dev.clients("gateway");
    let request = RegisterAttachmentRequest {
        channel_id: "line-dev".to_owned(),
        ..line("1001")
    };
    gateway.register_attachment(request).await.unwrap();
    let journal = format!("{}/control/journal", dev.text("simulator"));
    eventually("it is under way", async || {
        let entries = http().get(&journal).send().await.unwrap();
        entries.text().await.unwrap().contains("/1001/content")
    })
    .await;
    let family = descendants(dev.process.pid());
    assert_eq!(postmasters(&family).len(), 1, "{family:#?}");

    dev.process.signal(Signal::SIGINT);
    // The grace it has, the setting's name, and the way to end it sooner.
    for said in ["Stopping", "1h", "server.grace", "Ctrl-C again"] {
        let says = |process: &Process| process.stdout().contains(said).then_some(());
        dev.process.wait_for(said, says).await;
    }
    assert!(!dev.process.has_ended());

    dev.process.signal(Signal::SIGINT);
    let finished = dev.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("at once"), "{finished:?}");
    wait_gone(&family).await;

    // What was cut short is no fault to the next run.
    RunningDev::start(&sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signal_ends_dev_in_order_also_before_it_is_up() {
    let sandbox = Sandbox::new();
    let mut process = sandbox.start(DEV);
    let server = |process: &Process| {
        let family = descendants(process.pid());
        (!postmasters(&family).is_empty()).then_some(family)
    };
    let family = process.wait_for("Postgres starts", server).await;

    process.signal(Signal::SIGTERM);

    let finished = process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("Stopping"), "{finished:?}");
    assert!(finished.stdout.ends_with("Stopped.\n"), "{finished:?}");
    wait_gone(&family).await;
}
