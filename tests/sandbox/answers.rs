//! What a child says, and what it may not say.

use super::{asked, attacked, found, memory, sandbox};
use attachments::sandbox::{Ended, Failure, Frame, Garbled, Input, Kind};
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;

fn kinds(frames: &[Frame]) -> Vec<Kind> {
    frames.iter().map(|frame| frame.kind).collect()
}

#[tokio::test]
async fn a_file_is_read_whether_in_memory_or_without_a_name() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
    let expected = bytes
        .iter()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte));
    let mut spool = tempfile::tempfile().unwrap();
    spool.write_all(&bytes).unwrap();
    for input in [
        Input::Memory(bytes.clone().into()),
        Input::File(Arc::new(spool)),
    ] {
        let answers = sandbox().run(asked("reads the file"), input).await;
        let answer = answers.all().await;
        assert_eq!(found(&answer), format!("3000000 {expected}"));
        let expected = [Kind::Verdict, Kind::Preview, Kind::Text, Kind::Text];
        assert_eq!(kinds(&answer.frames), expected);
        let bodies = answer.frames.iter().map(|frame| &frame.body[..]);
        let expected = [&b""[..], &bytes[..1000], b"one", b"two"];
        assert_eq!(bodies.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_long_question_is_heard_whole() {
    let name = "長".repeat(100_000);
    let request = json!({ "attack": "says what it was asked", "name": name });
    let request = request.to_string().into_bytes();
    let answer = sandbox().run(request, memory(10)).await.all().await;
    assert_eq!(found(&answer), name);
    let too_long = vec![b' '; 2 << 20];
    let answer = sandbox().run(too_long, memory(10)).await.all().await;
    let refused = matches!(
        answer.failure,
        Some(Failure::Crashed {
            how: Ended::Code(65),
            ..
        })
    );
    assert!(refused, "{:?}", answer.failure);
}

#[tokio::test]
async fn what_was_said_before_a_crash_is_not_lost() {
    let answer = attacked("aborts after its verdict").await;
    assert_eq!(kinds(&answer.frames), [Kind::Verdict, Kind::Text]);
    assert_eq!(answer.frames[1].body, &b"half"[..]);
    let crashed = Some(Ended::Signal(6));
    let how = match answer.failure {
        Some(Failure::Crashed { how, .. }) => Some(how),
        _ => None,
    };
    assert_eq!(how, crashed);
}

#[tokio::test]
async fn an_answer_without_an_end_is_none() {
    for (attack, frames, failure) in [
        ("exits after its verdict", 1, Garbled::Unfinished),
        ("stops in mid frame", 1, Garbled::Unfinished),
        ("says nothing", 0, Garbled::Silent),
        ("says garbage", 0, Garbled::Kind(b'<')),
        ("says the last first", 0, Garbled::Order(4)),
        ("says two verdicts", 1, Garbled::Order(2)),
        ("says it is confined twice", 0, Garbled::Order(1)),
        ("promises 4 GiB", 0, Garbled::TooLarge),
        ("has a huge header", 0, Garbled::TooLarge),
        ("says too much", 12, Garbled::TooLarge),
        ("never stops", 257, Garbled::Order(4)),
    ] {
        let answer = attacked(attack).await;
        assert_eq!(answer.frames.len(), frames, "{attack}");
        match answer.failure {
            Some(Failure::Garbled(garbled)) => assert_eq!(garbled, failure, "{attack}"),
            other => panic!("{attack}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_inspection_that_fails_has_no_end() {
    let answer = attacked("fails").await;
    assert_eq!(kinds(&answer.frames), [Kind::Verdict]);
    let Some(Failure::Crashed { how, .. }) = answer.failure else {
        panic!("{:?}", answer.failure);
    };
    assert_eq!(how, Ended::Code(1));
}

#[tokio::test]
async fn facts_that_are_none_are_told() {
    let answer = attacked("says no JSON").await;
    let facts = answer.frames[0].facts::<Value>();
    assert_eq!(facts, Err(Garbled::Facts(Kind::Verdict)));
}
