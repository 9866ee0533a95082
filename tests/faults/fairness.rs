//! G19: one tenant's flood and another's few, by the clock.

use crate::figures::{figure, is_long, times};
use crate::fleet::{Fleet, ids};
use crate::ground::LINE;
use crate::ground::requests::{channel, line, put_channel};
use crate::ground::sandbox::eventually;
use attachments::dev::client;
use attachments::dev::simulator::LINE_DEV_TOKEN;
use attachments::proto::channel::Provider;
use std::time::Duration;
use tokio::time::Instant;

/// Files that take a while, and most of it is waiting.
const SLOWLY: &[&str] = &["drip:30"];
const CONTENT: &str = "twenty bytes of text";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_files_beside_a_flood_take_not_much_longer_than_alone() {
    let fleet = Fleet::new().await;
    let service = fleet.serve("all").await;
    let token = fleet.ground.token_of("other");
    let (_, mut admin) = client::connect(service.grpc.unwrap(), &token.into()).unwrap();
    put_channel(&mut admin, channel(LINE, Provider::Line), LINE_DEV_TOKEN).await;

    let alone = time_of_ten(&fleet, "alone-").await;
    let flood = ids("flood-", times(500, 10_000));
    for id in &flood {
        fleet.put_file(id, &format!("{CONTENT} {id}"), SLOWLY);
    }
    fleet.register_all(&flood).await;
    let beside = time_of_ten(&fleet, "beside-").await;
    let waiting = fleet
        .count("select count(*) from work where tenant_id = 'acme' and fence = 0")
        .await;
    assert!(waiting > 0, "the flood was over before");
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    figure(
        "10 files beside a flood",
        flood.len(),
        format!("{beside:?}, alone {alone:?}, ratio {ratio:.2} (goal 3)"),
    );
    assert!(ratio < if is_long() { 3.0 } else { 5.0 }, "{ratio:.2}");
    fleet.assert_all_stored(flood.len() + 20).await;
}

/// From the first registration of the other tenant to its last file stored.
async fn time_of_ten(fleet: &Fleet, prefix: &str) -> Duration {
    let files = ids(prefix, 10);
    let mut client = fleet.client_for("other");
    for id in &files {
        fleet.put_file(id, &format!("{CONTENT} {id}"), SLOWLY);
    }
    let began = Instant::now();
    for id in &files {
        let answer = client.register_attachment(line(id)).await.unwrap();
        fleet.note(id, &answer.into_inner().attachment.unwrap().attachment_id);
    }
    eventually("the ten are stored", async || {
        let left = "select count(*) from work where tenant_id = 'other'";
        fleet.count(left).await == 0
    })
    .await;
    began.elapsed()
}
