//! What a log looks like to whoever reads it, be it a person or a program.

use super::reading::wait_stored;
use super::running_dev::RunningDev;
use super::running_service::{Ground, said};
use super::sandbox::{Process, Sandbox, eventually};
use crate::support::{get_request, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::GetAttachmentRequest;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_json_log_has_numbers_as_numbers_and_each_field_once() {
    let ground = Ground::new().await;
    let simulator = &ground.simulator;
    simulator.put_line_message("1001", Media::fixture(Fixture::Png));
    let failing = Media::fixture(Fixture::Png);
    simulator.put_line_message("1002", failing.script(["503", "404"]).unwrap());
    let mut service = ground.serve(&[]).await;
    let mut client = service.client_with_line(&ground.token()).await;
    let mut register = async |id: &str| {
        let registered = client.register_attachment(line(id)).await.unwrap();
        registered.into_inner().attachment.unwrap().attachment_id
    };
    let (stored, _) = (register("1001").await, register("1002").await);
    wait_stored(&mut client, &stored).await;
    let failed = |process: &Process| said(process, "the provider knows no such file");
    service.process.wait_for("it ends", failed).await;

    let log = service.process.stderr();
    for text in log.lines() {
        let line: Value = serde_json::from_str(text).unwrap();
        assert_eq!(line["spans"], Value::Null, "a second time: {text}");
        let (fields, span) = (line.as_object().unwrap(), &line["span"]);
        let of_span = span.as_object().into_iter().flatten();
        for (name, value) in fields.iter().chain(of_span) {
            let is_number = value
                .as_str()
                .is_some_and(|text| text.parse::<f64>().is_ok());
            assert!(!is_number || name.ends_with("id"), "{name}: {text}");
        }
        for name in fields.keys() {
            assert!(span.get(name).is_none(), "{name} twice: {text}");
        }
    }
    let line = said(&service.process, "stored").unwrap();
    for (of, name) in [
        (&line, "received_bytes"),
        (&line, "fetch_ms"),
        (&line, "store_ms"),
        (&line["span"], "attempt.fence"),
    ] {
        assert!(of[name].is_u64(), "{name}: {line}");
    }
    assert_eq!(line["span"]["attachment.id"], stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_log_says_of_a_slow_statement_which_and_not_all_of_it() {
    let sandbox = Sandbox::new();
    let mut dev = RunningDev::start(&sandbox).await;
    let (mut reader, _) = dev.clients("bff");
    let url = dev.text("database_url");
    let mut holder = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("begin; lock table attachments in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let unknown: GetAttachmentRequest =
        get_request("01890000-0000-7000-8000-000000000000".to_owned());
    let call = tokio::spawn(async move { reader.get_attachment(unknown).await });
    let others = PgConnection::connect(url).await.unwrap();
    let others = tokio::sync::Mutex::new(others);
    eventually(
        "a statement is slow, or was given up as too slow",
        async || {
            let slow = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                    and query_start < clock_timestamp() - interval '1.2 s'";
            let found: i64 = sqlx::query_scalar(slow)
                .fetch_one(&mut *others.lock().await)
                .await
                .unwrap();
            found > 0 || call.is_finished()
        },
    )
    .await;
    holder.close().await.unwrap();

    // On a busy machine one of the start's own may be slow before it.
    let slow = |process: &Process| {
        let log = process.stderr();
        let mut lines = log.lines().map(str::to_owned);
        lines.find(|line| line.contains("slow statement") && line.contains("summary=\"select"))
    };
    let line = dev.process.wait_for("it is logged", slow).await;
    assert!(line.contains("elapsed="), "{line}");
    let log = dev.process.stderr();
    assert!(!log.contains("db.statement"), "{log}");
    for line in log.lines() {
        // Each line is one of the log, none a piece of SQL.
        assert!(line.starts_with("20"), "{line:?} in {log}");
    }
}
