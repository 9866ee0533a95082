//! Catching up, and going live while changes are written by several at the
//! same time, whose transactions end in another order than they began in.

use super::{LAST, at_rest, from, next, now, write};
use crate::support::{TENANT, TestApp, next_change};
use sqlx::{Connection as _, PgConnection};
use std::collections::HashMap;
use tonic::Streaming;

const WRITERS: usize = 3;
/// Of each writer.
const CHANGES: i32 = 200;
/// Watchers that begin from the same old cursor, one after the other.
const WATCHERS: usize = 8;
/// After so many changes a watcher that is cut off often begins again.
const CUT_AFTER: usize = 25;

/// What each writer's attachment was told to have become, in order.
type Heard = HashMap<String, Vec<i32>>;

/// One transaction after the other, each open for a while.
async fn write_slowly(app: &TestApp, id: &str) {
    let mut connection = PgConnection::connect(&app.database_url).await.unwrap();
    for number in 1..=CHANGES {
        let mut transaction = connection.begin().await.unwrap();
        write(&mut transaction, id, number, number).await;
        let rest = sqlx::query("select pg_sleep(random() * 0.01)");
        rest.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

async fn hear_all(
    mut stream: Streaming<attachments::proto::WatchAttachmentsResponse>,
    mut told: impl FnMut(usize),
) -> Heard {
    let mut heard = Heard::new();
    for count in 1.. {
        let attachment = next(&mut stream).await;
        if attachment.attempt_count == LAST {
            break;
        }
        told(count);
        let of_this = heard.entry(attachment.attachment_id).or_default();
        of_this.push(attachment.attempt_count);
    }
    heard
}

/// Goes on from the last cursor again and again.
async fn hear_all_in_pieces(app: &TestApp, mut cursor: String) -> Heard {
    let mut client = app.client(TENANT);
    let mut heard = Heard::new();
    loop {
        let stream = client.watch_attachments(from(&cursor)).await;
        let mut stream = stream.unwrap().into_inner();
        for _ in 0..CUT_AFTER {
            let change = next_change(&mut stream).await;
            cursor = change.cursor;
            let attachment = change.attachment.unwrap();
            if attachment.attempt_count == LAST {
                return heard;
            }
            let of_this = heard.entry(attachment.attachment_id).or_default();
            of_this.push(attachment.attempt_count);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_catches_up_while_changes_are_written_hears_each_once() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for n in 0..WRITERS {
        ids.push(at_rest(&app, &n.to_string()).await);
    }
    let begin = now(&app).await;
    let first = app.watch(from(&begin)).await;
    let (begins, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let every = WRITERS * usize::try_from(CHANGES).unwrap() / (WATCHERS + 1);

    let writing = async {
        let writers = ids.iter().map(|id| write_slowly(&app, id));
        futures::future::join_all(writers).await;
        let mut connection = app.pool.acquire().await.unwrap();
        write(&mut connection, &ids[0], LAST, LAST).await;
    };
    // The first says when it is time for another one.
    let leading = async move {
        hear_all(first, move |count| {
            if count % every == 0 {
                let _ = begins.send(());
            }
        })
        .await
    };
    let following = async {
        let mut streams = Vec::new();
        while beginnings.recv().await.is_some() {
            let stream = app.watch(from(&begin)).await;
            streams.push(hear_all(stream, |_| {}));
        }
        futures::future::join_all(streams).await
    };
    let in_pieces = hear_all_in_pieces(&app, begin.clone());
    let ((), leader, mut all, pieces) = tokio::join!(writing, leading, following, in_pieces);
    assert!(all.len() >= WATCHERS);
    all.extend([leader, pieces]);

    let each: Vec<_> = (1..=CHANGES).collect();
    let expected: Heard = ids.iter().map(|id| (id.clone(), each.clone())).collect();
    for (n, heard) in all.iter().enumerate() {
        assert_eq!(heard, &expected, "watcher {n}");
    }
}
