//! What only a whole process can show: another one is the service here.

use super::{LONG, PROGRAM, is_gone, until};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// What a service says that does this.
fn told(what: &str) -> Value {
    let ended = Command::new(PROGRAM)
        .args(["service", what])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{what}: {}", ended.status);
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[tokio::test]
async fn children_are_gone_when_their_parent_is_killed() {
    let mut service = Command::new(PROGRAM)
        .args(["service", "keeps children"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let pids: Vec<Value> = lines
        .take(8)
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert!(pids.len() == 8 && !pids.iter().any(is_gone));
    service.kill().unwrap();
    service.wait().unwrap();
    let begun = std::time::Instant::now();
    until("a child lives on", || pids.iter().all(is_gone)).await;
    println!("8 children gone {:?} after their parent", begun.elapsed());
    assert!(begun.elapsed() < LONG);
}

#[test]
fn children_killed_at_random_say_nothing_wrong_and_none_is_left() {
    let told = told("loses children");
    println!("{told}");
    assert_eq!(told["wrong"], 0);
    assert_eq!(told["unlike"], serde_json::json!([]));
    assert_eq!(told["children"], 0);
    let count = |name: &str| told[name].as_u64().unwrap();
    assert!(
        count("killed") + count("early") >= 200,
        "too few were killed"
    );
    assert!(count("killed") > 0 && count("verdicts") > 0);
}

#[test]
fn after_200_children_a_process_holds_what_it_held() {
    let told = told("comes to rest");
    println!("{told}");
    assert_eq!(told["after"], told["before"]);
    assert_eq!(told["children"], 0);
}

#[test]
fn sixty_four_bombs_at_once_cost_their_parent_little() {
    survives("is bombed");
}

#[test]
#[ignore = "takes a minute: the same with all the memory that a child has"]
fn sixty_four_whole_bombs_at_once_cost_their_parent_little() {
    survives("is bombed in earnest");
}

fn survives(bombs: &str) {
    let told = told(bombs);
    println!("{told}");
    let count = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(count("out_of_memory"), 64);
    let grown = count("rss_peak_kib") - count("rss_before_kib");
    assert!(grown <= 64 * 1024, "{grown} KiB");
    assert!(count("children_at_most") <= count("slots"));
}

#[test]
fn want_of_descriptors_is_no_fault_of_the_file_and_passes() {
    let told = told("has no descriptors");
    println!("{told}");
    assert_eq!(
        (&told["first"], &told["last"]),
        (&true.into(), &true.into())
    );
    let failures = told["failures"].as_array().unwrap();
    assert!(failures[0].is_string());
    let named = failures.iter().filter_map(Value::as_str);
    for failure in named {
        assert!(failure.starts_with("Lacking(Descriptors"), "{failure}");
    }
}

#[test]
#[ignore = "figures, not a test: run it on an idle machine"]
fn how_long_the_first_frame_takes() {
    println!("{}", told("measures"));
}
