//! The gateway's command beside a `dev`: nothing has to be told, and webhooks
//! are taken while `dev` is down.

use super::leftovers::{descendants, wait_gone};
use super::reading::wait_stored;
use super::running_dev::{DEV, RunningDev};
use super::sandbox::{Sandbox, http};
use crate::support::PATIENCE;
use attachments::clock::SystemClock;
use attachments::dev::gateway::command::{Args, LINE_DEV_SECRET, Running};
use attachments::dev::simulator::webhook::{LineEvent, line_webhook};
use attachments::dev::stack::LINE_CHANNEL;
use clap::Parser as _;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_finds_dev_and_outlives_its_restart() {
    let sandbox = Sandbox::new();
    let dev = RunningDev::start(&sandbox).await;
    dev.put_line_message("1001", r#"{"fixture":"png"}"#).await;
    let gateway = start(&sandbox).await;
    assert_eq!(gateway.tenant.as_str(), dev.text("tenant"));
    post(&gateway, "1001").await;
    let id = registered(&gateway, "1001").await;
    wait_stored(&mut dev.clients("bff").0, &id).await;

    let address = dev.text("grpc").to_owned();
    let family = descendants(dev.process.pid());
    dev.process.kill().await;
    wait_gone(&family).await;
    post(&gateway, "1002").await;
    // What it took is in its folder, not in its memory.
    gateway.shutdown().await;
    let gateway = start(&sandbox).await;
    assert_eq!(gateway.gateway.pending_calls().await.unwrap(), 1);

    let listen = format!("--listen={address}");
    let mut arguments = DEV.to_vec();
    arguments[1] = &listen;
    let _dev = RunningDev::start_with(&sandbox, &arguments).await;
    registered(&gateway, "1002").await;
    gateway.shutdown().await;
}

async fn start(sandbox: &Sandbox) -> Running {
    let path = |name: &str| sandbox.path(name).display().to_string();
    let args = Args::try_parse_from([
        "webhook_gateway".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        format!("--data-dir={}", path("data")),
        format!("--ready-file={}", path("ready.json")),
    ]);
    args.unwrap().start(Arc::new(SystemClock)).await.unwrap()
}

async fn post(gateway: &Running, message: &str) {
    let event = LineEvent::file(message, "photo.png", 100);
    let webhook = line_webhook(
        LINE_DEV_SECRET,
        "U0123456789abcdef0123456789abcdef",
        &[event],
    );
    let address = gateway.gateway.local_addr();
    let mut request = http().post(format!("http://{address}/webhooks/line/{LINE_CHANNEL}"));
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let answer = request.body(webhook.body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

async fn registered(gateway: &Running, message: &str) -> String {
    let message = message.parse().unwrap();
    let waited = gateway.gateway.wait_registered(&message, PATIENCE).await;
    let [id] = waited.unwrap().try_into().unwrap();
    id.to_string()
}
