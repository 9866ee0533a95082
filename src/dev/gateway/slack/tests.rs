//! Bodies as Slack's Events API documents them.

use super::*;
use crate::dev::gateway::event::media_id;
use crate::proto::SlackSource;
use crate::proto::register_attachment_request::Source;
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
    let mut replied = share(&json!([{"id": "F1"}]));
    replied["subtype"] = json!("message_replied");
    for other in [
        replied,
        json!({"type": "file_shared", "file_id": "F1", "channel_id": "C1"}),
        json!({"type": "file_unshared", "file_id": "F1", "file": {"id": "F1"}}),
        json!({"type": "reaction_added", "item": {}}),
    ] {
        assert_eq!(event(&other), None, "{other}");
    }
    assert_eq!(
        parse_json(&json!({"type": "app_rate_limited"})),
        Posted::Event(None)
    );
}

fn edit(message: &Value) -> Value {
    json!({
        "type": "message", "subtype": "message_changed", "channel": "C1", "hidden": true,
        "ts": "1531420700.000200", "event_ts": "1531420700.000200",
        "message": message, "previous_message": {},
    })
}

#[test]
fn an_edit_is_the_message_as_it_is_now() {
    let mut now = share(&json!([
        {"id": "F1", "mode": "hosted"}, {"id": "F2", "mode": "tombstone"}, {"id": "F3"},
    ]));
    now["channel"].take();
    let Some(Event::Edited { message, at }) = event(&edit(&now)) else {
        panic!("no edit");
    };
    assert_eq!(message.id.as_str(), "C1:1531420618.000100");
    assert_eq!(at, 1_531_420_700_000_200);
    assert_eq!(message.payload["channel"], "C1");
    assert_eq!(message.payload["previous_message"], Value::Null);
    let files: Vec<_> = message.files.iter().map(media_id).collect();
    assert_eq!(files, ["F1", "F3"], "the deleted one is no file of it");
    assert_eq!(message.files[1].conversation_id, "C1");
}

#[test]
fn a_message_that_is_gone_is_named() {
    let id = || "C1:1531420618.000100".parse().unwrap();
    let deleted = json!({
        "type": "message", "subtype": "message_deleted", "channel": "C1", "hidden": true,
        "ts": "1531420700.000200", "deleted_ts": "1531420618.000100",
    });
    assert_eq!(event(&deleted), Some(Event::MessageDeleted(id())));
    // One that has replies stays as a tombstone.
    let tombstone = json!({"type": "message", "subtype": "tombstone", "ts": "1531420618.000100"});
    assert_eq!(event(&edit(&tombstone)), Some(Event::MessageDeleted(id())));
}

#[test]
fn a_file_that_left_a_conversation_is_named() {
    assert_eq!(
        event(&json!({"type": "file_unshared", "file_id": "F1", "channel_id": "C1"})),
        Some(Event::FileUnshared {
            file_id: "F1".to_owned(),
            conversation: "C1".to_owned()
        })
    );
}

#[test]
fn what_cannot_be_read_is_done_with() {
    let mut timeless = edit(&share(&json!([])));
    timeless["ts"].take();
    timeless["event_ts"].take();
    for odd in [
        json!({"type": "message"}),
        json!({"type": "message", "channel": "C1", "text": "no ts"}),
        json!({"type": "message", "channel": "C 1", "ts": "1.2"}),
        json!({"type": "message", "channel": "C1", "ts": "1.2", "files": "none"}),
        json!({"type": "message", "channel": "C1", "subtype": "message_deleted"}),
        json!({"type": "file_deleted"}),
        json!({"type": "file_unshared", "file_id": "F1", "channel_id": "C\u{0}"}),
        json!({"no": "type"}),
        json!(17),
        timeless,
        edit(&json!({"ts": "1.2", "files": [{"name": "no id"}]})),
        edit(&Value::Null),
    ] {
        assert_eq!(event(&odd), None, "{odd}");
    }
    // Read as a message by its order, which it is not.
    event(&edit(&json!(["a", "U1", "1.2", []])));
    for odd in [
        "[]",
        "{}",
        "17",
        r#"{"type":"event_callback"}"#,
        r#"{"type":"url_verification"}"#,
    ] {
        let posted = parse(&"T1".parse().unwrap(), odd.as_bytes()).unwrap();
        assert_eq!(posted, Posted::Event(None), "{odd}");
    }
}

#[test]
fn an_odd_file_never_costs_the_others() {
    let message = message(&share(&json!([{"name": "no id"}, 17, {"id": "F1"}])));
    let files: Vec<_> = message.files.iter().map(media_id).collect();
    assert_eq!(files, ["F1"]);
}

#[test]
fn a_body_that_is_no_json_is_malformed() {
    for body in ["", "{", "payload=%7B%7D"] {
        assert!(
            parse(&"T1".parse().unwrap(), body.as_bytes()).is_err(),
            "{body:?}"
        );
    }
}
