//! Real clusters, queried through sqlx.

mod killed;

use super::*;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgid};
use sqlx::{Connection as _, PgConnection};
use std::process::Command;
use std::thread;

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

#[tokio::test]
async fn an_ephemeral_cluster_answers_and_leaves_nothing() {
    let folder = Folder::new();
    let options = folder.options(Durability::Ephemeral);
    // It must outlive the thread that started it.
    let postgres = thread::spawn(move || EmbeddedPostgres::start(&options))
        .join()
        .unwrap()
        .unwrap();
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
async fn a_durable_cluster_survives_a_crash_and_a_restart() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    let postgres = EmbeddedPostgres::start(&options).unwrap();
    assert_eq!(
        ask(&postgres, "select current_setting('fsync')").await,
        "on"
    );
    remember(&postgres).await;
    let (home, socket) = (postgres.data_dir.clone(), postgres.socket.clone());
    postgres.stop();

    // After a crash of the machine, the notes of the last server may name any process.
    let account = Account::choose();
    let mut sleep = Command::new("sleep");
    account.apply(sleep.arg("600"));
    let mut unrelated = sleep.spawn().unwrap();
    let mut entries = fs::read_dir(&home)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let cluster = entries.find(|path| path.is_dir()).unwrap();
    let note = format!("{}\n{}\n", unrelated.id(), cluster.display());
    fs::write(cluster.join("postmaster.pid"), &note).unwrap();
    directories::socket(&home, &account).unwrap();
    fs::write(socket.join(directories::SOCKET_LOCK), &note).unwrap();

    let restarted = EmbeddedPostgres::start(&options);

    assert!(
        unrelated.try_wait().unwrap().is_none(),
        "it was taken for an orphan"
    );
    unrelated.kill().unwrap();
    unrelated.wait().unwrap();
    assert_eq!(
        ask(&restarted.unwrap(), "select word from memory").await,
        "kept"
    );
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
        percent_encoded("/a b/ü~_".as_bytes()).to_string(),
        "%2Fa%20b%2F%C3%BC~_"
    );
}
