//! I1, I2, I3, I6 and I7: what the tables alone can tell.

use super::{OPEN, alter, assert_found, assert_mended, audit, start, store, stored_again, tamper};
use crate::support::{LINE, TENANT, TestApp, channel, line, put_channel};
use attachments::audit::{Check, Repair};
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media};
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::{
    DeleteAttachmentRequest, RetryAttachmentRequest, attachment::Status as AttachmentStatus,
    channel::Provider,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_work_is_put_back_and_stray_work_dropped() {
    let app = start().await;
    let stored = store(&app, 2).await;
    // That it was stored once is forgotten with it.
    let forget = "delete from events where attachment_id = $1";
    tamper(&app, &[OPEN, forget], stored[0].id).await;
    let stray = "insert into work (attachment_id, tenant_id, kind, ready, max_attempts, due_at)
        values ($1, 'acme', 'ingest', false, 5, now() + interval '1 day')";
    tamper(&app, &[stray], stored[1].id).await;
    let expected = [
        (Check::OpenHasWork, 1),
        (Check::NoStrayWork, 1),
        (Check::ObjectHasRow, 1),
    ];
    assert_found(&audit(&app, Repair::No).await, &expected);
    let report = audit(&app, Repair::Yes).await;
    assert_found(&report, &expected);
    assert!(report.is_clean(), "{report}");
    stored_again(&app, &stored[0]).await;
    assert_found(&audit(&app, Repair::No).await, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_takes_is_found_and_left_to_the_workers() {
    let app = start().await;
    let stored = store(&app, 1).await;
    // Without an attempt left no worker takes it, and no sweeper comes by.
    let overdue =
        "insert into work (attachment_id, tenant_id, kind, max_attempts, attempt_count, due_at)
        values ($1, 'acme', 'ingest', 5, 5, now() - interval '1 day')";
    tamper(&app, &[OPEN, overdue], stored[0].id).await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(
        &report,
        &[(Check::NothingOverdue, 1), (Check::ObjectHasRow, 1)],
    );
    assert!(!report.is_clean());
    assert!(report.to_string().contains("see that one runs"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_journal_tells_of_has_a_row() {
    for table in ["attempts", "events"] {
        let app = start().await;
        let stored = store(&app, 1).await;
        let others = if table == "attempts" {
            "events"
        } else {
            "attempts"
        };
        let forget = format!("delete from {others}");
        sqlx::query(sqlx::AssertSqlSafe(forget))
            .execute(&app.pool)
            .await
            .unwrap();
        tamper(
            &app,
            &["delete from attachments where id = $1"],
            stored[0].id,
        )
        .await;
        let report = audit(&app, Repair::Yes).await;
        assert_eq!(
            report.findings[0].check,
            Check::RowIsThere,
            "{table}: {report}"
        );
        assert_eq!(report.findings[0].samples, [stored[0].id.to_string()]);
        assert!(
            report.to_string().contains("register the file again"),
            "{report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_status_is_left_by_deletion_retry_and_a_credential_only() {
    let app = start().await;
    let mut client = app.client(TENANT);
    let stored = store(&app, 3).await;
    // Failed, retried, stored, deleted.
    let registered = client.register_attachment(line("late")).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;
    app.wait_final(TENANT, &id).await;
    let media = Media::fixture(Fixture::Png);
    app.simulator.put_line_message("late", media.clone());
    let attachment_id = id.clone();
    let retry = RetryAttachmentRequest { attachment_id };
    client.retry_attachment(retry).await.unwrap();
    app.wait_final(TENANT, &id).await;
    let target = Some(Target::AttachmentId(id));
    let delete = DeleteAttachmentRequest {
        target,
        ..DeleteAttachmentRequest::default()
    };
    client.delete_attachment(delete).await.unwrap();
    // Failed for want of a credential, until there is one.
    let mut admin = app.admin(TENANT);
    put_channel(&mut admin, channel(LINE, Provider::Line), "revoked").await;
    app.simulator.put_line_message("locked", media);
    let registered = client.register_attachment(line("locked")).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;
    let failed = app.wait_final(TENANT, &id).await;
    assert_eq!(failed.status(), AttachmentStatus::Failed);
    put_channel(&mut admin, channel(LINE, Provider::Line), LINE_DEV_TOKEN).await;
    app.wait(TENANT, &id, |attachment| {
        attachment.status() == AttachmentStatus::Stored
    })
    .await;
    assert_found(&audit(&app, Repair::No).await, &[]);

    // By hand, past every rule; the triggers tell of it.
    sqlx::query(OPEN)
        .bind(stored[0].id)
        .execute(&app.pool)
        .await
        .unwrap();
    sqlx::query(
        "with emptied as (delete from objects where attachment_id = $1)
         update attachments set status = 'rejected', failure_reason = 'CORRUPTED' where id = $1",
    )
    .bind(stored[1].id)
    .execute(&app.pool)
    .await
    .unwrap();
    let report = audit(&app, Repair::Yes).await;
    assert_eq!(
        super::found(&report, Check::FinalStaysFinal).map(|left| (left.count, left.mended)),
        Some((2, 0)),
        "{report}"
    );
    assert!(report.to_string().contains("cannot be unsaid"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_constraint_is_put_back_while_sources_are_unique() {
    let app = start().await;
    let stored = store(&app, 1).await;
    alter(
        &app,
        "alter table attachments drop constraint attachments_occurrence_key",
    )
    .await;
    assert_found(&audit(&app, Repair::No).await, &[(Check::UniqueIsKept, 1)]);
    let double = "insert into attachments (tenant_id, id, channel_id, media_id, part,
            occurrence, source, message_id, file_name, declared_content_type, retention, status, max_attempts,
            failure_reason)
        select tenant_id, gen_random_uuid(), channel_id, media_id, part, occurrence, source,
            message_id, file_name, declared_content_type, retention, 'failed', max_attempts,
            'SOURCE_NOT_FOUND'
        from attachments where id = $1";
    tamper(&app, &[double], stored[0].id).await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(
        &report,
        &[(Check::UniqueIsKept, 1), (Check::SourcesAreUnique, 1)],
    );
    assert!(!report.is_clean(), "{report}");

    alter(&app, "delete from attachments where status = 'failed'").await;
    let report = audit(&app, Repair::Yes).await;
    assert_mended(&report, Check::UniqueIsKept);
    assert_found(&audit(&app, Repair::No).await, &[]);
    assert_records_again(&app).await;
}

/// The statement that records needs the constraint.
async fn assert_records_again(app: &TestApp) {
    let mut client = app.client(TENANT);
    for duplicate in [false, true] {
        let answer = client.register_attachment(line("again")).await.unwrap();
        assert_eq!(answer.into_inner().duplicate, duplicate);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_beyond_the_cap_are_found() {
    let app = start().await;
    let stored = store(&app, 1).await;
    alter(
        &app,
        "alter table attachments drop constraint attachments_attempts",
    )
    .await;
    let many = "update attachments set attempt_count = 9 where id = $1";
    tamper(&app, &[many], stored[0].id).await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(&report, &[(Check::AttemptsWithinCap, 1)]);
    assert!(!report.is_clean());
}
