//! What is tried in a child, and what comes of it.

use super::{asked, attacked, found, memory, sandbox, settings};
use attachments::sandbox::{Budget, Ended, Failure, Input, Sandbox};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn taking_1_6_gib_ends_in_out_of_memory() {
    let failure = attacked("takes memory").await.failure.unwrap();
    assert!(failure.is_of_the_file());
    let Failure::OutOfMemory { said } = failure else {
        panic!("{failure:?}");
    };
    let expected = "memory allocation of 16777216 bytes failed";
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test]
async fn a_loop_ends_when_its_processor_time_does() {
    let settings = attachments::sandbox::Settings {
        cpu: Duration::from_secs(1),
        ..settings()
    };
    let sandbox = Sandbox::new(&settings).unwrap();
    let answer = sandbox.run(asked("loops"), memory(100)).await.all().await;
    let failure = answer.failure.unwrap();
    assert!(failure.is_of_the_file());
    let processor = matches!(failure, Failure::OutOfTime(Budget::Processor));
    assert!(processor, "{failure:?}");
}

#[tokio::test]
async fn a_stack_that_overflows_is_a_crash() {
    let failure = attacked("overflows its stack").await.failure.unwrap();
    let Failure::Crashed { how, said } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(how, Ended::Signal(6));
    assert!(said.contains("has overflowed its stack"), "{said}");
}

#[tokio::test]
async fn a_tcp_connect_is_refused() {
    assert_eq!(found(&attacked("connects by TCP").await), "EPERM");
}

#[tokio::test]
async fn a_udp_send_is_refused() {
    assert_eq!(found(&attacked("sends by UDP").await), "EPERM");
}

#[tokio::test]
async fn opening_and_creating_a_file_is_refused() {
    assert_eq!(found(&attacked("opens a file").await), "EPERM");
    assert_eq!(found(&attacked("creates a file").await), "EPERM");
    assert!(!Path::new("/tmp/left-by-a-child").exists());
}

#[tokio::test]
async fn executing_a_program_is_refused() {
    assert_eq!(found(&attacked("executes a program").await), "EPERM");
}

#[tokio::test]
async fn a_thread_is_refused() {
    assert_eq!(found(&attacked("starts a thread").await), "EPERM");
}

#[tokio::test]
async fn a_signal_to_its_parent_is_refused() {
    // The signal would end this process.
    assert_eq!(found(&attacked("signals its parent").await), "EPERM");
}

#[tokio::test]
async fn writing_to_the_spool_is_refused() {
    let mut spool = tempfile::tempfile().unwrap();
    spool.write_all(b"as it was").unwrap();
    let input = Input::File(Arc::new(spool.try_clone().unwrap()));
    let answer = sandbox().run(asked("writes to the spool"), input).await;
    assert_eq!(found(&answer.all().await), "EPERM, EPERM, EPERM");
    let mut text = String::new();
    spool.rewind().unwrap();
    spool.read_to_string(&mut text).unwrap();
    assert_eq!(text, "as it was");
}

#[tokio::test]
async fn a_panic_says_where_it_was_and_not_what_the_file_says() {
    let failure = attacked("panics").await.failure.unwrap();
    let Failure::Crashed { how, said } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(how, Ended::Code(101));
    assert!(said.contains("attack.rs:"), "{said}");
    assert!(!said.contains("what the file says"), "{said}");
}

#[tokio::test]
async fn what_a_child_says_in_dying_is_cut_and_printable() {
    let failure = attacked("says much on stderr").await.failure.unwrap();
    let Failure::Crashed { said, .. } = failure else {
        panic!("{failure:?}");
    };
    assert!(said.starts_with(r"\x1b[31m\x00noise noise"), "{said}");
    assert!((1000..=4 * 4096).contains(&said.len()), "{}", said.len());
    let plain = said.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    assert!(plain, "{said}");
}
