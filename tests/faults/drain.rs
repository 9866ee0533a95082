//! Processes that are told to stop while they serve and work. What one such
//! process says of it is told in `tests/it/process/drain.rs`.

use crate::figures::{figure, is_long, times};
use crate::fleet::{Fleet, ids, text, wait_killed};
use crate::ground::byte_stream;
use crate::ground::sandbox::eventually;
use crate::proxy::{Proxy, Target, Weather};
use attachments::dev::client::Attachments;
use attachments::proto::GetAttachmentBytesResponse;
use futures::future::join_all;
use nix::sys::signal::Signal;
use tonic::Streaming;

/// F35, G22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_cuts_no_stream_and_burns_no_attempt() {
    let mut fleet = Fleet::new().await;
    fleet
        .set("server.grace", "8s")
        .set("egress.idle_timeout", "120s");
    fleet.set("retry.lease", "30s");
    let content = text("large", 1_500_000);
    fleet.put_file("large", &content, &[]);
    let mut all = fleet.serve("all").await;
    fleet.register("large").await;
    fleet.assert_all_stored(1).await;
    for round in 0..times(2, 50) {
        let files = ids(&format!("stopped-{round}-"), 4);
        for id in &files {
            fleet.put_file(id, &text(id, 4_000), &["stall", "ok"]);
        }
        fleet.register_all(&files).await;
        fleet.under_way(&format!("stopped-{round}-"), 4).await;
        let streams = join_all((0..20).map(|_| begin(&fleet, fleet.client()))).await;
        all.process.signal(Signal::SIGTERM);
        eventually("it drains", async || {
            all.readyz().await.is_none_or(|(status, _)| status == 503)
        })
        .await;
        let read = join_all(streams.into_iter().map(byte_stream::rest)).await;
        for bytes in read {
            assert!(bytes.unwrap() == content.as_bytes(), "other bytes");
        }
        let finished = all.process.finish().await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let counted = "select count(*) from work where attempt_count <> 0 or leased_by is not null";
        assert_eq!(fleet.count(counted).await, 0, "attempts were counted");
        all = fleet.serve("all").await;
        fleet.assert_all_stored(1 + 4 * (round + 1)).await;
    }
    let burnt = "select count(*) from attachments where attempt_count <> 1";
    assert_eq!(fleet.count(burnt).await, 0, "attempts were counted");
    figure(
        "SIGTERM, 20 streams and 4 downloads",
        times(2, 50),
        "0 cut, 0 burnt, exit 0",
    );
}

/// F35, beyond a network that is slower than the server: what the last stream
/// holds is on its way when nothing is left to be done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_slow_gets_all_of_it_from_a_server_that_stops() {
    let mut fleet = Fleet::new().await;
    fleet.set("server.grace", "60s");
    let content = text("large", 4_000_000);
    fleet.put_file("large", &content, &[]);
    // Slow enough for a client that has a large window to be silent for long.
    let bytes_per_second = if is_long() { 200_000 } else { 1_500_000 };
    for _ in 0..times(2, 4) {
        let service = fleet.serve("all").await;
        fleet.register("large").await;
        fleet.assert_all_stored(1).await;
        let proxy = Proxy::start(Target::Tcp(service.grpc.unwrap())).await;
        let streams = join_all((0..4).map(async |_| {
            let stream = begin(&fleet, fleet.client_of(proxy.address)).await;
            proxy.set(Weather::Throttle(bytes_per_second));
            stream
        }))
        .await;
        service.process.signal(Signal::SIGTERM);
        for bytes in join_all(streams.into_iter().map(byte_stream::rest)).await {
            assert!(bytes.unwrap() == content.as_bytes(), "other bytes");
        }
        let finished = service.process.finish().await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}

/// F36: it dies as it gives back what still ran, between one and the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_killed_at_the_end_of_the_grace_loses_nothing() {
    let mut fleet = Fleet::new().await;
    fleet
        .set("server.grace", "2s")
        .set("egress.idle_timeout", "120s");
    let _api = fleet.serve("api").await;
    for (round, given_back) in (0..times(2, 20)).zip([1, 3, 2, 4].into_iter().cycle()) {
        let files = ids(&format!("late-{round}-"), 4);
        for id in &files {
            fleet.put_file(id, &text(id, 4_000), &["stall", "ok"]);
        }
        let fail_at = format!("settled:{given_back}:kill");
        let victim = fleet.serve_to_fail("worker", &fail_at).await;
        fleet.register_all(&files).await;
        fleet.under_way(&format!("late-{round}-"), 4).await;
        victim.process.signal(Signal::SIGTERM);
        wait_killed(victim).await;
        // The outcomes are written side by side, so there may be more of them.
        let written = "select count(*) from work where leased_by is null and attempt_count = 0";
        let written = fleet.count(written).await;
        assert!(written >= given_back, "{written} were given back");
        let heir = fleet.serve("worker").await;
        fleet.assert_all_stored(4 * (round + 1)).await;
        heir.process.kill().await;
    }
}

/// A byte stream of `large`, of which only the first message has come.
async fn begin(fleet: &Fleet, mut client: Attachments) -> Streaming<GetAttachmentBytesResponse> {
    let id = fleet.promises()["large"].ids[0].clone();
    byte_stream::begin(&mut client, &id).await.unwrap()
}
