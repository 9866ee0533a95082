//! I10: what a replica takes while nobody asks anything of it, and that it
//! takes no more once a load is over.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, text};
use crate::ground::PATIENCE;
use crate::ground::byte_stream;
use crate::ground::running_service::RunningService;
use crate::proxy::{Proxy, Target};
use attachments::proto::{GetAttachmentBytesResponse, WatchAttachmentsRequest};
use attachments::proto::{RetryAttachmentRequest, WatchAttachmentsResponse};
use futures::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use std::fs;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tonic::Streaming;

/// Statements that a replica at rest makes in a second at most.
const STATEMENTS_AT_REST: f64 = 10.0;
/// Longer than a server process of Postgres keeps its figures to itself, and
/// than the pause between two sweeps.
const WINDOW: Duration = Duration::from_secs(12);
/// Clients that watch, and as many that read bytes, at the same time.
const STREAMS: usize = 40;
/// Files that are registered before these are cut off and others come.
const WAVE: usize = 100;

/// With the pauses of production, which [`Fleet`] shortens.
const BY_DEFAULT: &[&str] = &["retry.poll_interval", "retention.sweep_interval"];

/// D1: an empty queue is nothing to look at all the time; one whose next row
/// is due in an hour is not either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_at_rest_makes_ten_statements_a_second_at_most() {
    let mut fleet = Fleet::new().await;
    fleet.unset(BY_DEFAULT);
    let service = fleet.serve("all").await;
    let files = ids("early-", 20);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(20).await;
    let mut observer = Observer::of(&fleet, &service).await;
    let idle = observer.rest().await.statements;

    // All that waits is far from due.
    fleet.put_file("late", &text("late", 4_000), &["hang"]);
    fleet.register("late").await;
    fleet.under_way("late", 1).await;
    let waiting = "update work set ready = false, due_at = now() + interval '1 hour',
        leased_by = null, started_at = null";
    sqlx::query(waiting).execute(&fleet.pool).await.unwrap();
    let waiting = observer.rest().await.statements;
    figure(
        "statements at rest",
        "an empty queue, and one that waits",
        format!("{idle:.1} and {waiting:.1} a second"),
    );
}

/// Downloads that fail in every way, watchers and readers that are cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_comes_back_to_rest_after_a_load_with_faults() {
    let mut fleet = Fleet::new().await;
    fleet
        .unset(BY_DEFAULT)
        .set("egress.first_byte_timeout", "1s")
        .set("egress.idle_timeout", "1s")
        // Streams wait for their turn on a busy machine.
        .set("database.acquire_timeout", "30s")
        .set("database.patience", "30s")
        // So that some files lie on disk.
        .set("limits.spool_memory_bytes", "10000");
    let service = fleet.serve("all").await;
    let mut observer = Observer::of(&fleet, &service).await;
    fleet.put_file("large", &text("large", 3_000_000), &[]);
    fleet.register("large").await;
    fleet.assert_all_stored(1).await;

    // What it keeps once it has done everything once is no leak.
    load(&fleet, &service, &ids("warm-", 60)).await;
    let warm = observer.rest().await;
    let files = ids("load-", times(300, 3_000));
    for wave in files.chunks(WAVE) {
        load(&fleet, &service, wave).await;
    }
    let after = observer.rest_like(&warm).await;
    figure(
        "rest after load",
        format!(
            "{} files, {} streams cut",
            files.len(),
            files.len() / WAVE * 2 * STREAMS
        ),
        format!("{after:?}, before {warm:?}"),
    );
}

/// Registers files whose downloads fail in some way, with watchers and readers
/// beside them that are cut off in the middle; ends when all work has ended.
async fn load(fleet: &Fleet, service: &RunningService, files: &[String]) {
    let proxy = Proxy::start(Target::Tcp(service.grpc.unwrap())).await;
    let watchers = join_all((0..STREAMS).map(|_| watch(fleet, &proxy))).await;
    let readers = join_all((0..STREAMS).map(|_| read(fleet, &proxy))).await;
    for (id, n) in files.iter().zip(0..) {
        let script: &[&str] = match n % 8 {
            0 => &["503", "ok"],
            1 => &["404"],
            2 => &["cut", "ok"],
            3 => &["reset", "ok"],
            // Each of these holds a slot for a second.
            4 if n % 64 == 4 => &["stall", "ok"],
            5 if n % 64 == 5 => &["hang", "ok"],
            _ => &[],
        };
        let bytes = if n % 3 == 0 { 40_000 } else { 4_000 };
        fleet.put_file(id, &text(id, bytes), script);
    }
    let told = join_all(watchers.into_iter().map(first_of));
    let ((), watchers) = tokio::join!(fleet.register_all(files), told);
    // In the middle of it, without a word.
    proxy.reset_all();
    drop((watchers, readers, proxy));
    let tally = fleet.assert_sound().await;
    assert!(tally.stored > 0 && tally.otherwise > 0, "{tally:?}");
    // And some go through all of it once more.
    for id in files.iter().skip(1).step_by(8) {
        let attachment_id = fleet.promises()[id].ids[0].clone();
        let again = RetryAttachmentRequest { attachment_id };
        fleet.client().retry_attachment(again).await.unwrap();
    }
    fleet.wait_for_rest().await;
}

/// A watcher on a connection of its own.
async fn watch(fleet: &Fleet, proxy: &Proxy) -> Streaming<WatchAttachmentsResponse> {
    let mut client = fleet.client_of(proxy.address);
    let request = WatchAttachmentsRequest::default();
    client
        .watch_attachments(request)
        .await
        .unwrap()
        .into_inner()
}

/// A watcher that has been told something.
async fn first_of(
    mut watcher: Streaming<WatchAttachmentsResponse>,
) -> Streaming<WatchAttachmentsResponse> {
    assert!(watcher.message().await.unwrap().is_some());
    watcher
}

/// A reader on a connection of its own that stops after the first message.
async fn read(fleet: &Fleet, proxy: &Proxy) -> Streaming<GetAttachmentBytesResponse> {
    let id = fleet.promises()["large"].ids[0].clone();
    let mut client = fleet.client_of(proxy.address);
    byte_stream::begin(&mut client, &id).await.unwrap()
}

/// What a replica takes.
#[derive(Debug)]
struct Taken {
    /// A second, of its database; those of the pool's own included.
    statements: f64,
    connections: i64,
    descriptors: usize,
    /// That it keeps open without a name, or with one in its folder for them.
    temporary_files: usize,
    children: usize,
    resident_kib: u64,
}

impl Taken {
    /// Whether this is no more than before a load, but for what clients of the
    /// store and of providers keep open for a while: far less than there were
    /// streams of either kind.
    fn is_like(&self, before: &Self) -> bool {
        self.statements <= STATEMENTS_AT_REST
            && self.connections <= before.connections.max(8 + 1)
            && self.descriptors < before.descriptors + STREAMS / 2
            && self.temporary_files == 0
            && self.children == before.children
            && self.resident_kib < before.resident_kib * 2
    }
}

/// Looks at one replica from outside.
struct Observer {
    process: PathBuf,
    pid: i32,
    temporary: PathBuf,
    database: String,
    /// To another database of the same cluster: this one's figures are not
    /// counted with the replica's.
    connection: PgConnection,
}

impl Observer {
    async fn of(fleet: &Fleet, service: &RunningService) -> Self {
        let options = PgConnectOptions::from_str(&fleet.ground.database_url).unwrap();
        let database = options.get_database().unwrap().to_owned();
        let pid = service.process.pid();
        Self {
            process: PathBuf::from(format!("/proc/{pid}")),
            pid,
            temporary: fleet.ground.sandbox.path("tmp"),
            database,
            connection: PgConnection::connect_with(&options.database("postgres"))
                .await
                .unwrap(),
        }
    }

    /// What it takes at rest: as soon as it makes few enough statements, and
    /// over another window then.
    async fn rest(&mut self) -> Taken {
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            let restless = self.statements().await;
            if restless <= STATEMENTS_AT_REST {
                break;
            }
            let waited = Instant::now() < deadline;
            assert!(waited, "it never rests: {restless:.1} statements a second");
        }
        let taken = self.taken().await;
        assert!(taken.statements <= STATEMENTS_AT_REST, "{taken:?}");
        assert!(taken.statements > 0.1, "nothing is counted: {taken:?}");
        taken
    }

    /// What it takes once that is no more than before.
    async fn rest_like(&mut self, before: &Taken) -> Taken {
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            let taken = self.taken().await;
            if taken.is_like(before) {
                return taken;
            }
            assert!(Instant::now() < deadline, "{taken:?}, before {before:?}");
        }
    }

    async fn taken(&mut self) -> Taken {
        let statements = self.statements().await;
        let connections = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = $1 and application_name = 'attachments'",
        )
        .bind(&self.database)
        .fetch_one(&mut self.connection)
        .await
        .unwrap();
        Taken {
            statements,
            connections,
            descriptors: self.descriptors().len(),
            temporary_files: self.temporary_files(),
            children: self.children(),
            resident_kib: self.resident_kib(),
        }
    }

    /// Statements a second. Each is a transaction of its own, and so is each
    /// that a new connection prepares.
    async fn statements(&mut self) -> f64 {
        let (before, began) = (self.transactions().await, Instant::now());
        sleep(WINDOW).await;
        let count = self.transactions().await - before;
        f64::from(i32::try_from(count).unwrap()) / began.elapsed().as_secs_f64()
    }

    async fn transactions(&mut self) -> i64 {
        sqlx::query_scalar(
            "select xact_commit + xact_rollback from pg_stat_database where datname = $1",
        )
        .bind(&self.database)
        .fetch_one(&mut self.connection)
        .await
        .unwrap()
    }

    /// What its open descriptors lead to.
    fn descriptors(&self) -> Vec<PathBuf> {
        let open = fs::read_dir(self.process.join("fd")).unwrap();
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .collect()
    }

    fn temporary_files(&self) -> usize {
        let named = fs::read_dir(&self.temporary).unwrap().count();
        let open = self.descriptors();
        let nameless = open.iter().filter(|file| file.starts_with(&self.temporary));
        named + nameless.count()
    }

    fn children(&self) -> usize {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|process| fs::read_to_string(process.path().join("stat")).ok())
            .filter(|stat| parent(stat) == Some(self.pid))
            .count()
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(self.process.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse().unwrap()
    }
}

/// The parent in a `/proc/PID/stat`, whose second field may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let (_, behind_the_name) = stat.rsplit_once(')')?;
    behind_the_name.split_whitespace().nth(1)?.parse().ok()
}
