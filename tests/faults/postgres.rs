//! A Postgres that moves, only reads, wants things repeated or has no
//! connection free.

use crate::between;
use crate::cluster::Cluster;
use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, stop};
use crate::ground::requests::{get_request, line};
use crate::ground::sandbox::eventually;
use crate::proxy::Target;
use attachments::proto::ListAttachmentsRequest;
use futures::StreamExt as _;
use futures::stream;
use sqlx::Connection as _;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::Code;

/// F16: the address leads to a standby that was promoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_to_a_synchronous_standby_loses_nothing() {
    let mut primary = Cluster::start().await;
    let mut fleet = Fleet::on(primary.url()).await;
    let proxy = between::postgres(&mut fleet).await;
    let standby = primary.replicate().await;
    let _service = fleet.serve("all").await;
    let files = ids("moved-", times(120, 1_000));
    fleet.put_files(&files);
    let began = Instant::now();
    let fail_over = async {
        let third = i64::try_from(files.len() / 3).unwrap();
        eventually("a third is recorded", async || {
            fleet.count("select count(*) from attachments").await >= third
        })
        .await;
        primary.crash().await;
        let down = Instant::now();
        standby.promote().await;
        proxy.switch(Target::Unix(standby.socket()));
        down.elapsed()
    };
    let ((), moved) = tokio::join!(fleet.register_all(&files), fail_over);
    fleet.pool = PgPool::connect(standby.url()).await.unwrap();
    fleet.assert_all_stored(files.len()).await;
    figure(
        "fail-over to a synchronous standby",
        format!("{} files", files.len()),
        format!(
            "0 lost, address moved after {moved:?}, all in {:?}",
            began.elapsed()
        ),
    );
}

/// The service's sessions, but for those that listen.
const THEIRS: &str = "select pid from pg_stat_activity
    where datname = current_database() and application_name = 'attachments'
      and query not ilike 'listen%'";

/// F20: the address leads to a server that only reads, and back, while the
/// connections to it stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_only_reads_is_unavailable_and_left_again() {
    let fleet = Fleet::new().await;
    let _service = fleet.serve("all").await;
    fleet.put_files(&ids("readable-", 4));
    for id in ids("readable-", 2) {
        fleet.register(&id).await;
    }
    fleet.assert_all_stored(2).await;
    // A session that began before goes on writing.
    let mut writer = PgConnection::connect(&fleet.ground.database_url)
        .await
        .unwrap();
    alter_database(&mut writer, "set default_transaction_read_only = on").await;
    execute(
        &mut writer,
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'attachments'",
    )
    .await;
    eventually("a write is refused for a while", async || {
        let answer = fleet
            .client()
            .register_attachment(line("readable-0002"))
            .await;
        answer.is_err_and(|refusal| {
            assert_eq!(refusal.code(), Code::Unavailable, "{refusal}");
            true
        })
    })
    .await;
    // The first connection that it gets may be one that was ended.
    eventually("a record can be read", async || {
        let request = get_request(fleet.promises()["readable-0000"].ids[0].clone());
        fleet.client().get_attachment(request).await.is_ok()
    })
    .await;
    // These go on refusing, so each is left when it is used. One that is opened
    // from here on may be a good one.
    let old: Vec<i32> = sqlx::query_scalar(THEIRS)
        .fetch_all(&mut writer)
        .await
        .unwrap();
    alter_database(&mut writer, "reset default_transaction_read_only").await;
    for id in ids("readable-", 4) {
        fleet.register(&id).await;
    }
    let session = Mutex::new(writer);
    eventually("the connections that only read are left", async || {
        let now: Vec<i32> = sqlx::query_scalar(THEIRS)
            .fetch_all(&mut *session.lock().await)
            .await
            .unwrap();
        old.iter().all(|pid| !now.contains(pid))
    })
    .await;
    fleet.assert_all_stored(4).await;
}

/// What the database has as a default for every session to come.
async fn alter_database(connection: &mut PgConnection, what: &str) {
    let statement = format!(
        "do $$ begin execute format('alter database %I {what}', current_database()); end $$"
    );
    execute(connection, &statement).await;
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    // The words are this test's own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// D4: what the service relies on it sets for its sessions, whatever somebody
/// set for all of the database's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_other_defaults_serves_all_the_same() {
    let fleet = Fleet::new().await;
    let mut connection = PgConnection::connect(&fleet.ground.database_url)
        .await
        .unwrap();
    for default in [
        "set default_transaction_isolation = serializable",
        "set idle_session_timeout = 300",
    ] {
        alter_database(&mut connection, default).await;
    }
    let (one, other) = (fleet.serve("all").await, fleet.serve("worker").await);
    let session = Mutex::new(connection);
    let listeners = async || -> Vec<i32> {
        sqlx::query_scalar(LISTENERS)
            .fetch_all(&mut *session.lock().await)
            .await
            .unwrap()
    };
    eventually("both listen", async || listeners().await.len() == 4).await;
    let before = listeners().await;
    let files = ids("serial-", times(200, 2_000));
    fleet.put_files(&files);
    stream::iter(&files)
        .for_each_concurrent(16, async |id| {
            // Once each: no client has to repeat it.
            let mut client = fleet.client();
            let answer = client.register_attachment(line(id)).await.unwrap();
            let attachment_id = answer.into_inner().attachment.unwrap().attachment_id;
            fleet.note(id, &attachment_id);
            for _ in 0..4 {
                let request = get_request(attachment_id.clone());
                client.get_attachment(request).await.unwrap();
                let all = ListAttachmentsRequest::default();
                client.list_attachments(all).await.unwrap();
            }
        })
        .await;
    fleet.assert_all_stored(files.len()).await;
    for service in [&one, &other] {
        let log = service.process.stderr();
        assert!(!log.contains("the worker ended"), "{log}");
    }
    // None was ended for being idle, as these are all the time.
    assert_eq!(listeners().await, before);
}

/// The service's sessions that listen, each of one process and kind of work.
const LISTENERS: &str = "select pid from pg_stat_activity
    where datname = current_database() and application_name = 'attachments'
      and query ilike 'listen%' order by pid";

/// F17: serialization failures and deadlocks, two of three times, at what is
/// registered and at all that becomes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgres_wants_repeated_is_repeated_and_never_shown() {
    let mut fleet = Fleet::new().await;
    // Two flushers share the refusals, and a busy machine takes its time.
    fleet.set("database.patience", "20s");
    let service = fleet.serve("all").await;
    let mut connection = fleet.pool.acquire().await.unwrap();
    // A sequence is not rolled back.
    execute(
        &mut connection,
        "create sequence writes;
         create function refuse_two_of_three() returns trigger language plpgsql as $$
         declare nth bigint := nextval('writes');
         begin
            if nth % 3 = 1 then raise exception using errcode = '40001'; end if;
            if nth % 3 = 2 then raise exception using errcode = '40P01'; end if;
            return null;
         end $$;
         create trigger refuses before insert on attachments
            for each statement execute function refuse_two_of_three();
         create trigger refuses before update or delete on work
            for each statement execute function refuse_two_of_three();",
    )
    .await;
    drop(connection);
    let files = ids("again-", times(60, 600));
    fleet.put_files(&files);
    stream::iter(&files)
        .for_each_concurrent(8, async |id| {
            // Once: no client has to repeat it.
            let answer = fleet.client().register_attachment(line(id)).await.unwrap();
            fleet.note(id, &answer.into_inner().attachment.unwrap().attachment_id);
        })
        .await;
    let refused: i64 = fleet.count("select last_value from writes").await;
    figure(
        "40001 and 40P01 at registration",
        files.len(),
        format!("{refused} writes, 0 shown"),
    );
    fleet.assert_all_stored(files.len()).await;
    let log = service.process.stderr();
    assert!(!log.contains("the worker ended"), "{log}");
}

/// F19: at the start and while busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_free_connection_is_waited_for() {
    let cluster = Cluster::start().await;
    let fleet = Fleet::on(cluster.url()).await;
    let mut greedy = take_all(cluster.url()).await;
    // It does not give up before there is a first connection.
    let early = fleet.ground.serve(&["--role", "all"]).await;
    let (status, checks) = early.readyz().await.unwrap();
    assert_eq!(status, 503, "{checks}");
    greedy.clear();
    early.wait_ready().await;
    stop(early).await;

    let service = fleet.serve("all").await;
    let files = ids("crowded-", 40);
    fleet.put_files(&files);
    fleet.register_all(&files[..20]).await;
    greedy.extend(take_all(cluster.url()).await);
    // By a connection that is there: nobody gets a new one.
    let mut first = greedy.pop().unwrap();
    loop {
        // Whoever is first takes what becomes free.
        let ended: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'attachments'",
        )
        .fetch_all(&mut first)
        .await
        .unwrap();
        if ended.is_empty() {
            break;
        }
        greedy.extend(take_all(cluster.url()).await);
    }
    let answer = fleet.client().register_attachment(line(&files[20])).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    drop((greedy, first));
    fleet.register_all(&files[20..]).await;
    fleet.assert_all_stored(40).await;
    assert!(service.readyz().await.is_some());
}

/// Opens connections until there are no more.
async fn take_all(url: &str) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    while let Ok(connection) = PgConnection::connect(url).await {
        taken.push(connection);
    }
    taken
}
