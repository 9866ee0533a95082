//! The control API, and what it refuses.

use super::{client, content_url, start};
use crate::dev::simulator::{Fixture, LINE_DEV_TOKEN, SLACK_DEV_TOKEN, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpStream;

async fn put(simulator: &Simulator, path: &str, body: impl Into<String>) -> (u16, Value) {
    let url = format!("{}{path}", simulator.control_url());
    let response = client().put(url).body(body.into()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    let url = format!("{}{path}", simulator.control_url());
    client()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_line_message_put_by_http_plays_its_script() {
    let simulator = start().await;
    let body = json!({ "fixture": "jpeg", "size": 5000, "content_type": "image/png", "script": ["500", "ok"] });
    let (status, answer) = put(&simulator, "/line/messages/42", body.to_string()).await;
    assert_eq!((status, &answer["size_bytes"]), (200, &json!(5000)));
    assert_eq!(answer["url"], content_url(&simulator, "42"));
    let fetch = || {
        client()
            .get(content_url(&simulator, "42"))
            .bearer_auth(LINE_DEV_TOKEN)
            .send()
    };
    assert_eq!(fetch().await.unwrap().status(), 500);
    let found = fetch().await.unwrap();
    assert_eq!(found.headers()["content-type"], "image/png");
    assert_eq!(found.bytes().await.unwrap().len(), 5000);
    assert_eq!(
        get(&simulator, "/messages").await["line"]["42"]["requests"],
        2
    );
}

#[tokio::test]
async fn a_slack_file_put_by_http_is_announced_and_read() {
    let simulator = start().await;
    let body = json!({ "content_base64": "aGVsbG8=", "name": "a.txt", "mimetype": "", "declared_size": 9 });
    let (_, answer) = put(&simulator, "/slack/files/F7", body.to_string()).await;
    assert_eq!(
        (
            &answer["event_file"]["mimetype"],
            &answer["event_file"]["size"]
        ),
        (&json!(""), &json!(9))
    );
    let url = answer["url_private_download"].as_str().unwrap();
    let response = client()
        .get(url)
        .bearer_auth(SLACK_DEV_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_token_put_by_http_is_known_and_can_be_revoked() {
    let simulator = start().await;
    put(&simulator, "/line/messages/1", "").await;
    let fetch = || {
        client()
            .get(content_url(&simulator, "1"))
            .bearer_auth("fresh")
            .send()
    };
    for (body, expected) in [
        (json!({ "provider": "line" }), 200),
        (json!({ "provider": "line", "revoked": true }), 401),
    ] {
        assert_eq!(
            put(&simulator, "/tokens/fresh", body.to_string()).await.0,
            200
        );
        assert_eq!(fetch().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn a_bad_request_is_named() {
    let simulator = start().await;
    for (path, body, named) in [
        (
            "/line/messages/1",
            r#"{"script":["ok","flap"]}"#,
            r#"script[1] "flap""#,
        ),
        (
            "/slack/files/F1",
            r#"{"info_script":["flap"]}"#,
            r#"info_script[0] "flap""#,
        ),
        ("/line/messages/1", r#"{"fixture":"bmp"}"#, "bmp"),
        ("/line/messages/1", r#"{"fixture":"png","size":1}"#, "506"),
        (
            "/line/messages/1",
            r#"{"content_base64":"%"}"#,
            "content_base64",
        ),
        (
            "/line/messages/1",
            r#"{"content_base64":"","fixture":"png"}"#,
            "exclude",
        ),
        (
            "/line/messages/1",
            r#"{"content_base64":"","size":1}"#,
            "size",
        ),
        (
            "/line/messages/1",
            r#"{"content_type":"a\nb"}"#,
            "content_type",
        ),
        ("/line/messages/1", r#"{"scripts":[]}"#, "scripts"),
        ("/slack/files/F1", r#"{"scripts":[]}"#, "scripts"),
        ("/line/messages/1", "{", "JSON"),
        ("/tokens/t", r#"{"provider":"wechat"}"#, "wechat"),
    ] {
        let (status, answer) = put(&simulator, path, body).await;
        let error = answer["error"].as_str().unwrap();
        assert!(
            status == 400 && error.contains(named),
            "{body}: {status} {error}"
        );
    }
    assert_eq!(
        get(&simulator, "/messages").await,
        json!({ "line": {}, "slack": {} })
    );
}

#[tokio::test]
async fn the_journal_is_filtered_cleared_and_without_control_requests() {
    let simulator = start().await;
    for path in ["/line/x", "/slack/api/auth.test", "/elsewhere"] {
        client()
            .get(format!("http://{}{path}", simulator.local_addr()))
            .send()
            .await
            .unwrap();
    }
    let all = get(&simulator, "/journal").await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let slack = get(&simulator, "/journal?path_prefix=/slack").await;
    assert_eq!(
        (slack.as_array().unwrap().len(), &slack[0]["path"]),
        (1, &json!("/slack/api/auth.test"))
    );
    client()
        .delete(format!("{}/journal", simulator.control_url()))
        .send()
        .await
        .unwrap();
    assert!(simulator.journal().is_empty());
}

#[tokio::test]
async fn the_help_names_every_step() {
    let simulator = start().await;
    let help = client()
        .get(simulator.control_url())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for step in ["429:7", "redirect:URL", "lying:-N", "hang"] {
        assert!(help.contains(step), "{step}");
    }
}

#[tokio::test]
async fn a_call_to_the_forbidden_address_counts() {
    let simulator = start().await;
    assert_eq!(simulator.forbidden_hits(), 0);
    let answer = client()
        .get(format!("http://{}/", simulator.forbidden_addr()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.text().await.unwrap(), "forbidden");
    assert_eq!(simulator.forbidden_hits(), 1);
    assert_eq!(get(&simulator, "/forbidden").await["hits"], 1);
}

#[tokio::test]
async fn shutdown_gives_the_ports_back() {
    let simulator = start().await;
    put(
        &simulator,
        "/line/messages/1",
        json!({ "fixture": Fixture::Png }).to_string(),
    )
    .await;
    let addresses = [simulator.local_addr(), simulator.forbidden_addr()];
    simulator.shutdown().await;
    for address in addresses {
        assert!(TcpStream::connect(address).await.is_err());
    }
}
