//! How many may watch at the same time.

use super::{from, now};
use crate::support::{OTHER_TENANT, TENANT, TestApp};
use attachments::config::Human;
use attachments::proto::WatchAttachmentsResponse;
use std::time::Duration;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

async fn watch(app: &TestApp, tenant: &str) -> Result<Streaming<WatchAttachmentsResponse>, Status> {
    let stream = app.client(tenant).watch_attachments(from("")).await;
    stream.map(tonic::Response::into_inner)
}

/// Says whose places are taken, how many there are, and when to come again.
fn assert_refused(
    answer: Result<Streaming<WatchAttachmentsResponse>, Status>,
    scope: &str,
    limit: &str,
) {
    let refused = answer.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "TOO_MANY_WATCHERS");
    let told = ["limit", "scope"].map(|key| info.metadata[key].as_str());
    assert_eq!(told, [limit, scope]);
    assert_eq!(info.metadata.len(), 2);
    let again = refused.get_details_retry_info().unwrap().retry_delay;
    assert!(again > Some(Duration::ZERO));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_so_many_watchers_and_takes_no_place_of_others() {
    let app = TestApp::start_with(|config| config.watch.max_streams_per_tenant = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(watch(&app, TENANT).await.unwrap());
    }
    assert_refused(watch(&app, TENANT).await, "tenant", "3");
    let _other = watch(&app, OTHER_TENANT).await.unwrap();

    // A place is free as soon as its watcher is gone, and only that one.
    drop(open.pop());
    app.eventually("the place is free", async || {
        match watch(&app, TENANT).await {
            Ok(stream) => {
                let refused = watch(&app, TENANT).await;
                assert_refused(refused, "tenant", "3");
                drop(stream);
                true
            }
            Err(_) => false,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_has_so_many_watchers_of_all_tenants() {
    let app = TestApp::start_with(|config| config.watch.max_streams = 3).await;
    let _first = watch(&app, TENANT).await.unwrap();
    let _second = watch(&app, OTHER_TENANT).await.unwrap();
    let third = watch(&app, TENANT).await.unwrap();
    for tenant in [TENANT, OTHER_TENANT] {
        assert_refused(watch(&app, tenant).await, "replica", "3");
    }
    drop(third);
    app.eventually("the place is free", async || {
        watch(&app, OTHER_TENANT).await.is_ok()
    })
    .await;
}

/// What is refused for another reason keeps no place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_never_began_takes_no_place() {
    let app = TestApp::start_with(|config| {
        config.watch.max_streams_per_tenant = 1;
        config.retention.events_remembered = Human(Duration::from_secs(1));
    })
    .await;
    let old = now(&app).await;
    let expired = async || {
        let answer = app.client(TENANT).watch_attachments(from(&old)).await;
        answer.is_err_and(|refused| refused.code() == Code::OutOfRange)
    };
    app.eventually("the cursor is too old", expired).await;
    app.eventually("another watch begins", async || {
        watch(&app, TENANT).await.is_ok()
    })
    .await;
}
