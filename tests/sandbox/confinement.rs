//! What holds a child, and what becomes of one that nothing holds.

use super::{asked, attacked, found, memory, sandbox, settings};
use attachments::sandbox::{Failure, Lack, Layer, Sandbox, Settings};
use landlock::{AccessFs, Ruleset, RulesetAttr as _, RulesetStatus};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

fn with_program(program: &str) -> Sandbox {
    let settings = Settings {
        program: program.into(),
        ..settings()
    };
    Sandbox::new(&settings).unwrap()
}

async fn lack_of(sandbox: Sandbox) -> Lack {
    let answer = sandbox.run(asked("waits"), memory(10)).await.all().await;
    assert!(answer.frames.is_empty());
    match answer.failure {
        Some(Failure::Lacking(lack)) => lack,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_layers_that_hold_are_told() {
    let layers = sandbox().layers_that_hold().await.unwrap();
    let required = [
        Layer::Seccomp,
        Layer::Memory,
        Layer::Processor,
        Layer::FileSize,
        Layer::Descriptors,
        Layer::Parent,
    ];
    for layer in required {
        assert!(layers.hold(layer), "{layers}");
    }
    // A kernel may lack it; then it is said.
    let known = std::thread::spawn(kernel_knows_landlock).join().unwrap();
    assert_eq!(layers.hold(Layer::Landlock), known, "{layers}");
    assert_eq!(layers.landlock_abi.is_some(), known, "{layers}");
    println!("{layers}");
}

/// Found out by locking out the thread that asks.
fn kernel_knows_landlock() -> bool {
    let ruleset = Ruleset::default().handle_access(AccessFs::Execute).unwrap();
    let status = ruleset.create().unwrap().restrict_self().unwrap();
    status.ruleset != RulesetStatus::NotEnforced
}

#[tokio::test]
async fn a_child_has_no_environment_and_no_argument_but_numbers() {
    assert_eq!(found(&attacked("looks around").await), "0 variables");
    let mut answers = sandbox().run(asked("waits"), memory(10)).await;
    let verdict: Value = answers.next().await.unwrap().unwrap().facts().unwrap();
    let of_child = |name| format!("/proc/{}/{name}", verdict["pid"]);
    assert_eq!(fs::read(of_child("environ")).unwrap(), b"");
    let words = fs::read_to_string(of_child("cmdline")).unwrap();
    let mut words = words.trim_end_matches('\0').split('\0').skip(1);
    assert_eq!(words.next(), Some("inspect"));
    assert!(words.all(|word| word.bytes().all(|byte| byte.is_ascii_digit())));
    let directory = fs::read_link(of_child("cwd")).unwrap();
    assert_eq!(directory.to_str(), Some("/"));
    let status = fs::read_to_string(of_child("status")).unwrap();
    // What is typed at a terminal does not reach it.
    let stat = fs::read_to_string(of_child("stat")).unwrap();
    let group = stat.rsplit(") ").next().unwrap().split(' ').nth(2);
    assert_eq!(group, Some(verdict["pid"].to_string().as_str()));
    assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"));
}

#[tokio::test]
async fn a_child_has_three_descriptors() {
    let mut answers = sandbox().run(asked("waits"), memory(10)).await;
    let verdict: Value = answers.next().await.unwrap().unwrap().facts().unwrap();
    let opened = fs::read_dir(format!("/proc/{}/fd", verdict["pid"])).unwrap();
    for descriptor in opened {
        let name = descriptor.unwrap().file_name().into_string().unwrap();
        if matches!(name.as_str(), "0" | "1" | "2") {
            continue;
        }
        // What this process was started with is left to its children, of
        // whom the filter keeps it. Nothing that it opened itself is.
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{name}")).unwrap();
        let flags = info.split_whitespace().nth(3).unwrap();
        let flags = u32::from_str_radix(flags, 8).unwrap();
        assert_eq!(flags & 0o2_000_000, 0, "descriptor {name}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_no_fault_of_the_file() {
    let lack = lack_of(with_program("/not/there")).await;
    assert!(matches!(lack, Lack::Process(_)), "{lack:?}");
}

#[tokio::test]
async fn a_program_that_ends_before_it_reads_is_no_fault_of_the_file() {
    let lack = lack_of(with_program("/bin/false")).await;
    assert!(matches!(lack, Lack::Confinement { .. }), "{lack:?}");
}

#[tokio::test]
async fn a_program_that_is_none_of_ours_is_no_fault_of_the_file() {
    let lack = lack_of(with_program("/usr/bin/yes")).await;
    assert!(matches!(lack, Lack::Stranger(_)), "{lack:?}");
}

#[tokio::test]
async fn a_child_that_does_not_begin_in_time_is_no_fault_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("stuck");
    fs::write(&program, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).unwrap();
    let settings = Settings {
        program,
        wall: Duration::from_millis(300),
        ..settings()
    };
    let lack = lack_of(Sandbox::new(&settings).unwrap()).await;
    assert!(matches!(lack, Lack::Time), "{lack:?}");
}

#[test]
fn one_that_is_started_by_hand_says_what_it_is() {
    let ended = Command::new(super::PROGRAM)
        .arg("inspect")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(64));
    assert!(ended.stdout.is_empty());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the service itself"));
}

#[test]
fn one_whose_parent_is_another_does_not_begin() {
    let ended = Command::new(super::PROGRAM)
        .args(["inspect", "1", "603979776", "3"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(71));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the parent has ended"));
}
