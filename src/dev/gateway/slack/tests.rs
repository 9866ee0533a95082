//! Bodies as Slack's Events API documents them.

use super::*;
use serde_json::json;

fn parse_json(body: &Value) -> Posted {
    parse(&"T1".parse().unwrap(), body.to_string().as_bytes()).unwrap()
}

fn event(event: &Value) -> Option<Event> {
    match parse_json(&json!({
        "type": "event_callback", "token": "old", "team_id": "T1", "api_app_id": "A1",
        "event_id": "Ev0PV52K25", "event_time": 1_531_420_618, "event": event,
    })) {
        Posted::Event(event) => event,
        other @ Posted::Challenge(_) => panic!("{other:?}"),
    }
}

fn message(event_json: &Value) -> InboundMessage {
    match event(event_json) {
        Some(Event::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn share(files: &Value) -> Value {
    json!({
        "type": "message", "subtype": "file_share", "text": "see", "upload": true,
        "user": "U1", "channel": "C1", "ts": "1531420618.000100", "files": files,
    })
}

#[test]
fn the_endpoint_verification_is_answered() {
    let body = json!({"type": "url_verification", "token": "old", "challenge": "3eZbrw"});
    assert_eq!(parse_json(&body), Posted::Challenge("3eZbrw".to_owned()));
}

#[test]
fn a_shared_file_is_registered_with_what_slack_states() {
    let message = message(&share(&json!([{
        "id": "F01234567", "name": "report.pdf", "mimetype": "application/pdf",
        "size": 2138, "mode": "hosted", "file_access": "visible",
        "url_private": "https://files.slack.com/files-pri/T1-F01234567/report.pdf",
        "url_private_download": "https://files.slack.com/files-pri/T1-F01234567/download/report.pdf",
    }])));
    assert_eq!(message.id.as_str(), "C1:1531420618.000100");
    assert_eq!(message.kind, "file_share");
    let expected = RegisterAttachmentRequest {
        channel_id: "T1".to_owned(),
        source: Some(Source::Slack(SlackSource {
            file_id: "F01234567".to_owned(),
            url_private_download:
                "https://files.slack.com/files-pri/T1-F01234567/download/report.pdf".to_owned(),
            mode: "hosted".to_owned(),
            file_access: "visible".to_owned(),
        })),
        message_id: "C1:1531420618.000100".to_owned(),
        conversation_id: "C1".to_owned(),
        sender_id: "U1".to_owned(),
        message_time: Some(Timestamp {
            seconds: 1_531_420_618,
            nanos: 100_000,
        }),
        correlation_id: "Ev0PV52K25".to_owned(),
        file_name: "report.pdf".to_owned(),
        declared_content_type: "application/pdf".to_owned(),
        declared_size_bytes: Some(2138),
    };
    assert_eq!(message.files, [expected]);
}

#[test]
fn a_stub_has_no_name_type_or_size() {
    let message = message(&share(&json!([
        {"id": "F1", "created": 0, "user": "", "mode": "file_access",
         "file_access": "check_file_info"},
        {"id": "F2", "name": null, "mimetype": "", "size": null, "mode": "hosted"},
        {"id": "F\u{0}3", "name": "unusable"},
    ])));
    let [stub, unnamed] = message.files.as_slice() else {
        panic!("{message:?}");
    };
    for file in [stub, unnamed] {
        assert_eq!(file.file_name, "");
        assert_eq!(file.declared_content_type, "");
        assert_eq!(file.declared_size_bytes, None);
    }
    let Some(Source::Slack(source)) = &stub.source else {
        panic!("{stub:?}");
    };
    assert_eq!(source.file_access, "check_file_info");
}

#[test]
fn files_count_whatever_the_subtype() {
    for subtype in [Value::Null, json!("bot_message"), json!("thread_broadcast")] {
        let mut event = share(&json!([{"id": "F1"}, {"id": "F2"}]));
        event["subtype"] = subtype;
        assert_eq!(message(&event).files.len(), 2);
    }
}

#[test]
fn a_message_without_files_is_kept() {
    let message = message(&json!({
        "type": "message", "channel": "C1", "ts": "1.2", "text": "hi",
    }));
    assert_eq!(message.kind, "message");
    assert_eq!(message.files, []);
    assert_eq!(message.payload["text"], "hi");
}

#[test]
fn a_deleted_file_is_named() {
    assert_eq!(
        event(&json!({"type": "file_deleted", "file_id": "F1", "channel_ids": ["C1"]})),
        Some(Event::FileDeleted {
            file_id: "F1".to_owned()
        })
    );
}

#[test]
fn other_events_are_passed_over() {
    let mut edit = share(&json!([{"id": "F1"}]));
    edit["subtype"] = json!("message_changed");
    for other in [
        edit,
        json!({"type": "file_shared", "file_id": "F1", "channel_id": "C1"}),
        json!({"type": "reaction_added", "item": {}}),
    ] {
        assert_eq!(event(&other), None, "{other}");
    }
    assert_eq!(
        parse_json(&json!({"type": "app_rate_limited"})),
        Posted::Event(None)
    );
}

#[test]
fn a_body_that_is_no_event_is_malformed() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"type":"event_callback"}"#,
        r#"{"type":"event_callback","event":{"type":"message"}}"#,
    ] {
        assert!(
            parse(&"T1".parse().unwrap(), body.as_bytes()).is_err(),
            "{body:?}"
        );
    }
}
