//! How long a child lives: as long as its parent, its time, and whoever asked.

use super::{LONG, asked, found, is_gone, memory, sandbox, settings, until};
use attachments::sandbox::{Answers, Budget, Ended, Failure, Kind, Lack, Sandbox, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

fn with(slots: usize, wall: Duration) -> Sandbox {
    let settings = Settings {
        slots,
        wall,
        ..settings()
    };
    Sandbox::new(&settings).unwrap()
}

/// The id of the child, when it has said its verdict.
async fn pid(answers: &mut Answers) -> Value {
    let verdict: Value = answers.next().await.unwrap().unwrap().facts().unwrap();
    verdict["pid"].clone()
}

#[tokio::test]
async fn a_child_that_waits_ends_with_its_time_and_what_it_said_is_kept() {
    let sandbox = with(1, Duration::from_secs(2));
    let answers = sandbox.run(asked("waits"), memory(10)).await;
    let answer = timeout(LONG, answers.all()).await.unwrap();
    let late = matches!(answer.failure, Some(Failure::OutOfTime(Budget::Wall)));
    assert!(late, "{:?}", answer.failure);
    let kinds: Vec<_> = answer.frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [Kind::Verdict, Kind::Preview]);
}

#[tokio::test]
async fn a_caller_that_is_gone_ends_its_child() {
    // It does not end by its time.
    let sandbox = with(1, 10 * LONG);
    let mut answers = sandbox.run(asked("waits"), memory(10)).await;
    let pid = pid(&mut answers).await;
    // It has said all that it will.
    answers.next().await.unwrap();
    assert!(!is_gone(&pid));
    drop(answers);
    until("the child lives on", || is_gone(&pid)).await;
    // And its slot is free.
    let next = sandbox.run(asked("nothing at all"), memory(10)).await;
    assert_eq!(found(&next.all().await), "well");
}

#[tokio::test]
async fn one_that_waits_for_a_slot_gets_it_in_turn_and_gives_it_up_when_gone() {
    let sandbox = with(1, LONG);
    let mut first = sandbox.run(asked("waits"), memory(10)).await;
    let pid = pid(&mut first).await;
    let second = sandbox.run(asked("nothing at all"), memory(10));
    let none = timeout(Duration::from_millis(50), second).await;
    assert!(none.is_err(), "there is one slot");
    let third = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { sandbox.run(asked("nothing at all"), memory(10)).await }
    });
    assert!(!is_gone(&pid));
    drop(first);
    let answer = third.await.unwrap().all().await;
    assert_eq!(found(&answer), "well");
    assert!(is_gone(&pid), "a slot was free before its child was gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_thread_nor_a_sandbox_that_ends_takes_a_child_along() {
    let runtime = tokio::runtime::Handle::current();
    let asker = std::thread::spawn(move || {
        runtime.block_on(async {
            let sandbox = sandbox();
            sandbox.run(asked("answers late"), memory(10)).await
        })
    });
    // The thread that asked and the last sandbox are gone by now.
    let answers = asker.join().unwrap();
    assert_eq!(found(&answers.all().await), "late");
}

#[tokio::test]
async fn a_child_that_somebody_kills_had_no_end() {
    for (signal, of_the_file) in [(Signal::KILL, true), (Signal::TERM, false)] {
        let mut answers = sandbox().run(asked("waits"), memory(10)).await;
        let pid = pid(&mut answers).await.as_i64().unwrap();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let failure = answers.all().await.failure.unwrap();
        assert_eq!(failure.is_of_the_file(), of_the_file);
        let told = match failure {
            Failure::Crashed {
                how: Ended::Signal(signal),
                ..
            }
            | Failure::Lacking(Lack::Told(signal)) => signal,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, signal.as_raw());
    }
}

#[test]
fn a_runtime_that_ends_takes_its_children_along() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (first, second) = (runtime(), runtime());
    let sandbox = sandbox();
    let (pid, mut answers) = first.block_on(async {
        let mut answers = sandbox.run(asked("waits"), memory(10)).await;
        (pid(&mut answers).await, answers)
    });
    drop(first);
    second.block_on(async {
        assert_eq!(answers.next().await.unwrap().unwrap().kind, Kind::Preview);
        let ended = answers.next().await;
        let ending = matches!(ended, Err(Failure::Lacking(Lack::Ending)));
        assert!(ending, "{ended:?}");
        until("the child lives on", || is_gone(&pid)).await;
    });
}
