//! `docs/clients.md`: its code is that of the examples, its reasons are those
//! of the code, its scopes those that are asked for.

use crate::read;
use attachments::auth::methods::required_scopes;
use attachments::proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;

const PAGE: &str = "docs/clients.md";
/// Where reasons are written.
const SOURCES: [&str; 2] = ["src/grpc/error.rs", "src/auth/refusal.rs"];

/// Blocks of code that no example has, by their first line.
pub(super) fn code_of_no_example() -> Vec<String> {
    let page = read(PAGE);
    let shown = |language: &str, example: &str| {
        let example = read(example);
        let blocks = blocks(&page, language);
        assert!(!blocks.is_empty(), "no {language} is shown");
        let foreign = blocks.into_iter().filter(|block| !example.contains(block));
        foreign
            .map(|block| block.lines().next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let mut foreign = shown("python", "examples/python/client.py");
    foreign.extend(shown("js", "examples/node/client.js"));
    foreign
}

/// What stands between the fences of this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    page.split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(ToOwned::to_owned)
        .collect()
}

/// The reasons in the table that are in no source, and those that it lacks.
pub(super) fn reasons_amiss() -> (Vec<String>, Vec<String>) {
    let sent = quoted(&SOURCES.map(read).concat(), '"');
    let page = read(PAGE);
    let reasons = rows(&page, "| Code | Reason | Then |").map(|(_, reasons)| reasons);
    let explained: BTreeSet<_> = reasons.flat_map(|reasons| quoted(reasons, '`')).collect();
    let unknown = explained.difference(&sent).cloned().collect();
    let missing = sent.difference(&explained).filter(|name| !is_code(name));
    (unknown, missing.cloned().collect())
}

/// Each scope with each method it opens: as the table has it, and as it is.
pub(super) fn scopes() -> (BTreeSet<String>, BTreeSet<String>) {
    let page = read(PAGE);
    let shown = rows(&page, "| Scope | Opens |").flat_map(|(scope, methods)| {
        let methods = methods.split('`').skip(1).step_by(2);
        methods.map(move |method| format!("{scope} {method}"))
    });
    let shown = shown.filter(|pair| !pair.ends_with(" AdminService"));
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let service = services
        .into_iter()
        .find(|service| service.name() == "AttachmentService")
        .unwrap();
    let asked = service.method.iter().flat_map(|method| {
        let path = format!("/attachments.v1.AttachmentService/{}", method.name());
        let scopes: Vec<_> = required_scopes(&path).unwrap().iter().collect();
        scopes
            .into_iter()
            .map(move |scope| format!("`{scope}` {}", method.name()))
    });
    (shown.collect(), asked.collect())
}

/// The first two cells of each row of the table with this head.
fn rows<'a>(page: &'a str, head: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (_, table) = page.split_once(head).unwrap();
    let rows = table
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .lines()
        .skip(2);
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?, cells.next()?))
    })
}

/// Names in capitals between these quotes.
fn quoted(text: &str, quote: char) -> BTreeSet<String> {
    let is_name =
        |word: &&str| word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    text.split(quote)
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

/// Whether a code of gRPC is called so: a failure of the transport has it as
/// its reason.
fn is_code(name: &str) -> bool {
    const CODES: [&str; 14] = [
        "UNKNOWN",
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    CODES.contains(&name)
}
