//! Watching by many: what it costs, how many may, and that each is told
//! everything once, however it came to where it is.

mod caps;
mod cost;
mod filters;
mod pace;
mod seam;

use crate::support::{TENANT, TestApp, line, next_change};
use attachments::proto::{
    Attachment, ListAttachmentsRequest, RegisterAttachmentRequest, WatchAttachmentsRequest,
    WatchAttachmentsResponse,
};
use sqlx::PgConnection;
use tonic::Streaming;

/// Changes that a test makes by itself are told apart by their number of
/// attempts. None that the service makes has as many.
const LAST: i32 = 30_000;

/// Writes numbered changes of an attachment to the outbox, in one statement.
async fn write(connection: &mut PgConnection, id: &str, from: i32, to: i32) {
    sqlx::query(
        "insert into events (tenant_id, attachment_id, channel_id, message_id, registered_at,
             status, attempt_count)
         select tenant_id, id, channel_id, message_id, created_at, 'pending', n
         from attachments cross join generate_series($2::integer, $3) as n
         where id = $1::uuid order by n",
    )
    .bind(id)
    .bind(from)
    .bind(to)
    .execute(connection)
    .await
    .unwrap();
}

/// An attachment that nothing more happens to by itself, whose record is large.
async fn at_rest(app: &TestApp, name: &str) -> String {
    let long = |prefix: &str| format!("{prefix}-{name}-{}", "x".repeat(200));
    let request = RegisterAttachmentRequest {
        message_id: long("message"),
        conversation_id: long("conversation"),
        correlation_id: long("correlation"),
        sender_id: long("sender"),
        ..line(name)
    };
    // The provider knows nothing of it.
    app.ingest(request).await.attachment_id
}

/// Where a watch begins that hears of everything from now on.
async fn now(app: &TestApp) -> String {
    let request = ListAttachmentsRequest::default();
    let listed = app.client(TENANT).list_attachments(request).await;
    listed.unwrap().into_inner().watch_cursor
}

fn from(cursor: &str) -> WatchAttachmentsRequest {
    WatchAttachmentsRequest {
        cursor: cursor.to_owned(),
        ..WatchAttachmentsRequest::default()
    }
}

/// The next change, checkpoints passed over.
async fn next(stream: &mut Streaming<WatchAttachmentsResponse>) -> Attachment {
    loop {
        if let Some(attachment) = next_change(stream).await.attachment {
            return attachment;
        }
    }
}

/// The numbers of all changes up to the last one.
async fn up_to_last(stream: &mut Streaming<WatchAttachmentsResponse>) -> Vec<i32> {
    let mut heard = Vec::new();
    loop {
        match next(stream).await.attempt_count {
            LAST => return heard,
            number => heard.push(number),
        }
    }
}
