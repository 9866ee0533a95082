//! Slack's Web API and its file host.

use super::{client, start};
use crate::dev::simulator::{
    FILES_READ, Fixture, Grant, Media, SLACK_DEV_TOKEN, Simulator, SlackFile, TEAM_ID,
};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

fn file() -> SlackFile {
    SlackFile::new("Quarterly report.PDF", Media::fixture(Fixture::Pdf))
}

async fn fetch(url: &str, token: &str) -> Response {
    client().get(url).bearer_auth(token).send().await.unwrap()
}

async fn is_sign_in_page(response: Response) -> bool {
    let html = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .starts_with("text/html");
    response.status() == 200 && html && response.text().await.unwrap().contains("redirectURL")
}

/// Slack answers 200 also to errors.
async fn api(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn files_info(simulator: &Simulator, id: &str, token: &str) -> Value {
    let url = format!("{}/files.info?file={id}", simulator.slack_api_url());
    api(client().get(url).bearer_auth(token)).await
}

#[tokio::test]
async fn files_info_leads_to_the_bytes() {
    let simulator = start().await;
    let announced = simulator.put_slack_file("F1", file());
    let info = files_info(&simulator, "F1", SLACK_DEV_TOKEN).await;
    let object = &info["file"];
    assert_eq!(
        (&info["ok"], &object["mode"], &object["filetype"]),
        (&json!(true), &json!("hosted"), &json!("pdf"))
    );
    assert_eq!(object["size"], Fixture::Pdf.bytes().len());
    assert_eq!(object["url_private_download"], announced);
    assert!(announced.ends_with(&format!(
        "/slack/files-pri/{TEAM_ID}-F1/download/quarterly_report.pdf"
    )));
    for url in [&object["url_private_download"], &object["url_private"]] {
        let response = fetch(url.as_str().unwrap(), SLACK_DEV_TOKEN).await;
        assert_eq!(response.bytes().await.unwrap(), Fixture::Pdf.bytes());
    }
}

#[tokio::test]
async fn files_info_takes_a_form_too() {
    let simulator = start().await;
    simulator.put_slack_file("F1", file());
    let url = format!("{}/files.info", simulator.slack_api_url());
    let post = client().post(url).bearer_auth(SLACK_DEV_TOKEN);
    let post = post.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(api(post.body("file=F1&count=1")).await["file"]["id"], "F1");
}

#[tokio::test]
async fn whoever_may_not_read_gets_the_sign_in_page() {
    let simulator = start().await;
    simulator.put_token("narrow", Grant::slack(&["chat:write"]));
    simulator.put_token("revoked", Grant::slack(&[FILES_READ]).revoked());
    simulator.put_token("elsewhere", Grant::slack(&[FILES_READ]));
    let url = simulator.put_slack_file(
        "F1",
        SlackFile::new(
            "a.png",
            Media::fixture(Fixture::Png).channel_token(SLACK_DEV_TOKEN),
        ),
    );
    for token in ["narrow", "revoked", "elsewhere", "unknown"] {
        assert!(is_sign_in_page(fetch(&url, token).await).await, "{token}");
    }
    assert!(is_sign_in_page(client().get(&url).send().await.unwrap()).await);
    assert_eq!(
        fetch(&url, SLACK_DEV_TOKEN).await.headers()["content-type"],
        "image/png"
    );
}

#[tokio::test]
async fn the_api_says_what_is_wrong_with_a_token() {
    let simulator = start().await;
    simulator.put_slack_file("F1", file());
    simulator.put_token("narrow", Grant::slack(&["chat:write"]));
    simulator.put_token("revoked", Grant::slack(&[FILES_READ]).revoked());
    assert_eq!(
        files_info(&simulator, "F1", "revoked").await["error"],
        "token_revoked"
    );
    assert_eq!(
        files_info(&simulator, "F1", "unknown").await["error"],
        "invalid_auth"
    );
    let missing = files_info(&simulator, "F1", "narrow").await;
    let expected = json!({ "ok": false, "error": "missing_scope", "needed": FILES_READ, "provided": "chat:write" });
    assert_eq!(missing, expected);
    let url = format!("{}/auth.test", simulator.slack_api_url());
    assert_eq!(api(client().get(&url)).await["error"], "not_authed");
    assert_eq!(
        api(client().post(&url).bearer_auth(SLACK_DEV_TOKEN)).await["team_id"],
        TEAM_ID
    );
}

#[tokio::test]
async fn a_scripted_missing_scope_agrees_with_the_scope_header() {
    let simulator = start().await;
    simulator.put_slack_file("F1", file().info_error("missing_scope"));
    let url = format!("{}/files.info?file=F1", simulator.slack_api_url());
    let response = fetch(&url, SLACK_DEV_TOKEN).await;
    assert_eq!(response.headers()["x-oauth-scopes"], "");
    assert_eq!(response.headers()["x-accepted-oauth-scopes"], FILES_READ);
    assert_eq!(
        response.json::<Value>().await.unwrap()["error"],
        "missing_scope"
    );
}

#[tokio::test]
async fn files_info_has_a_script_of_its_own() {
    let simulator = start().await;
    simulator.put_slack_file("F1", file().info_script(["429:30", "ok"]).unwrap());
    let url = format!("{}/files.info?file=F1", simulator.slack_api_url());
    let limited = fetch(&url, SLACK_DEV_TOKEN).await;
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"30".parse().unwrap())
    );
    assert_eq!(
        limited.json::<Value>().await.unwrap()["error"],
        "ratelimited"
    );
    assert_eq!(
        files_info(&simulator, "F1", SLACK_DEV_TOKEN).await["ok"],
        true
    );
}

#[tokio::test]
async fn a_connect_stub_is_completed_by_files_info() {
    let simulator = start().await;
    simulator.put_slack_file("F1", file().file_access("check_file_info"));
    let stub = simulator.slack_file_object("F1").unwrap();
    assert_eq!(
        (&stub["mode"], &stub["file_access"]),
        (&json!("file_access"), &json!("check_file_info"))
    );
    assert!(stub.get("url_private_download").is_none());
    assert_eq!(
        files_info(&simulator, "F1", SLACK_DEV_TOKEN).await["file"]["mode"],
        "hosted"
    );

    simulator.put_slack_file("F2", file().file_access("access_denied"));
    assert_eq!(
        files_info(&simulator, "F2", SLACK_DEV_TOKEN).await["error"],
        "access_denied"
    );
    assert_eq!(
        files_info(&simulator, "F3", SLACK_DEV_TOKEN).await["error"],
        "file_not_found"
    );
}

#[tokio::test]
async fn what_slack_does_not_hold_has_no_download() {
    let simulator = start().await;
    for mode in ["external", "tombstone", "hidden_by_limit"] {
        simulator.put_slack_file("F1", file().mode(mode));
        let object = simulator.slack_file_object("F1").unwrap();
        assert_eq!(object["mode"], mode);
        assert!(object.get("url_private_download").is_none(), "{mode}");
    }
}

#[tokio::test]
async fn a_declared_size_may_lie_and_a_name_may_be_missing() {
    let simulator = start().await;
    simulator.put_slack_file(
        "F1",
        SlackFile::new("", Media::fixture(Fixture::Png)).declared_size(7),
    );
    let object = simulator.slack_file_object("F1").unwrap();
    assert_eq!(
        (&object["name"], &object["size"]),
        (&Value::Null, &json!(7))
    );
}

#[tokio::test]
async fn a_sign_in_redirect_leads_to_the_page() {
    let simulator = start().await;
    let media = Media::fixture(Fixture::Png).script(["signin"]).unwrap();
    let url = simulator.put_slack_file("F1", SlackFile::new("a.png", media));
    let response = fetch(&url, SLACK_DEV_TOKEN).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(response.status(), 302);
    assert!(location.contains("/signin?redir=%2F"), "{location}");
    assert!(is_sign_in_page(fetch(&location, SLACK_DEV_TOKEN).await).await);
}
