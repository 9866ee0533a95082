//! A network between the services and everything they call.

use crate::between;
use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, stop, text};
use std::time::Duration;
use tokio::time::sleep;

/// F14, and the same of the store and the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_network_resets_leave_nothing_stuck() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.max_attempts", "100");
    let proxies = [
        between::postgres(&mut fleet).await,
        between::store(&mut fleet).await,
        between::line(&mut fleet).await,
    ];
    let all = fleet.serve("all").await;
    let rounds = times(12, 120);
    let files = ids("reset-", rounds * 3);
    for id in &files {
        fleet.put_file(id, &text(id, 500), &["drip:1"]);
    }
    let resets = async {
        for round in 0..rounds {
            sleep(Duration::from_millis(200)).await;
            proxies[round % 3].reset_all();
        }
    };
    tokio::join!(resets, fleet.register_all(&files));
    assert!(proxies.iter().all(|proxy| proxy.opened() > 0));
    fleet.assert_all_stored(files.len()).await;
    stop(all).await;
    figure(
        "connections reset: Postgres, store, provider",
        format_args!("{rounds} times, {} files", files.len()),
        "0 stuck",
    );
}
