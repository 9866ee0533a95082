//! Bodies as LINE's reference shows them.

use super::*;
use serde_json::json;

fn parse_json(body: &Value) -> Vec<Event> {
    let channel = "bot-1".parse().unwrap();
    parse(&channel, body.to_string().as_bytes()).unwrap()
}

fn message_event(message: &Value) -> Value {
    json!({
        "type": "message",
        "mode": "active",
        "timestamp": 1_627_356_924_513_i64,
        "source": {"type": "user", "userId": "U4af4980629"},
        "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
        "deliveryContext": {"isRedelivery": false},
        "replyToken": "7840b71058e24a5d91f9b5726c7512c9",
        "message": message,
    })
}

fn one_message(message: &Value) -> InboundMessage {
    let body = json!({"destination": "U0", "events": [message_event(message)]});
    match parse_json(&body).as_slice() {
        [Event::Message(message)] => message.clone(),
        other => panic!("{other:?}"),
    }
}

fn one_file(message: &Value) -> RegisterAttachmentRequest {
    let [file] = one_message(message).files.try_into().unwrap();
    file
}

fn line_source(request: &RegisterAttachmentRequest) -> &LineSource {
    match &request.source {
        Some(Source::Line(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_is_registered_under_its_message_id() {
    let request = one_file(&json!({
        "type": "image", "id": "354718705033693859", "quoteToken": "q3Plxr4AgKd",
        "contentProvider": {"type": "line"},
    }));
    assert_eq!(
        request,
        RegisterAttachmentRequest {
            channel_id: "bot-1".to_owned(),
            source: Some(Source::Line(LineSource {
                message_id: "354718705033693859".to_owned(),
                message_type: "image".to_owned(),
                content_provider: "line".to_owned(),
                ..LineSource::default()
            })),
            message_id: "354718705033693859".to_owned(),
            conversation_id: "U4af4980629".to_owned(),
            sender_id: "U4af4980629".to_owned(),
            message_time: Some(Timestamp {
                seconds: 1_627_356_924,
                nanos: 513_000_000,
            }),
            correlation_id: "01FZ74A0TDDPYRVKNK77XKC3ZR".to_owned(),
            ..RegisterAttachmentRequest::default()
        }
    );
}

#[test]
fn an_external_video_keeps_its_url() {
    let request = one_file(&json!({
        "id": "325708", "type": "video", "quoteToken": "q3", "duration": 60000,
        "contentProvider": {
            "type": "external",
            "originalContentUrl": "https://example.com/original.mp4",
            "previewImageUrl": "https://example.com/preview.jpg",
        },
    }));
    let source = line_source(&request);
    assert_eq!(source.content_provider, "external");
    assert_eq!(
        source.original_content_url,
        "https://example.com/original.mp4"
    );
    assert_eq!(request.declared_content_type, "");
}

#[test]
fn audio_states_neither_type_nor_size() {
    let request = one_file(&json!({
        "id": "325709", "type": "audio", "duration": 60000, "contentProvider": {"type": "line"},
    }));
    assert_eq!(line_source(&request).content_provider, "line");
    assert_eq!(request.declared_content_type, "");
    assert_eq!(request.declared_size_bytes, None);
}

#[test]
fn a_file_states_name_and_size() {
    let request = one_file(&json!({
        "id": "325710", "type": "file", "fileName": "รายงาน.pdf", "fileSize": 2138,
    }));
    assert_eq!(request.file_name, "รายงาน.pdf");
    assert_eq!(request.declared_size_bytes, Some(2138));
    assert_eq!(line_source(&request).content_provider, "");
}

#[test]
fn escaped_characters_are_read_as_what_they_stand_for() {
    let body = br#"{"events":[{"type":"message","message":{"id":"1","type":"file",
        "fileName":"\uD83E\uDD28 \u0E44\u0E17\u0E22\u0000.pdf","fileSize":1}}]}"#;
    let events = parse(&"bot-1".parse().unwrap(), body).unwrap();
    let [Event::Message(message)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(message.files[0].file_name, "🤨 ไทย\0.pdf");
}

#[test]
fn messages_without_content_are_kept_and_register_nothing() {
    for kind in ["text", "sticker", "location", "hologram"] {
        let message = one_message(&json!({"id": "325711", "type": kind, "text": "hi"}));
        assert_eq!(message.kind, kind);
        assert_eq!(message.files, []);
    }
}

#[test]
fn an_album_with_one_event_id_is_two_messages() {
    let image = |id: &str, index: Value| {
        message_event(&json!({
            "type": "image", "id": id, "contentProvider": {"type": "line"},
            "imageSet": {"id": "E005D41A", "index": index, "total": 2},
        }))
    };
    let body = json!({"events": [image("2", json!(2)), image("1", Value::Null)]});
    let files: Vec<_> = parse_json(&body)
        .into_iter()
        .flat_map(|event| match event {
            Event::Message(message) => message.files,
            other => panic!("{other:?}"),
        })
        .collect();
    let [second, first] = files.as_slice() else {
        panic!("{files:?}");
    };
    assert_eq!(second.correlation_id, first.correlation_id);
    assert_eq!(
        (second.message_id.as_str(), first.message_id.as_str()),
        ("2", "1")
    );
    let set = |request| line_source(request).image_set.clone().unwrap();
    assert_eq!((set(second).index, set(second).total), (2, 2));
    assert_eq!((set(first).index, set(first).total), (0, 2));
}

#[test]
fn the_conversation_is_the_group_before_the_user() {
    for (source, expected) in [
        (
            json!({"type": "group", "groupId": "C1", "userId": "U1"}),
            "C1",
        ),
        (
            json!({"type": "room", "roomId": "R1", "userId": "U1"}),
            "R1",
        ),
        (json!({"type": "user", "userId": "U1"}), "U1"),
        (json!({"type": "planet"}), ""),
        (Value::Null, ""),
    ] {
        let mut event = message_event(&json!({"id": "1", "type": "image"}));
        event["source"] = source;
        let events = parse_json(&json!({"events": [event]}));
        let [Event::Message(message)] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(message.files[0].conversation_id, expected);
    }
}

#[test]
fn the_reply_token_is_not_kept() {
    let message = one_message(&json!({"id": "1", "type": "text", "text": "hi"}));
    assert_eq!(message.payload.get("replyToken"), None);
    assert_eq!(message.payload["message"]["text"], "hi");
}

#[test]
fn unsend_names_its_message() {
    let body = json!({"events": [{
        "type": "unsend", "mode": "active", "timestamp": 1, "webhookEventId": "01F",
        "source": {"type": "user", "userId": "U1"}, "unsend": {"messageId": "325708"},
    }]});
    assert_eq!(
        parse_json(&body),
        [Event::Unsent("325708".parse().unwrap())]
    );
}

#[test]
fn what_cannot_be_read_never_costs_the_rest() {
    let body = json!({"destination": "U0", "surprise": [], "events": [
        {"type": "follow", "follow": {"isUnblocked": false}},
        {"type": "teleported", "message": 7},
        {"type": "message"},
        {"type": "message", "message": {"id": "a b", "type": "image"}},
        {"no": "type"},
        17,
        message_event(&json!({"id": "1", "type": "image", "surprise": {}})),
    ]});
    let events = parse_json(&body);
    assert!(matches!(events.as_slice(), [Event::Message(message)] if message.id.as_str() == "1"));
}

#[test]
fn the_consoles_verification_has_no_events() {
    assert_eq!(parse_json(&json!({"destination": "U0", "events": []})), []);
}

#[test]
fn a_body_that_is_no_webhook_is_malformed() {
    let channel = "bot-1".parse().unwrap();
    for body in ["", "{", "[1]", "\"text\"", r#"{"events":"none"}"#] {
        assert!(parse(&channel, body.as_bytes()).is_err(), "{body:?}");
    }
}

#[test]
fn a_content_provider_yet_to_be_invented_costs_no_registration() {
    let event = message_event(&json!({
        "id": "1", "type": "image", "contentProvider": {"type": "moon", "originalContentUrl": "x"},
    }));
    let events = parse_json(&json!({"destination": "U0", "events": [event]}));
    let [Event::Message(message)] = events.as_slice() else {
        panic!("{events:?}");
    };
    let Some(Source::Line(source)) = &message.files[0].source else {
        panic!("{message:?}");
    };
    assert_eq!(source.content_provider, "");
    assert_eq!(source.original_content_url, "");
}
