//! What becomes of a message after it was sent, from webhook to its files.

use super::failures::Road;
use crate::support::{TENANT, TestApp, TestGateway, line};
use attachments::dev::simulator::webhook::{LineEvent, SlackEvent};
use attachments::dev::simulator::{Fixture, Media, SlackFile};
use attachments::proto::Attachment;
use attachments::proto::attachment::{FailureReason, Status};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::slice::from_ref;

/// Slack's times of two messages and of what happened to them.
const ONE: &str = "1531420618.000100";
const TWO: &str = "1531420619.000100";
const LATER: &str = "1531420700.000100";
const LATER_STILL: &str = "1531420800.000100";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_registers_the_file_that_it_adds() {
    let (app, gateway) = start().await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    post(&gateway, &SlackEvent::shared(ONE, from_ref(&f1))).await;
    let first = gateway.attachment_of(&id(ONE)).await;

    let edit = SlackEvent::edited(ONE, LATER, from_ref(&f1), &[f1.clone(), f2]);
    post(&gateway, &edit).await;
    let both = gateway.attachments_of(&id(ONE)).await;
    assert_eq!((both.len(), &both[0]), (2, &first));
    for attachment in &both {
        let stored = app.wait_final(TENANT, attachment).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
        assert_eq!(stored.message_id, id(ONE));
        assert_eq!(stored.message_time.unwrap().seconds, 1_531_420_618);
        assert_eq!(stored.sender_id, "U0SENDER");
    }
    // Slack delivers again what it takes for lost.
    post(&gateway, &edit).await;
    assert_eq!(gateway.attachments_of(&id(ONE)).await, both);
    let recorded = gateway.message(&id(ONE)).await;
    assert_eq!(recorded["payload"]["files"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_removes_the_file_that_it_drops_from_that_message_only() {
    let (app, gateway) = start().await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    let before = [f1.clone(), f2.clone()];
    post(&gateway, &SlackEvent::shared(ONE, &before)).await;
    post(&gateway, &SlackEvent::shared(TWO, &[f1])).await;
    let [dropped, kept] = gateway.attachments_of(&id(ONE)).await.try_into().unwrap();
    let elsewhere = gateway.attachment_of(&id(TWO)).await;

    post(&gateway, &SlackEvent::edited(ONE, LATER, &before, &[f2])).await;
    assert_eq!(gateway.attachments_of(&id(ONE)).await, *from_ref(&kept));
    taken_back(&app, &dropped).await;
    for attachment in [&kept, &elsewhere] {
        let stored = app.wait_final(TENANT, attachment).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_comes_late_undoes_no_newer_one() {
    let (app, gateway) = start().await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    let both = [f1.clone(), f2];
    // Even before the message itself.
    post(&gateway, &SlackEvent::edited(ONE, LATER_STILL, &[], &both)).await;
    post(
        &gateway,
        &SlackEvent::edited(ONE, LATER, from_ref(&f1), &[]),
    )
    .await;
    post(&gateway, &SlackEvent::shared(ONE, &[f1])).await;

    let registered = gateway.attachments_of(&id(ONE)).await;
    assert_eq!(registered.len(), 2);
    for attachment in registered {
        let stored = app.wait_final(TENANT, &attachment).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_message_takes_its_files_along_and_no_others() {
    let (app, gateway) = start().await;
    let files = [file(&app, "F1"), file(&app, "F2")];
    for ts in [ONE, TWO] {
        post(&gateway, &SlackEvent::shared(ts, &files)).await;
    }
    let gone = gateway.attachments_of(&id(ONE)).await;
    let left = gateway.attachments_of(&id(TWO)).await;

    let deletion = SlackEvent::message_deleted(ONE, LATER, &files);
    for _ in 0..2 {
        post(&gateway, &deletion).await;
    }
    gateway.settled().await;
    for attachment in &gone {
        taken_back(&app, attachment).await;
    }
    for attachment in &left {
        let stored = app.wait_final(TENANT, attachment).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
    }
    let recorded = gateway.message(&id(ONE)).await;
    assert_eq!(recorded["payload"], Value::Null, "{recorded}");
    // An edit from before does not bring it back.
    post(&gateway, &SlackEvent::edited(ONE, LATER, &[], &files)).await;
    assert_eq!(gateway.message(&id(ONE)).await["payload"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_deleted_before_it_came_stays_out() {
    let (app, gateway) = start().await;
    let files = [file(&app, "F1")];
    post(&gateway, &SlackEvent::message_deleted(ONE, LATER, &files)).await;
    post(&gateway, &SlackEvent::shared(ONE, &files)).await;
    gateway.settled().await;
    assert_eq!(gateway.attachments_of(&id(ONE)).await, [""; 0]);
    assert_eq!(app.objects().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_file_is_gone_from_every_message() {
    let (app, gateway) = start().await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    post(&gateway, &SlackEvent::shared(ONE, &[f1.clone(), f2])).await;
    post(&gateway, &SlackEvent::shared(TWO, &[f1])).await;
    let [gone, kept] = gateway.attachments_of(&id(ONE)).await.try_into().unwrap();
    let elsewhere = gateway.attachment_of(&id(TWO)).await;

    post(&gateway, &SlackEvent::file_deleted("F1")).await;
    gateway.settled().await;
    for attachment in [&gone, &elsewhere] {
        taken_back(&app, attachment).await;
    }
    let stored = app.wait_final(TENANT, &kept).await;
    assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unshared_file_leaves_the_one_message_that_had_it() {
    let (app, gateway) = start().await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    post(&gateway, &SlackEvent::shared(ONE, &[f1.clone(), f2])).await;
    post(&gateway, &SlackEvent::shared(TWO, &[f1])).await;
    let [first, only] = gateway.attachments_of(&id(ONE)).await.try_into().unwrap();

    // Which of two messages lost it is not said, so neither does.
    post(&gateway, &SlackEvent::file_unshared("F1")).await;
    post(&gateway, &SlackEvent::file_unshared("F2")).await;
    assert_eq!(gateway.attachments_of(&id(ONE)).await, *from_ref(&first));
    taken_back(&app, &only).await;
    let stored = app.wait_final(TENANT, &first).await;
    assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsent_message_is_its_senders_wish() {
    let (app, gateway) = start().await;
    for message in ["1", "2"] {
        app.line_plays(message, &["ok"]);
    }
    assert_eq!(
        gateway.post_line(LineEvent::image("1")).await,
        StatusCode::OK
    );
    let attachment = gateway.attachment_of("1").await;
    app.wait_final(TENANT, &attachment).await;

    // One webhook may hold several events; of the second message, in the
    // other order.
    let events = [
        LineEvent::unsend("2"),
        LineEvent::unsend("1"),
        LineEvent::image("2"),
    ];
    assert_eq!(gateway.post_line_events(&events).await, StatusCode::OK);
    gateway.settled().await;
    taken_back(&app, &attachment).await;
    assert_eq!(gateway.attachments_of("2").await, [""; 0]);
    // Whoever else registers it is told the same.
    taken_back(&app, &app.ingest(line("2")).await.attachment_id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_answered_200_and_what_is_not_signed_401() {
    let (_app, gateway) = start().await;
    for odd in [
        json!({ "type": "teleported", "channel": "C1" }),
        json!({ "type": "message", "channel": "C1", "text": "without a time" }),
        json!({ "type": "message", "subtype": "message_changed", "channel": "C1" }),
        json!({ "type": "message", "subtype": "message_changed", "channel": "C1",
                "message": { "ts": ONE, "files": "none" }, "event_ts": LATER }),
        json!({ "type": "message", "subtype": "message_deleted", "channel": "C1" }),
        json!({ "type": "file_deleted", "file_id": 7 }),
        json!({ "type": "file_unshared", "file_id": "F1", "channel_id": "C\u{0}" }),
        json!(["message"]),
        json!({}),
        Value::Null,
    ] {
        let event = SlackEvent::other(odd.clone());
        assert_eq!(gateway.post_slack(&event).await, StatusCode::OK, "{odd}");
    }
    let hint = SlackEvent::file_shared("F1");
    assert_eq!(gateway.post_slack(&hint).await, StatusCode::OK);
    assert_eq!(gateway.post_line_events(&[]).await, StatusCode::OK);
    assert_eq!(gateway.pending_calls().await, 0);
    let forged = gateway.post_slack_signed("another secret", &hint).await;
    assert_eq!(forged, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_that_passes_while_the_service_is_down_is_caught_up_in_order() {
    let app = TestApp::start().await;
    let road = Road::closed_to(app.app.grpc_addr).await;
    let gateway = TestGateway::start_before(&app, road.address).await;
    let [f1, f2] = [file(&app, "F1"), file(&app, "F2")];
    post(&gateway, &SlackEvent::shared(ONE, from_ref(&f1))).await;
    post(
        &gateway,
        &SlackEvent::edited(ONE, LATER, &[f1], from_ref(&f2)),
    )
    .await;
    post(&gateway, &SlackEvent::shared(TWO, from_ref(&f2))).await;
    post(&gateway, &SlackEvent::message_deleted(TWO, LATER, &[f2])).await;
    gateway.stop().await;

    // The removal of F1 is due before its registration.
    sqlx::query(
        "update gateway.outbox set due_at = now()
             + make_interval(secs => case kind when 'register' then 2 else 0 end)",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    road.open();
    let gateway = TestGateway::start_before(&app, road.address).await;
    gateway.settled().await;
    let left = gateway.attachment_of(&id(ONE)).await;
    let stored = app.wait_final(TENANT, &left).await;
    assert_eq!(stored.status(), Status::Stored, "{stored:#?}");
    assert_eq!(gateway.attachments_of(&id(TWO)).await, [""; 0]);
    // F1 was registered, and is gone.
    let statuses: Vec<String> =
        sqlx::query_scalar("select status::text from attachments order by status::text")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    assert_eq!(statuses, ["deleted", "stored"]);
}

async fn start() -> (TestApp, TestGateway) {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    (app, gateway)
}

/// Puts a file into the simulated Slack; gives it as events carry it.
fn file(app: &TestApp, id: &str) -> Value {
    let file = SlackFile::new(format!("{id}.png"), Media::fixture(Fixture::Png));
    app.simulator.put_slack_file(id, file);
    app.simulator.slack_file_object(id).unwrap()
}

async fn post(gateway: &TestGateway, event: &SlackEvent) {
    assert_eq!(gateway.post_slack(event).await, StatusCode::OK, "{event:?}");
}

/// The message's name in the simulated conversation.
fn id(ts: &str) -> String {
    format!("C0SIMULATOR:{ts}")
}

/// Waits until it is gone by its sender's wish.
async fn taken_back(app: &TestApp, attachment: &str) {
    let is_deleted = |found: &Attachment| found.status() == Status::Deleted;
    let deleted = app.wait(TENANT, attachment, is_deleted).await;
    assert_eq!(deleted.failure_reason(), FailureReason::SourceDeleted);
}
