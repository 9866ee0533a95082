//! `attachments redrive`.

use super::running_service::Ground;
use super::sandbox::eventually;
use crate::support::line;
use attachments::dev::simulator::{Fixture, Media};

const FAILED: &str = "select count(*) from attachments where status = 'failed'";
const STORED: &str = "select count(*) from attachments where status = 'stored'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_matches_is_counted_then_put_back_and_who_did_it_is_recorded() {
    let mut ground = Ground::new().await;
    ground
        .sandbox
        .set("ATTACHMENTS_RETRY_MAX_ATTEMPTS", "1")
        .set("USER", "oncall");
    let service = ground.serve(&[]).await;
    service.wait_ready().await;
    for tenant in ["acme", "umbrella"] {
        let mut client = service.client_with_line(&ground.token_of(tenant)).await;
        for id in ["1", "2"] {
            let id = format!("{tenant}-{id}");
            let media = Media::fixture(Fixture::Png).script(["503", "ok"]).unwrap();
            ground.simulator.put_line_message(&id, media);
            client.register_attachment(line(&id)).await.unwrap();
        }
    }
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    let count = async |query: &'static str| {
        sqlx::query_scalar::<_, i64>(query)
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    eventually("they failed", async || count(FAILED).await == 4).await;
    let redrive = async |flags: &[&str]| {
        let all = [&["redrive", "--tenant", "acme"], flags].concat();
        ground.sandbox.run(&all).await
    };

    for (flags, matched) in [
        (&[] as &[&str], 2),
        (&["--channel", "line-main"], 2),
        (&["--channel", "another"], 0),
        (&["--reason", "SOURCE_UNAVAILABLE"], 2),
        (&["--reason", "SOURCE_TIMEOUT"], 0),
        (
            &[
                "--reason",
                "SOURCE_TIMEOUT",
                "--reason",
                "SOURCE_UNAVAILABLE",
            ],
            2,
        ),
        (&["--after", "2026-01-01T00:00:00Z"], 2),
        (&["--before", "2026-01-01T00:00:00Z"], 0),
    ] {
        let said = redrive(flags).await;
        let expected = format!("{matched} match; nothing was changed.");
        assert!(said.stdout.starts_with(&expected), "{flags:?}: {said:?}");
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    for (flags, complaint) in [
        (&["--reason", "BAD_LUCK"] as &[&str], "BAD_LUCK"),
        (&["--after", "yesterday"], "yesterday"),
    ] {
        let said = redrive(flags).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.contains(complaint), "{said:?}");
    }
    assert_eq!(count(FAILED).await, 4, "a count changed something");

    let said = redrive(&["--reason", "SOURCE_UNAVAILABLE", "--execute"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("2 of 2 put back"), "{said:?}");
    eventually("they are stored", async || count(STORED).await == 2).await;
    assert_eq!(count(FAILED).await, 2, "the other tenant's were touched");
    let recorded: (String, String, i64) =
        sqlx::query_as("select tenant_id, subject, redriven_count from redrives")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(recorded, ("acme".to_owned(), "cli:oncall".to_owned(), 2));
}
