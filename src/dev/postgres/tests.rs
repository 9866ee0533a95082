//! Real clusters, queried through sqlx, started and killed as users do.

use super::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};
use sqlx::{Connection as _, PgConnection};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A folder of this test alone, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("attachments-test-{}", uuid::Uuid::now_v7())))
    }

    fn options(&self, durability: Durability) -> Options {
        Options {
            data_dir: self.0.clone(),
            bin_dir: None,
            durability,
            max_connections: 10,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `query` answers in the database `postgres`, as text.
async fn ask(postgres: &EmbeddedPostgres, query: &'static str) -> String {
    let mut connection = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    let answer = sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    answer
}

fn pid(of: u32) -> Pid {
    Pid::from_raw(of.cast_signed())
}

/// Runs, and is not just a zombie that nobody has reaped.
fn is_alive(pid: Pid) -> bool {
    cluster::command_line(pid).is_some_and(|line| !line.is_empty())
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn an_ephemeral_cluster_answers_and_leaves_nothing() {
    let folder = Folder::new();
    let postgres = EmbeddedPostgres::start(&folder.options(Durability::Ephemeral)).unwrap();
    let (server, socket) = (pid(postgres.server.pid()), postgres.socket.clone());

    assert_eq!(
        ask(&postgres, "select current_setting('max_connections')").await,
        "10"
    );
    assert_eq!(
        ask(&postgres, "select current_setting('fsync')").await,
        "off"
    );
    assert_eq!(
        ask(&postgres, "select current_user::text").await,
        "postgres"
    );
    assert_ne!(
        getpgid(Some(server)),
        getpgid(None),
        "Ctrl-C would reach the server"
    );

    postgres.stop();
    assert!(kill(server, None).is_err());
    assert!(!folder.0.exists());
    assert!(!socket.exists());
}

#[test]
fn a_second_owner_is_refused() {
    let folder = Folder::new();
    let options = folder.options(Durability::Ephemeral);
    let _first = EmbeddedPostgres::start(&options).unwrap();

    let second = EmbeddedPostgres::start(&options);

    assert!(matches!(second, Err(StartError::Busy(_))), "{second:?}");
    assert!(folder.0.exists());
}

#[test]
fn an_ephemeral_cluster_does_not_take_foreign_files_along() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).unwrap();
    fs::write(folder.0.join("thesis.txt"), "years of work").unwrap();

    let refused = EmbeddedPostgres::start(&folder.options(Durability::Ephemeral));

    assert!(
        matches!(refused, Err(StartError::NotEmpty(_))),
        "{refused:?}"
    );
    assert!(folder.0.join("thesis.txt").exists());
}

#[tokio::test]
async fn a_durable_cluster_survives_a_restart() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    let postgres = EmbeddedPostgres::start(&options).unwrap();
    assert_eq!(
        ask(&postgres, "select current_setting('fsync')").await,
        "on"
    );
    ask(
        &postgres,
        "with made as (select set_config('a.b', 'c', false)) select * from made",
    )
    .await;
    remember(&postgres).await;
    postgres.stop();

    // The pid file of a crash long ago may name any process by now.
    let cluster = fs::read_dir(&folder.0)
        .unwrap()
        .flatten()
        .find(|entry| entry.path().is_dir())
        .unwrap()
        .path();
    let unrelated = format!("{}\n{}\n", nix::unistd::getppid(), cluster.display());
    fs::write(cluster.join("postmaster.pid"), unrelated).unwrap();

    let postgres = EmbeddedPostgres::start(&options).unwrap();
    assert_eq!(ask(&postgres, "select word from memory").await, "kept");
}

async fn remember(postgres: &EmbeddedPostgres) {
    let mut connection = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql("create table memory as select 'kept'::text as word")
        .execute(&mut connection)
        .await
        .unwrap();
}

#[test]
fn a_useless_bin_dir_is_named() {
    let folder = Folder::new();
    let options = Options {
        bin_dir: Some("/".into()),
        ..folder.options(Durability::Durable)
    };
    let refused = EmbeddedPostgres::start(&options);
    assert!(
        matches!(&refused, Err(StartError::Unusable(bin)) if bin == Path::new("/")),
        "{refused:?}"
    );
}

#[test]
fn a_url_escapes_what_is_not_a_plain_name() {
    assert_eq!(
        percent_encoded("/a b/ü~_".as_bytes()),
        "%2Fa%20b%2F%C3%BC~_"
    );
}

/// Another process of this test binary that owns a cluster, to be killed.
struct Owner {
    process: Child,
    server: Pid,
    watchdog: Pid,
    socket: PathBuf,
}

impl Owner {
    const FOLDER: &'static str = "ATTACHMENTS_TEST_OWNER_FOLDER";
    const DURABILITY: &'static str = "ATTACHMENTS_TEST_OWNER_DURABILITY";

    fn start(folder: &Folder, durability: Durability) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "dev::postgres::tests::own_a_cluster",
                "--ignored",
                "--nocapture",
            ])
            .env(Self::FOLDER, &folder.0)
            .env(Self::DURABILITY, format!("{durability:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut value_of = |name: &str| {
            let line = lines
                .by_ref()
                .find(|line| line.starts_with(name))
                .expect("the owner starts");
            line[name.len()..].to_owned()
        };
        let server = Pid::from_raw(value_of("server=").parse().unwrap());
        let watchdog = Pid::from_raw(value_of("watchdog=").parse().unwrap());
        let socket = PathBuf::from(value_of("socket="));
        Self {
            process,
            server,
            watchdog,
            socket,
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn a_killed_owner_leaves_nothing_of_an_ephemeral_cluster() {
    let folder = Folder::new();
    let mut owner = Owner::start(&folder, Durability::Ephemeral);
    assert!(is_alive(owner.server) && owner.socket.exists());

    owner.kill();

    eventually("the server ends", || !is_alive(owner.server));
    eventually("its folders are removed", || {
        !folder.0.exists() && !owner.socket.exists()
    });
}

#[tokio::test]
async fn a_killed_owner_can_start_again_at_once() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    remember(&EmbeddedPostgres::start(&options).unwrap()).await;
    let mut owner = Owner::start(&folder, Durability::Durable);

    owner.kill();

    let postgres = EmbeddedPostgres::start(&options).unwrap();
    assert!(!is_alive(owner.server));
    eventually("the watchdog ends", || !is_alive(owner.watchdog));
    assert_eq!(ask(&postgres, "select word from memory").await, "kept");
}

#[tokio::test]
async fn an_orphan_is_replaced() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    remember(&EmbeddedPostgres::start(&options).unwrap()).await;
    let mut owner = Owner::start(&folder, Durability::Durable);
    kill(owner.watchdog, Signal::SIGKILL).unwrap();
    eventually("the watchdog ends", || !is_alive(owner.watchdog));
    owner.kill();
    assert!(is_alive(owner.server));

    let postgres = EmbeddedPostgres::start(&options).unwrap();

    assert!(!is_alive(owner.server));
    assert_eq!(ask(&postgres, "select word from memory").await, "kept");
}

#[test]
#[ignore = "runs as the child process of other tests"]
fn own_a_cluster() {
    let Some(folder) = std::env::var_os(Owner::FOLDER) else {
        return;
    };
    let ephemeral = std::env::var_os(Owner::DURABILITY).is_some_and(|value| value == "Ephemeral");
    let durability = if ephemeral {
        Durability::Ephemeral
    } else {
        Durability::Durable
    };
    let options = Options {
        data_dir: folder.into(),
        bin_dir: None,
        durability,
        max_connections: 10,
    };
    let postgres = EmbeddedPostgres::start(&options).unwrap();
    println!("\nserver={}", postgres.server.pid());
    println!("watchdog={}", postgres.watchdog.pid());
    println!("socket={}", postgres.socket.display());
    // Until killed, or until the parent test is gone.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
