//! Who may name whom.

use crate::paths::named_modules;
use crate::tokens::tokens;
use std::fmt;
use std::path::{Path, PathBuf};

/// A source that is longer does more than one job.
pub const MAX_LINES: usize = 450;

/// From the top down. A module names lower rungs only.
const LADDER: &[(Group, &[&str])] = &[
    (Group::Frame, &["main"]),
    (Group::Frame, &["dev", "operator"]),
    (Group::Frame, &["app"]),
    (Group::Frame, &["config"]),
    (Group::Edge, &["grpc", "http", "listener"]),
    (
        Group::Capability,
        &[
            "register", "ingest", "access", "content", "watch", "purge", "redrive", "sweep",
            "audit", "admin",
        ],
    ),
    (Group::Ground, &["queue", "provider", "auth", "sandbox"]),
    (Group::Ground, &["db", "blob", "inspect", "egress", "seal"]),
    (Group::Core, &["attachment"]),
    (Group::Core, &["ids", "clock"]),
    (Group::Apart, &["telemetry", "proto", "failpoint"]),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Frame,
    Edge,
    Capability,
    Ground,
    Core,
    /// Generated, or written to by everybody: below all, of no use to most.
    Apart,
}

/// Ground that stands on other ground; all else stands side by side.
const ON_GROUND: &[(&str, &str)] = &[
    ("queue", "db"),
    ("provider", "egress"),
    ("provider", "seal"),
    ("auth", "egress"),
    ("sandbox", "inspect"),
];

/// Libraries that have a home. The frame composes and may name any.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("sqlx", &["db"]),
    ("apalis", &["queue"]),
    ("apalis_core", &["queue"]),
    ("aws_config", &["blob"]),
    ("aws_sdk_s3", &["blob"]),
    ("aws_sigv4", &["blob"]),
    ("reqwest", &["egress"]),
    ("jsonwebtoken", &["auth"]),
    ("infer", &["inspect"]),
    ("tonic", &["grpc", "listener", "auth", "proto"]),
    ("axum", &["grpc", "http"]),
    ("tokio", NOT_THE_CORE),
    ("futures", NOT_THE_CORE),
    ("http", NOT_THE_CORE),
    ("async", NOT_THE_CORE),
    ("await", NOT_THE_CORE),
];
const NOT_THE_CORE: &[&str] = &["everything but the core"];

/// One source file.
pub struct Source {
    path: PathBuf,
    text: String,
    /// The path of its module: `["grpc", "convert", "link"]`.
    module: Vec<String>,
}

/// A rule that is broken, and where.
pub struct Fault {
    path: PathBuf,
    line: usize,
    rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.rule)
    }
}

impl Source {
    /// `path` is relative to the crate: `src/grpc/mod.rs`.
    pub fn new(path: &Path, text: String) -> Self {
        let parts = path.with_extension("");
        let mut module: Vec<String> = parts
            .iter()
            .skip(1)
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        module.pop_if(|last| last == "mod");
        Self {
            path: path.to_owned(),
            text,
            module,
        }
    }

    /// Every rule that this source breaks.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut note = |line, rule| {
            faults.push(Fault {
                path: self.path.clone(),
                line,
                rule,
            });
        };
        if !self.text.starts_with("//!") {
            note(1, "has no module doc `//!`".to_owned());
        }
        let lines = self.text.lines().count();
        if lines > MAX_LINES {
            note(lines, format!("has {lines} lines; {MAX_LINES} at most"));
        }
        let own = self.module[0].as_str();
        // The root of the crate mounts every module; that is all it does.
        if own == "lib" {
            return faults;
        }
        let Some((_, group)) = stand(own) else {
            note(1, format!("{own} stands on no rung of the ladder"));
            return faults;
        };
        let tokens = tokens(&self.text);
        let mut named = named_modules(&self.module, &tokens);
        named.dedup();
        for (line, named) in named {
            if let Err(why) = may_name(own, &named) {
                note(line, format!("{own} may not name {named}: {why}"));
            }
        }
        for (at, token) in tokens.iter().enumerate() {
            let begins_a_path = tokens.get(at + 1).is_some_and(|next| next.text == "::")
                && (at == 0 || tokens[at - 1].text != "::");
            let counts = begins_a_path || matches!(token.text, "async" | "await");
            if let Some((library, homes)) = LIBRARIES.iter().find(|(name, _)| *name == token.text)
                && counts
                && !is_home(own, group, homes)
            {
                let homes = homes.join(", ");
                note(
                    token.line,
                    format!("{own} may not name {library}: its home is {homes}"),
                );
            }
        }
        faults
    }
}

fn is_home(own: &str, group: Group, homes: &[&str]) -> bool {
    match group {
        Group::Frame => true,
        Group::Core => false,
        _ => homes == NOT_THE_CORE || homes.contains(&own),
    }
}

fn may_name(own: &str, named: &str) -> Result<(), &'static str> {
    let (Some((from, group)), Some((to, named_group))) = (stand(own), stand(named)) else {
        return Err("it stands on no rung of the ladder");
    };
    match (group, named_group) {
        _ if own == named => Ok(()),
        _ if to <= from => Err("it does not stand on a lower rung"),
        (Group::Ground, Group::Ground) if !ON_GROUND.contains(&(own, named)) => {
            Err("ground stands side by side")
        }
        (Group::Edge, Group::Ground) if !matches!(named, "auth" | "seal") => {
            Err("the edge asks a capability")
        }
        (Group::Core, Group::Apart) => Err("the core stands alone"),
        (Group::Capability | Group::Ground, Group::Apart) if named == "proto" => {
            Err("only the edge speaks the wire's types")
        }
        _ => Ok(()),
    }
}

/// Where a module stands: its rung, counted from the top, and its group.
fn stand(module: &str) -> Option<(usize, Group)> {
    LADDER
        .iter()
        .position(|(_, rung)| rung.contains(&module))
        .map(|rung| (rung, LADDER[rung].0))
}
