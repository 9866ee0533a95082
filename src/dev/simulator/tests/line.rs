//! LINE's content API: tokens, ids, the three calls.

use super::{client, content_url, start};
use crate::dev::simulator::{
    Fixture, Grant, LINE_DEV_TOKEN, Media, SLACK_DEV_TOKEN, Simulator, Transcoding,
};
use serde_json::{Value, json};

/// Status and JSON body.
async fn get(simulator: &Simulator, path: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = client().get(format!(
        "{}/v2/bot/message/{path}",
        simulator.line_content_url()
    ));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    assert!(
        response.headers().contains_key("x-line-request-id"),
        "{path}"
    );
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn only_a_good_line_token_reads() {
    let simulator = start().await;
    simulator.put_line_message("1", Media::fixture(Fixture::Png));
    simulator.put_token("old", Grant::line().revoked());
    for token in [None, Some("unknown"), Some("old"), Some(SLACK_DEV_TOKEN)] {
        let (status, body) = get(&simulator, "1/content", token).await;
        assert_eq!(status, 401, "{token:?}");
        assert_eq!(
            body["message"],
            "valid channel access token is not specified"
        );
    }
    assert_eq!(
        get(&simulator, "1/content", Some(LINE_DEV_TOKEN)).await.0,
        200
    );
}

#[tokio::test]
async fn a_refused_token_uses_no_step() {
    let simulator = start().await;
    simulator.put_line_message(
        "1",
        Media::fixture(Fixture::Png).script(["202", "ok"]).unwrap(),
    );
    assert_eq!(get(&simulator, "1/content", None).await.0, 401);
    assert_eq!(
        get(&simulator, "1/content", Some(LINE_DEV_TOKEN)).await.0,
        202
    );
    assert_eq!(
        get(&simulator, "1/content", Some(LINE_DEV_TOKEN)).await.0,
        200
    );
}

#[tokio::test]
async fn another_channels_token_finds_nothing() {
    let simulator = start().await;
    simulator.put_token("channel-a", Grant::line());
    simulator.put_line_message("1", Media::fixture(Fixture::Png).channel_token("channel-a"));
    assert_eq!(
        get(&simulator, "1/content", Some(LINE_DEV_TOKEN)).await.0,
        404
    );
    assert_eq!(get(&simulator, "1/content", Some("channel-a")).await.0, 200);
}

#[tokio::test]
async fn unknown_and_unsent_messages_answer_alike_on_every_call() {
    let simulator = start().await;
    simulator.put_line_message("2", Media::fixture(Fixture::Mp4).script(["410"]).unwrap());
    for call in ["content", "content/transcoding", "content/preview"] {
        let token = Some(LINE_DEV_TOKEN);
        let unknown = get(&simulator, &format!("1/{call}"), token).await;
        assert_eq!(unknown, (404, json!({ "message": "not found" })), "{call}");
        let unsent = get(&simulator, &format!("2/{call}"), token).await;
        assert_eq!(
            unsent,
            (410, json!({ "message": "The content is gone" })),
            "{call}"
        );
    }
}

#[tokio::test]
async fn transcoding_follows_the_script() {
    let simulator = start().await;
    let token = Some(LINE_DEV_TOKEN);
    simulator.put_line_message(
        "1",
        Media::fixture(Fixture::Mp4).script(["202", "ok"]).unwrap(),
    );
    assert_eq!(
        get(&simulator, "1/content/transcoding", token).await.1["status"],
        "processing"
    );
    get(&simulator, "1/content", token).await;
    assert_eq!(
        get(&simulator, "1/content/transcoding", token).await.1["status"],
        "succeeded"
    );

    let broken = Media::fixture(Fixture::M4a).script(["202"]).unwrap();
    simulator.put_line_message("2", broken.transcoding(Transcoding::Failed));
    assert_eq!(
        get(&simulator, "2/content/transcoding", token).await.1["status"],
        "failed"
    );
}

#[tokio::test]
async fn a_pdf_has_neither_transcoding_nor_preview() {
    let simulator = start().await;
    simulator.put_line_message("1", Media::fixture(Fixture::Pdf));
    for call in ["content/transcoding", "content/preview"] {
        assert_eq!(
            get(&simulator, &format!("1/{call}"), Some(LINE_DEV_TOKEN))
                .await
                .0,
            400,
            "{call}"
        );
    }
}

#[tokio::test]
async fn the_journal_has_hashes_and_what_was_sent() {
    use sha2::{Digest as _, Sha256};

    let simulator = start().await;
    simulator.put_line_message(
        "1",
        Media::fixture(Fixture::Png)
            .script(["ok", "cut:100", "reset"])
            .unwrap(),
    );
    let request = client()
        .get(content_url(&simulator, "1"))
        .bearer_auth(LINE_DEV_TOKEN);
    let request = request.header("accept-encoding", "identity");
    for _ in 0..2 {
        let response = request.try_clone().unwrap().send().await.unwrap();
        let _ = response.bytes().await;
    }
    assert!(request.send().await.is_err());
    client()
        .get(content_url(&simulator, "1"))
        .bearer_auth("stranger")
        .send()
        .await
        .unwrap();

    let journal = simulator.journal();
    let hash = |token: &str| Some(hex::encode(Sha256::digest(token)));
    assert_eq!(journal[0].path, "/line/v2/bot/message/1/content");
    assert_eq!(journal[0].authorization_sha256, hash(LINE_DEV_TOKEN));
    assert_eq!(journal[0].accept_encoding.as_deref(), Some("identity"));
    assert!(journal[0].request_id.is_some());
    let answers: Vec<_> = journal
        .iter()
        .map(|entry| (entry.status, entry.bytes_sent))
        .collect();
    assert_eq!(answers[..2], [(Some(200), 506), (Some(200), 100)]);
    assert!(
        answers[2..answers.len() - 1]
            .iter()
            .all(|answer| *answer == (None, 0))
    );
    let stranger = journal.last().unwrap();
    assert_eq!((stranger.status, stranger.token), (Some(401), None));
    assert_eq!(stranger.authorization_sha256, hash("stranger"));
    assert!(!format!("{journal:?}").contains(LINE_DEV_TOKEN));
    assert_eq!(simulator.requests_for("/message/1/"), journal.len());
}
