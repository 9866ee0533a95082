//! Watchers at their own pace.

use super::{LAST, at_rest, from, up_to_last, write};
use crate::support::{TestApp, within};

/// Far more than the service keeps for streams, and than a connection takes
/// that nobody reads from.
const CHANGES: i32 = 9_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_holds_up_nobody_and_hears_everything_later() {
    let app = TestApp::start().await;
    let id = at_rest(&app, "1").await;
    let mut slow = app.watch(from("")).await;
    let mut quick = app.watch(from("")).await;
    let mut connection = app.pool.acquire().await.unwrap();
    let writing = async {
        for first in (1..=CHANGES).step_by(500) {
            write(&mut connection, &id, first, first + 499).await;
        }
        write(&mut connection, &id, LAST, LAST).await;
    };
    // Nobody reads what the slow one is sent.
    let ((), heard) = tokio::join!(writing, within("the quick one", up_to_last(&mut quick)));
    let all: Vec<_> = (1..=CHANGES).collect();
    assert!(heard == all, "the quick one heard {} changes", heard.len());
    let heard = within("the slow one", up_to_last(&mut slow)).await;
    assert!(heard == all, "the slow one heard {} changes", heard.len());

    // And both go on.
    write(&mut connection, &id, 1, 1).await;
    write(&mut connection, &id, LAST, LAST).await;
    for stream in [&mut slow, &mut quick] {
        assert_eq!(up_to_last(stream).await, [1]);
    }
}
