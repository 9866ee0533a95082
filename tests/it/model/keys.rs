//! Keys are spelled by the database as a claim announces them, and by the core.

use crate::support::{TENANT, TestApp, impatient, line};
use attachments::attachment::file_name::FileName;
use attachments::proto::RegisterAttachmentRequest;
use attachments::proto::attachment::Status;
use uuid::Uuid;

/// The names of what is made of a file are nobody's to take.
const MADE: [&str; 3] = ["thumbnail.webp", "model.jpg", "text.json"];

async fn spelled(app: &TestApp, group: &str, id: Uuid, name: &str) -> String {
    sqlx::query_scalar("select storage_key('durable', 'acme', $1, $2, 7, $3)")
        .bind(group)
        .bind(id)
        .bind(name)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_spells_keys_as_the_core_does() {
    let app = TestApp::start().await;
    let id = Uuid::now_v7();
    let long = "x".repeat(500);
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        ".hidden",
        "...a.b",
        "report.pdf",
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "a/b\\c/",
        "ภาพ.png",
        "絵文字 😀.jpeg",
        "İstanbul ß é.TXT",
        "a b;c\"d'e$f%g&h.txt",
        "_thumbnail.webp",
        "no-extension",
        "dot-at-the-end.",
        "a.seventeen-letters",
    ]
    .map(str::to_owned)
    .into();
    names.extend(MADE.map(str::to_owned));
    for tail in [
        "",
        ".jpeg",
        ".",
        ".sixteen-letters-",
        ".seventeen-letters",
        ".a.b",
    ] {
        names.push(format!("{long}{tail}"));
        names.push(format!("{}{tail}", &long[..76]));
    }
    for name in names {
        let tail = FileName::new(&name).key_tail();
        let made = if MADE.contains(&tail.as_str()) {
            "_"
        } else {
            ""
        };
        assert_eq!(
            spelled(&app, "m-1", id, &name).await,
            format!("attachments/durable/acme/m-1/{id}/7-{made}{tail}"),
            "{name:?}"
        );
    }
    for (group, component) in [
        ("C1:1700000000.000100", "C1_1700000000.000100"),
        ("a/b@c=d+e~f", "a_b_c_d_e_f"),
        (".", "_"),
        ("..", "__"),
        ("..a", "..a"),
    ] {
        let key = spelled(&app, group, id, "x.png").await;
        let expected = format!("attachments/durable/acme/{component}/{id}/7-x.png");
        assert_eq!(key, expected, "{group}");
    }
}

/// What a claim announced is where the file is stored, and is taken back with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_stored_where_its_claim_announced_it() {
    let app = TestApp::start_with(impatient).await;
    app.line_plays("1", &["hang", "ok"]);
    let named = RegisterAttachmentRequest {
        file_name: "../ภาพ 1.png".to_owned(),
        correlation_id: "req:7".to_owned(),
        ..line("1")
    };
    let id = app.begin(named).await.attachment_id;
    let announced: Vec<String> =
        sqlx::query_scalar("select storage_key from removals where attachment_id = $1::uuid")
            .bind(&id)
            .fetch_all(&app.pool)
            .await
            .unwrap();
    let key = |attempt| format!("attachments/durable/acme/req_7/{id}/{attempt}-____1.png");
    assert_eq!(announced, [key(1)]);
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), Status::Stored);
    assert_eq!(stored.storage_key, key(2));
    app.eventually_nothing_to_remove().await;
}
