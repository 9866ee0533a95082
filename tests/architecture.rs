//! The ladder of modules, kept by reading the sources.
//!
//! frame > edge > capabilities > ground > core: a module names lower rungs
//! only. What counts is the paths that stand in the code, nested braces and
//! `super::super` too, so no cycle grows by one convenient import after another.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test binary: it exports nothing, and a panic is a failed test"
)]

#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/tokens.rs"]
mod tokens;

use rules::{MAX_LINES, Source};
use std::fs;
use std::path::Path;

#[test]
fn every_source_keeps_the_rules() {
    let sources = sources();
    assert!(sources.len() > 100, "the sources were not found");
    let faults = sources.iter().flat_map(Source::faults);
    let report: Vec<_> = faults.map(|fault| fault.to_string()).collect();
    assert!(report.is_empty(), "\n{}", report.join("\n"));
}

/// One violation a line: where it stands, what stands there, what is found.
const VIOLATIONS: &str = r"
src/access/mod.rs | use crate::grpc; | 2: access may not name grpc
src/access/mod.rs | use crate::{ids, clock, ¶ purge::{self, Purge}}; | 3: access may not name purge
src/access/mod.rs | use crate::*; | 2: access may not name everything
src/app.rs | use crate::dev; | 2: app may not name dev
src/attachment/mod.rs | use tokio::time; | 2: attachment may not name tokio
src/attachment/mod.rs | use crate::failpoint; | 2: attachment may not name failpoint
src/attachment/mod.rs | use crate::telemetry; | 2: attachment may not name telemetry
src/blob/mod.rs | use crate::db; | 2: blob may not name db
src/clock.rs | use crate::attachment; | 2: clock may not name attachment
src/db/row.rs | use super::super::queue::Queue; | 2: db may not name queue
src/grpc/error.rs | fn f(e: &crate::db::DbError) {} | 2: grpc may not name db
src/grpc/mod.rs | mod tests { use super::super::blob::Bucket; } | 2: grpc may not name blob
src/http/mod.rs | use crate::grpc; | 2: http may not name grpc
src/ids.rs | pub async fn f() {} | 2: ids may not name async
src/main.rs | use attachments::*; | 2: main may not name everything
src/purge.rs | use super::{ids, proto::Attachment}; | 2: purge may not name proto
src/register/mod.rs | fn f() { sqlx::query(A); } | 2: register may not name sqlx
src/sundries.rs | use std::fmt; | 1: sundries stands on no rung
src/sweep.rs | ¶ fn f() { crate::config::load(None) } | 3: sweep may not name config
";

#[test]
fn a_violation_is_found_where_it_stands() {
    for violation in VIOLATIONS.trim().lines() {
        let mut parts = violation.split(" | ");
        let [path, text, expected] = [(); 3].map(|()| parts.next().unwrap());
        let faults = faults(path, &format!("//! Doc.\n{}", text.replace('¶', "\n")));
        assert_eq!(faults.len(), 1, "{violation}: {faults:?}");
        let expected = format!("{path}:{expected}");
        assert!(faults[0].starts_with(&expected), "{violation}: {faults:?}");
    }
    assert!(faults("src/ids.rs", "use std::fmt;")[0].contains("no module doc"));
    assert!(faults("src/ids.rs", &"//! Doc.\n".repeat(MAX_LINES + 1))[0].contains("451 lines"));
}

#[test]
fn what_is_no_code_or_may_be_named_is_no_violation() {
    let text = r##"//! See crate::grpc and `super::super::config`.
        /* crate::grpc /* nested */ crate::config */
        use crate::db::Db; use self::backend::Backend; pub(in crate::queue) use super::db;
        const A: &str = "crate::grpc \" crate::grpc"; const B: &str = r#"crate::" grpc"#;
        const C: [char; 2] = ['"', '\'']; fn f<'a>(a: &'a str) { crate::db::g::<u8>(a) }
        mod tests { use super::super::db; mod deeper { use super::super::super::{ids::{self}}; } }
        use super::{clock as time, attachment::{media::MediaType, *}};"##;
    assert_eq!(faults("src/queue/mod.rs", text), [""; 0]);
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let source = Source::new(Path::new(path), text.to_owned());
    source.faults().iter().map(ToString::to_string).collect()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source::new(path.strip_prefix(root).unwrap(), text));
            }
        }
    }
    sources
}
