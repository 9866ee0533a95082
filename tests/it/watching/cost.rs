//! What watchers ask of the database.

use crate::support::{FIGURES_TOLD_WITHIN, TENANT, TestApp};
use attachments::config::Human;
use attachments::proto::{WatchAttachmentsRequest, WatchAttachmentsResponse};
use futures::future::join_all;
use prost_types::Duration as Interval;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tonic::Streaming;

/// Statements a second of a process while nothing happens, with however many
/// watchers.
const AT_MOST: f64 = 20.0;

/// That are made while anybody watches, and not otherwise, at the very least.
const FOR_WATCHERS: f64 = 2.0;

/// Statements a second that are made in the app's database, this one's included.
async fn statements(app: &TestApp) -> f64 {
    let (before, began) = (app.transactions().await, Instant::now());
    sleep(FIGURES_TOLD_WITHIN).await;
    let made = i32::try_from(app.transactions().await - before).unwrap();
    f64::from(made) / began.elapsed().as_secs_f64()
}

/// Idle watchers on a connection of their own, who want checkpoints all the
/// time and have been told where they are.
async fn watchers(app: &TestApp, count: usize) -> Vec<Streaming<WatchAttachmentsResponse>> {
    let client = app.client(TENANT);
    let begun = (0..count).map(|n| {
        let mut client = client.clone();
        async move {
            let request = WatchAttachmentsRequest {
                conversation_id: format!("conversation-{n}"),
                checkpoint_interval: Some(Interval {
                    seconds: 1,
                    nanos: 0,
                }),
                ..WatchAttachmentsRequest::default()
            };
            let mut stream = client
                .watch_attachments(request)
                .await
                .unwrap()
                .into_inner();
            let first = stream.message().await.unwrap().unwrap();
            assert!(first.attachment.is_none());
            stream
        }
    });
    join_all(begun).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_watchers_ask_no_more_of_the_database_than_few() {
    let app = TestApp::start_with(|config| {
        let rarely = Human(Duration::from_hours(1));
        config.retry.poll_interval = rarely;
        config.retention.sweep_interval = rarely;
    })
    .await;
    let few = watchers(&app, 20).await;
    let of_few = statements(&app).await;
    let mut many = Vec::new();
    for _ in 0..10 {
        many.extend(watchers(&app, 38).await);
    }
    let of_many = statements(&app).await;
    println!("20 watchers {of_few:.1} a second, 400 {of_many:.1}");
    assert!(of_many <= AT_MOST, "{of_many:.1} a second");
    assert!(
        of_many < of_few * 2.0,
        "few ask {of_few:.1} a second, many {of_many:.1}"
    );

    drop((few, many));
    // What is left is asked by others, who looked before too.
    app.eventually("nothing is asked for nobody", async || {
        statements(&app).await < of_many - FOR_WATCHERS
    })
    .await;
}
