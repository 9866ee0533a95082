//! The simulator of `dev` keeps its files: what LINE and Slack have, they have
//! tomorrow as well.

use super::leftovers::{descendants, wait_gone};
use super::reading::wait_stored;
use super::running_dev::{DEV, RunningDev};
use super::sandbox::{Sandbox, eventually, http};
use crate::support::line;
use attachments::dev::client::Attachments;
use attachments::proto::RegisterAttachmentRequest;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_downloading_at_kill_9_is_stored_by_the_next_run() {
    let mut sandbox = Sandbox::new();
    sandbox
        .set("ATTACHMENTS_RETRY_LEASE", "2s")
        .set("ATTACHMENTS_RETRY_BASE", "20ms");
    let dev = RunningDev::start(&sandbox).await;
    let sent = dev
        .put_line_message("1001", r#"{"fixture":"png","script":["503","hang","ok"]}"#)
        .await;
    let id = register(&mut dev.clients("gateway").0, "1001").await;
    // The refusal, and the download that never ends.
    eventually("it is under way", async || {
        played(&dev, "1001").await == Some(2)
    })
    .await;
    let family = descendants(dev.process.pid());
    dev.process.kill().await;
    wait_gone(&family).await;

    let dev = RunningDev::start(&sandbox).await;

    // The script goes on where it was: nothing is refused again.
    let stored = wait_stored(&mut dev.clients("bff").0, &id).await;
    assert_eq!(stored.checksum_sha256, sent);
    assert_eq!(played(&dev, "1001").await, Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_a_slack_file_and_a_token_outlive_an_orderly_end() {
    let sandbox = Sandbox::new();
    let dev = RunningDev::start(&sandbox).await;
    let control = format!("{}/control", dev.text("simulator"));
    dev.put_line_message("m%2F1%C3%A9", r#"{"fixture":"jpeg"}"#)
        .await;
    dev.put_line_message("m%2F1%C3%A9", r#"{"fixture":"gif"}"#)
        .await;
    put(
        format!("{control}/slack/files/F1"),
        r#"{"fixture":"pdf","size":3000000,"name":"Ω.pdf","mimetype":"","channel_token":"mine","info_script":["503","ok"]}"#,
    )
    .await;
    put(
        format!("{control}/tokens/mine"),
        r#"{"provider":"slack","scopes":["files:read"]}"#,
    )
    .await;
    let before = ask(&dev).await;
    let listed = messages(&dev).await;
    dev.process.signal(Signal::SIGTERM);
    assert_eq!(dev.process.finish().await.code, Some(0));

    let dev = RunningDev::start_with(&sandbox, DEV).await;

    assert_eq!(before.0, 503);
    let after = ask(&dev).await;
    assert_eq!(after.0, 200, "the script's second step: {after:?}");
    assert_eq!(after.1["file"]["name"], "Ω.pdf");
    assert_eq!(after.1["file"]["size"], 3_000_000);
    let again = messages(&dev).await;
    assert_eq!(again["line"], listed["line"]);
    let later = &again["line"]["m/1é"];
    assert_eq!(later["content_type"], "image/gif", "{again:#}");
    assert_eq!(again["slack"]["F1"]["size_bytes"], 3_000_000);
}

/// `files.info` of F1, by the token that was made known.
async fn ask(dev: &RunningDev) -> (u16, Value) {
    let url = format!("{}/slack/api/files.info?file=F1", dev.text("simulator"));
    let answer = http().get(url).bearer_auth("mine").send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or_else(|_| json!({})),
    )
}

async fn put(url: String, body: &'static str) {
    let answer = http().put(url).body(body).send().await.unwrap();
    answer.error_for_status().unwrap();
}

async fn messages(dev: &RunningDev) -> Value {
    let url = format!("{}/control/messages", dev.text("simulator"));
    http().get(url).send().await.unwrap().json().await.unwrap()
}

async fn played(dev: &RunningDev, id: &str) -> Option<u64> {
    messages(dev).await["line"][id]["requests"].as_u64()
}

async fn register(gateway: &mut Attachments, message_id: &str) -> String {
    let request = RegisterAttachmentRequest {
        channel_id: "line-dev".to_owned(),
        ..line(message_id)
    };
    let registered = gateway.register_attachment(request).await.unwrap();
    registered.into_inner().attachment.unwrap().attachment_id
}
