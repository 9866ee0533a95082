//! The same file registered by everybody at once.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids};
use crate::ground::requests::line;
use attachments::proto::{RegisterAttachmentRequest, RegisterAttachmentResponse};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Calls at the same time, of which every other one goes to the other server.
const STORM: usize = 100;

/// Registers the file `STORM` times at once, as `altered` says for the n-th.
async fn storm(
    fleet: &Fleet,
    servers: [SocketAddr; 2],
    id: &str,
    altered: impl Fn(usize, &mut RegisterAttachmentRequest),
) -> Vec<RegisterAttachmentResponse> {
    let clients = servers.map(|address| fleet.client_of(address));
    let calls = (0..STORM).map(|n| {
        let mut request = line(id);
        altered(n, &mut request);
        let mut client = clients[n % 2].clone();
        async move { client.register_attachment(request).await }
    });
    let answers = join_all(calls).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().into_inner())
        .inspect(|answer| fleet.note(id, &answer.attachment.as_ref().unwrap().attachment_id))
        .collect()
}

/// F33.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_registered_a_hundred_times_at_once_is_one() {
    let fleet = Fleet::new().await;
    let (one, other) = (fleet.serve("all").await, fleet.serve("all").await);
    let servers = [one.grpc.unwrap(), other.grpc.unwrap()];
    let files = ids("storm-", times(10, 100));
    fleet.put_files(&files);
    for id in &files {
        let answers = storm(&fleet, servers, id, |_, _| {}).await;
        let first = answers.iter().filter(|answer| !answer.duplicate);
        assert_eq!(first.count(), 1, "{id}");
    }
    // One row and one object each: all answers gave the same id.
    fleet.assert_all_stored(files.len()).await;
    for id in &files {
        let path = format!("/{id}/content");
        assert_eq!(fleet.ground.simulator.requests_for(&path), 1, "{id}");
    }
    figure(
        "duplicate registrations",
        format_args!("{} x {STORM}, 2 servers", files.len()),
        "1 row, 1 object, 1 download each",
    );
}

/// F34: the first one wins, whichever it is, and every answer gives its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_that_differ_all_get_the_first_one() {
    let fleet = Fleet::new().await;
    let (one, other) = (fleet.serve("all").await, fleet.serve("all").await);
    let servers = [one.grpc.unwrap(), other.grpc.unwrap()];
    let files = ids("differ-", times(5, 50));
    fleet.put_files(&files);
    for id in &files {
        let answers = storm(&fleet, servers, id, |n, request| {
            request.file_name = format!("name-{n}.txt");
            request.conversation_id = format!("conversation-{n}");
            request.correlation_id = format!("correlation-{n}");
        })
        .await;
        let records = answers
            .iter()
            .map(|answer| answer.attachment.as_ref().unwrap());
        let told: BTreeSet<_> = records
            .map(|record| {
                (
                    &record.attachment_id,
                    &record.file_name,
                    &record.conversation_id,
                    &record.correlation_id,
                )
            })
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        let first = answers.iter().position(|answer| !answer.duplicate).unwrap();
        let (_, file_name, ..) = told.first().unwrap();
        assert_eq!(**file_name, format!("name-{first}.txt"));
    }
    fleet.assert_all_stored(files.len()).await;
    figure(
        "differing registrations",
        format_args!("{} x {STORM}, 2 servers", files.len()),
        "the first wins each",
    );
}
