//! What most stories are made of, as the tenant most tests work for.

use super::{TENANT, TestApp, within};
use attachments::dev::simulator::{Fixture, Media, SlackFile};
use attachments::proto::{
    Attachment, Attempt, Channel, DeleteAttachmentRequest, ExplainAttachmentRequest,
    IssueAccessLinkRequest, RegisterAttachmentRequest, WatchAttachmentsRequest,
    WatchAttachmentsResponse, attachment::Status as AttachmentStatus,
    delete_attachment_request::Target,
};
use std::time::Duration;
use tonic::Streaming;

/// Longer than a server process of Postgres keeps its figures to itself.
pub const FIGURES_TOLD_WITHIN: Duration = Duration::from_secs(12);

impl TestApp {
    /// Puts a small LINE image in place that behaves as the script says.
    pub fn line_plays(&self, message_id: &str, script: &[&str]) {
        let image = Media::fixture(Fixture::Png).script(script).unwrap();
        self.simulator.put_line_message(message_id, image);
    }

    /// Puts a small Slack image in place that behaves as the script says;
    /// gives its address.
    pub fn slack_plays(&self, file_id: &str, script: &[&str]) -> String {
        let image = Media::fixture(Fixture::Png).script(script).unwrap();
        self.simulator
            .put_slack_file(file_id, SlackFile::new("picture.png", image))
    }

    /// Puts a channel with this credential; the empty one leaves what there is.
    pub async fn put_channel(&self, channel: Channel, credential: &str) {
        super::put_channel(&mut self.admin(TENANT), channel, credential).await;
    }

    /// Registers a file; gives its record as the answer has it.
    pub async fn register(&self, request: RegisterAttachmentRequest) -> Attachment {
        self.client(TENANT)
            .register_attachment(request)
            .await
            .unwrap()
            .into_inner()
            .attachment
            .unwrap()
    }

    /// Registers a file and waits until nothing more will happen to it by itself.
    pub async fn ingest(&self, request: RegisterAttachmentRequest) -> Attachment {
        let registered = self.register(request).await;
        self.wait_final(TENANT, &registered.attachment_id).await
    }

    /// Registers a file and waits until an attempt is running.
    pub async fn begin(&self, request: RegisterAttachmentRequest) -> Attachment {
        let registered = self.register(request).await;
        self.wait(TENANT, &registered.attachment_id, |attachment| {
            attachment.status() == AttachmentStatus::Downloading
        })
        .await
    }

    /// Begins to follow changes.
    pub async fn watch(
        &self,
        request: WatchAttachmentsRequest,
    ) -> Streaming<WatchAttachmentsResponse> {
        let watch = self.client(TENANT).watch_attachments(request).await;
        watch.unwrap().into_inner()
    }

    pub async fn explain(&self, id: &str) -> Vec<Attempt> {
        let request = ExplainAttachmentRequest {
            attachment_id: id.to_owned(),
        };
        self.client(TENANT)
            .explain_attachment(request)
            .await
            .unwrap()
            .into_inner()
            .attempts
    }

    pub async fn delete(&self, id: &str) -> Attachment {
        let request = DeleteAttachmentRequest {
            target: Some(Target::AttachmentId(id.to_owned())),
            ..DeleteAttachmentRequest::default()
        };
        self.client(TENANT)
            .delete_attachment(request)
            .await
            .unwrap()
            .into_inner()
            .attachments
            .remove(0)
    }

    /// The address of a link to it.
    pub async fn link(&self, id: &str) -> String {
        let request = IssueAccessLinkRequest {
            attachment_id: id.to_owned(),
            ..IssueAccessLinkRequest::default()
        };
        self.client(TENANT)
            .issue_access_link(request)
            .await
            .unwrap()
            .into_inner()
            .link
            .unwrap()
            .url
    }

    /// Lets addresses on this machine be plain http once they are recorded: a
    /// registration must be https, and no authority vouches for a test's server.
    pub async fn let_urls_be_plain(&self) {
        sqlx::raw_sql(
            "create function plain() returns trigger language plpgsql as $$ begin
                new.source = replace(new.source::text, 'https://127.', 'http://127.')::jsonb;
                return new;
             end $$;
             create trigger plain before insert on attachments
                for each row execute function plain()",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Lets a worker that is dead by now have taken the running attempt over;
    /// no attempt is left after the `last` one.
    pub async fn take_over_by_a_dead_worker(&self, id: &str, last: bool) {
        let taken_over = sqlx::query(
            "update work set leased_by = 'ghost', fence = fence + 1,
                 due_at = now() - interval '1 second',
                 attempt_count = case when $2 then max_attempts else attempt_count end
             where attachment_id = $1::uuid and leased_by is not null",
        )
        .bind(id)
        .bind(last)
        .execute(&self.pool)
        .await
        .unwrap();
        assert_eq!(taken_over.rows_affected(), 1);
    }

    /// Waits until no object is left that must go.
    pub async fn eventually_nothing_to_remove(&self) {
        self.eventually("no removals to be left", || async {
            let count: i64 = sqlx::query_scalar("select count(*) from removals")
                .fetch_one(&self.pool)
                .await
                .unwrap();
            count == 0
        })
        .await;
    }

    /// Waits until a statement of the service waits for a lock.
    pub async fn eventually_somebody_waits(&self) {
        self.eventually("a statement to wait for a lock", || async {
            let waits = "select exists (select 1 from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock')";
            let waits = sqlx::query_scalar(waits);
            waits.fetch_one(&self.pool).await.unwrap()
        })
        .await;
    }

    /// Transactions that its database has seen, this one not: each statement of
    /// the service is one. Told [`FIGURES_TOLD_WITHIN`] after they were made.
    pub async fn transactions(&self) -> i64 {
        sqlx::query_scalar(
            "select xact_commit + xact_rollback from pg_stat_database
             where datname = current_database()",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Rows of work that are left, of whatever attachment.
    pub async fn work_rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from work")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

/// What a watcher is told next.
pub async fn next_change(
    stream: &mut Streaming<WatchAttachmentsResponse>,
) -> WatchAttachmentsResponse {
    within("the next change", stream.message())
        .await
        .unwrap()
        .unwrap()
}
