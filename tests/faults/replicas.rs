//! Replicas that are replaced, one after the other, under load.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, stop, text};
use crate::ground::PATIENCE;
use crate::ground::requests::line;
use crate::ground::sandbox::eventually;
use futures::future::join_all;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A gateway that knows two replicas and tries the other when one fails.
struct Gateway<'a> {
    fleet: &'a Fleet,
    apis: Mutex<[SocketAddr; 2]>,
    /// Calls that had to be repeated.
    repeated: AtomicUsize,
}

impl Gateway<'_> {
    async fn register(&self, id: &str, nth: usize) {
        let deadline = Instant::now() + PATIENCE;
        for attempt in nth.. {
            let address = self.apis.lock().unwrap()[attempt % 2];
            let mut client = self.fleet.client_of(address);
            let call = client.register_attachment(line(id));
            if let Ok(Ok(answer)) = timeout(Duration::from_secs(5), call).await {
                let attachment = answer.into_inner().attachment.unwrap();
                self.fleet.note(id, &attachment.attachment_id);
                return;
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            assert!(Instant::now() < deadline, "{id} is never registered");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// F37: two of each, all replaced one after the other while files come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_nothing_and_burns_no_attempt() {
    let mut fleet = Fleet::new().await;
    // A deploy is no reason to lose a lease, however busy the machine.
    fleet.set("retry.lease", "30s");
    let mut apis = [fleet.serve("api").await, fleet.serve("api").await];
    let mut workers = [fleet.serve("worker").await, fleet.serve("worker").await];
    let gateway = Gateway {
        apis: Mutex::new([apis[0].grpc.unwrap(), apis[1].grpc.unwrap()]),
        fleet: &fleet,
        repeated: AtomicUsize::new(0),
    };
    let over = AtomicBool::new(false);
    let registered = AtomicUsize::new(0);
    let load = join_all((0..4_usize).map(async |lane| {
        for nth in (lane..).step_by(4) {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("rolling-{nth}");
            fleet.put_file(&id, &text(&id, 4_000), &[]);
            gateway.register(&id, nth).await;
            registered.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
        }
    }));
    let deploys = async {
        for round in 0..times(4, 20) {
            let nth = round % 2;
            let api = fleet.serve("api").await;
            gateway.apis.lock().unwrap()[nth] = api.grpc.unwrap();
            stop(std::mem::replace(&mut apis[nth], api)).await;
            let worker = fleet.serve("worker").await;
            stop(std::mem::replace(&mut workers[nth], worker)).await;
        }
        // Once more the way without a spare: one is gone for a while.
        let survivor = apis[1].grpc.unwrap();
        let [first, second] = apis;
        stop(first).await;
        let before = registered.load(Ordering::Relaxed);
        eventually("the other one serves", async || {
            registered.load(Ordering::Relaxed) > before + 8
        })
        .await;
        assert_eq!(second.grpc, Some(survivor));
        over.store(true, Ordering::Relaxed);
        second
    };
    let (_, _api) = tokio::join!(load, deploys);
    let registered = registered.into_inner();
    fleet.assert_all_stored(registered).await;
    let burnt = "select count(*) from attachments where attempt_count <> 1";
    assert_eq!(fleet.count(burnt).await, 0, "attempts were burnt");
    let repeated = gateway.repeated.into_inner();
    figure(
        "rolling restart of 2 api and 2 workers",
        format!("{} restarts of each, {registered} files", times(4, 20)),
        format!("0 failed, 0 burnt, {repeated} calls repeated"),
    );
}
