//! Replicas that come and go, by `SIGTERM` and by `SIGKILL`, and a Postgres
//! that moves. SIGTERM to one process is told in `tests/it/process/drain.rs`.

use crate::between;
use crate::cluster::Cluster;
use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, stop, text};
use crate::ground::PATIENCE;
use crate::ground::requests::line;
use crate::ground::running_service::RunningService;
use crate::ground::sandbox::eventually;
use crate::proxy::Target;
use attachments::proto::get_attachment_bytes_response::Payload;
use attachments::proto::{GetAttachmentBytesRequest, GetAttachmentRequest};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use nix::sys::signal::Signal;
use sqlx::Connection as _;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

/// A gateway that knows two replicas and tries the other when one fails.
struct Gateway<'a> {
    fleet: &'a Fleet,
    apis: Mutex<[SocketAddr; 2]>,
    /// Calls that had to be repeated.
    repeated: AtomicUsize,
}

impl Gateway<'_> {
    async fn register(&self, id: &str, nth: usize) {
        let deadline = Instant::now() + PATIENCE;
        for attempt in nth.. {
            let address = self.apis.lock().unwrap()[attempt % 2];
            let mut client = self.fleet.client_of(address);
            let call = client.register_attachment(line(id));
            if let Ok(Ok(answer)) = timeout(Duration::from_secs(5), call).await {
                let attachment = answer.into_inner().attachment.unwrap();
                self.fleet.note(id, &attachment.attachment_id);
                return;
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            assert!(Instant::now() < deadline, "{id} is never registered");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// F37: two of each, all replaced one after the other while files come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_nothing_and_burns_no_attempt() {
    let mut fleet = Fleet::new().await;
    // A deploy is no reason to lose a lease, however busy the machine.
    fleet.set("retry.lease", "30s");
    let mut apis = [fleet.serve("api").await, fleet.serve("api").await];
    let mut workers = [fleet.serve("worker").await, fleet.serve("worker").await];
    let gateway = Gateway {
        apis: Mutex::new([apis[0].grpc.unwrap(), apis[1].grpc.unwrap()]),
        fleet: &fleet,
        repeated: AtomicUsize::new(0),
    };
    let over = AtomicBool::new(false);
    let registered = AtomicUsize::new(0);
    let load = join_all((0..4_usize).map(async |lane| {
        for nth in (lane..).step_by(4) {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("rolling-{nth}");
            fleet.put_file(&id, &text(&id, 4_000), &[]);
            gateway.register(&id, nth).await;
            registered.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
        }
    }));
    let deploys = async {
        for round in 0..times(4, 20) {
            let nth = round % 2;
            let api = fleet.serve("api").await;
            gateway.apis.lock().unwrap()[nth] = api.grpc.unwrap();
            stop(std::mem::replace(&mut apis[nth], api)).await;
            let worker = fleet.serve("worker").await;
            stop(std::mem::replace(&mut workers[nth], worker)).await;
        }
        // Once more the way without a spare: one is gone for a while.
        let survivor = apis[1].grpc.unwrap();
        let [first, second] = apis;
        stop(first).await;
        let before = registered.load(Ordering::Relaxed);
        eventually("the other one serves", async || {
            registered.load(Ordering::Relaxed) > before + 8
        })
        .await;
        assert_eq!(second.grpc, Some(survivor));
        over.store(true, Ordering::Relaxed);
        second
    };
    let (_, _api) = tokio::join!(load, deploys);
    let registered = registered.into_inner();
    fleet.assert_all_stored(registered).await;
    let burnt = "select count(*) from attachments where attempt_count <> 1";
    assert_eq!(fleet.count(burnt).await, 0, "attempts were burnt");
    let repeated = gateway.repeated.into_inner();
    figure(
        "rolling restart of 2 api and 2 workers",
        format!("{} restarts of each, {registered} files", times(4, 20)),
        format!("0 failed, 0 burnt, {repeated} calls repeated"),
    );
}

/// F35, G22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_cuts_no_stream_and_burns_no_attempt() {
    let mut fleet = Fleet::new().await;
    fleet
        .set("server.grace", "8s")
        .set("egress.idle_timeout", "120s");
    fleet.set("retry.lease", "30s");
    let content = text("large", 1_500_000);
    fleet.put_file("large", &content, &[]);
    let mut all = fleet.serve("all").await;
    fleet.register("large").await;
    fleet.assert_all_stored(1).await;
    for round in 0..times(2, 50) {
        let files = ids(&format!("stopped-{round}-"), 4);
        for id in &files {
            fleet.put_file(id, &text(id, 4_000), &["stall", "ok"]);
        }
        fleet.register_all(&files).await;
        eventually("they are under way", async || {
            fleet
                .ground
                .simulator
                .requests_for(&format!("stopped-{round}-"))
                == 4
        })
        .await;
        let streams = join_all((0..20).map(async |_| {
            let request = GetAttachmentBytesRequest {
                attachment_id: fleet.promises()["large"].ids[0].clone(),
                ..GetAttachmentBytesRequest::default()
            };
            let answer = fleet.client().get_attachment_bytes(request).await.unwrap();
            let mut stream = answer.into_inner();
            stream.message().await.unwrap().unwrap();
            stream
        }))
        .await;
        all.process.signal(Signal::SIGTERM);
        eventually("it drains", async || {
            all.readyz().await.is_none_or(|(status, _)| status == 503)
        })
        .await;
        let whole = join_all(streams.into_iter().map(async |mut stream| {
            let mut bytes = Vec::new();
            while let Some(message) = stream.message().await.unwrap() {
                if let Some(Payload::Chunk(chunk)) = message.payload {
                    bytes.extend_from_slice(&chunk);
                }
            }
            bytes == content.as_bytes()
        }))
        .await;
        assert_eq!(whole, [true; 20]);
        let finished = all.process.finish().await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let spent = "select count(*) from work where attempt_count <> 0 or leased_by is not null";
        assert_eq!(fleet.count(spent).await, 0, "attempts were burnt");
        all = fleet.serve("all").await;
        fleet.assert_all_stored(1 + 4 * (round + 1)).await;
    }
    let burnt = "select count(*) from attachments where attempt_count <> 1";
    assert_eq!(fleet.count(burnt).await, 0, "attempts were burnt");
    figure(
        "SIGTERM, 20 streams and 4 downloads",
        times(2, 50),
        "0 cut, 0 burnt, exit 0",
    );
}

/// F36.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_killed_at_the_end_of_the_grace_loses_nothing() {
    let mut fleet = Fleet::new().await;
    fleet
        .set("server.grace", "2s")
        .set("egress.idle_timeout", "120s");
    let _api = fleet.serve("api").await;
    for round in 0..times(2, 20) {
        let files = ids(&format!("late-{round}-"), 4);
        for id in &files {
            fleet.put_file(id, &text(id, 4_000), &["stall", "ok"]);
        }
        let doomed = fleet.serve("worker").await;
        fleet.register_all(&files).await;
        eventually("they are under way", async || {
            fleet
                .ground
                .simulator
                .requests_for(&format!("late-{round}-"))
                == 4
        })
        .await;
        doomed.process.signal(Signal::SIGTERM);
        // Around the moment when it gives back what still runs.
        sleep(Duration::from_millis(1_990 + 5 * round as u64)).await;
        doomed.process.kill().await;
        let heir = fleet.serve("worker").await;
        fleet.assert_all_stored(4 * (round + 1)).await;
        heir.process.kill().await;
    }
}

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
    let statement = |what: &str| {
        format!(
            "do $$ begin execute format('alter database %I {what}', current_database()); end $$"
        )
    };
    execute(&fleet, &statement("set default_transaction_read_only = on")).await;
    execute(
        &fleet,
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
    let request = GetAttachmentRequest {
        attachment_id: fleet.promises()["readable-0000"].ids[0].clone(),
    };
    fleet.client().get_attachment(request).await.unwrap();
    // This session began before and may write.
    execute(&fleet, &statement("reset default_transaction_read_only")).await;
    // Those that are open go on refusing, so each is left when it is used.
    let old: Vec<i32> = sqlx::query_scalar(THEIRS)
        .fetch_all(&fleet.pool)
        .await
        .unwrap();
    assert!(!old.is_empty());
    eventually("the connections that only read are left", async || {
        let now: Vec<i32> = sqlx::query_scalar(THEIRS)
            .fetch_all(&fleet.pool)
            .await
            .unwrap();
        old.iter().all(|pid| !now.contains(pid))
    })
    .await;
    for id in ids("readable-", 4) {
        fleet.register(&id).await;
    }
    fleet.assert_all_stored(4).await;
}

async fn execute(fleet: &Fleet, statement: &str) {
    // The words are this test's own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&fleet.pool)
        .await
        .unwrap();
}

/// F17: serialization failures and deadlocks, two of three times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgres_wants_repeated_is_repeated_and_never_shown() {
    let mut fleet = Fleet::new().await;
    // Two flushers share the refusals, and a busy machine takes its time.
    fleet.set("database.patience", "20s");
    let _service = fleet.serve("all").await;
    // A sequence is not rolled back.
    execute(
        &fleet,
        "create sequence writes;
         create function refuse_two_of_three() returns trigger language plpgsql as $$
         declare nth bigint := nextval('writes');
         begin
            if nth % 3 = 1 then raise exception using errcode = '40001'; end if;
            if nth % 3 = 2 then raise exception using errcode = '40P01'; end if;
            return null;
         end $$;
         create trigger refuses before insert on attachments
            for each statement execute function refuse_two_of_three();",
    )
    .await;
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
    is_up(&service).await;
}

/// Opens connections until there are no more.
async fn take_all(url: &str) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    while let Ok(connection) = PgConnection::connect(url).await {
        taken.push(connection);
    }
    taken
}

async fn is_up(service: &RunningService) {
    assert!(service.readyz().await.is_some());
}
