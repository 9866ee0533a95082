//! `attachments demo`.

use super::leftovers::{Processes, descendants, postmasters, wait_gone};
use super::sandbox::{Process, Sandbox};
use crate::support::database;
use nix::sys::signal::Signal;

#[tokio::test]
async fn demo_tells_the_story_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut demo = sandbox.start(&["demo"]);
    let family = wait_told(&mut demo, "stored").await;
    assert_eq!(postmasters(&family).len(), 1, "{family:#?}");

    let finished = demo.finish().await;

    assert_eq!(finished.code, Some(0), "{finished:?}");
    for line in ["webhook   LINE", "webhook   Slack", "STORED", "fetched"] {
        assert!(finished.stdout.contains(line), "{line}: {finished:?}");
    }
    let checked = finished.stdout.matches(", SHA-256 ").count();
    assert_eq!(checked, 2, "{finished:?}");
    assert_eq!(finished.stderr, "");
    wait_gone(&family).await;
    assert_nothing_left(&sandbox, &family);
}

#[tokio::test]
async fn an_interrupted_demo_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut demo = sandbox.start(&["demo"]);
    let family = wait_told(&mut demo, "stack").await;

    demo.signal(Signal::SIGINT);
    let finished = demo.finish().await;

    assert_eq!(finished.code, Some(1), "{finished:?}");
    // What was cut off may have logged before that.
    let last = finished.stderr.lines().last();
    assert_eq!(last, Some("interrupted before the story was over"));
    wait_gone(&family).await;
    assert_nothing_left(&sandbox, &family);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_plays_again_on_a_database_that_was_given() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", database::create_empty().await);
    for run in ["first", "second"] {
        let mut demo = sandbox.start(&["demo"]);
        let family = wait_told(&mut demo, "stack").await;
        assert_eq!(postmasters(&family), Vec::<&str>::new());
        let finished = demo.finish().await;
        assert_eq!(finished.code, Some(0), "{run}: {finished:?}");
    }
}

/// Waits for a word of the story, and gives the processes that run then.
async fn wait_told(demo: &mut Process, word: &str) -> Processes {
    let told = |demo: &Process| {
        demo.stdout()
            .contains(word)
            .then(|| descendants(demo.pid()))
    };
    demo.wait_for(word, told).await
}

fn assert_nothing_left(sandbox: &Sandbox, family: &Processes) {
    assert_eq!(sandbox.temporary_files(), [] as [std::path::PathBuf; 0]);
    // Where root's Postgres cannot reach, its data lies elsewhere.
    for line in postmasters(family) {
        let data = line.split(" -D ").nth(1).unwrap();
        let data = data.split(' ').next().unwrap();
        assert!(!std::path::Path::new(data).exists(), "{data}");
    }
}
