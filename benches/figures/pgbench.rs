//! The reference for registrations: pgbench with the service's own statement.

use super::Outcome;
use super::clients::Seen;
use super::stage::{CHANNEL, Stage, TENANT};
use attachments::db::PLANS_BY_KEY;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// What the service sends; its sessions' settings are the service's too.
const RECORD: &str = include_str!("../../src/db/record.sql");

/// A statement for pgbench.
pub(crate) struct Script {
    path: PathBuf,
}

impl Script {
    /// Registers one file that nobody registered before.
    pub(crate) fn new_file(stage: &Stage) -> Outcome<Self> {
        Self::write(stage, "new", "random(1, 1000000000000)")
    }

    /// Registers one of the first `known` files of each client again.
    pub(crate) fn known_file(stage: &Stage, known: usize) -> Outcome<Self> {
        Self::write(stage, "known", &format!("random(0, {})", known - 1))
    }

    /// The statement for a batch of one. Its values are those of
    /// [`super::clients::request`]; ids grow with time, as `UUIDv7` do.
    fn write(stage: &Stage, name: &str, number: &str) -> Outcome<Self> {
        let media = "('m-' || :client_id || '-' || :n)";
        let source = format!(
            "jsonb_build_object('line', jsonb_build_object('message_id', {media}, 'preview', false))"
        );
        let id = "encode(overlay(uuid_send(gen_random_uuid()) placing \
            substr(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint), 3) \
            from 1), 'hex')::uuid";
        let (tenant, channel) = (format!("'{TENANT}'"), format!("'{CHANNEL}'"));
        let values = [
            &tenant,
            id,
            &channel,
            media,
            "''",
            &source,
            media,
            "'conversation'",
            "null",
            "''",
            "''",
            "null",
            "'durable'",
            "null",
            "5",
            "5",
            "null",
            "null",
            "1",
            "''",
            "null",
            "null",
            "null",
        ];
        let mut statement = format!("{RECORD}select id from recorded");
        for (number, value) in (1..).zip(values) {
            statement = statement.replace(&format!("${number}::"), &format!("array[{value}]::"));
        }
        if statement.contains('$') {
            return Err("record.sql has parameters that the figures do not know".into());
        }
        let path = stage.folder().join(name).with_extension("sql");
        fs::write(&path, format!("\\set n {number}\n{statement};\n"))?;
        Ok(Self { path })
    }

    /// Runs it over and over for `time`, in `clients` sessions.
    pub(crate) async fn run(&self, stage: &Stage, clients: usize, time: Duration) -> Outcome<Seen> {
        let logs = tempfile::tempdir_in(stage.folder())?;
        let plans = PLANS_BY_KEY.map(|(name, value)| format!("-c {name}={value}"));
        let output = Command::new("pgbench")
            .env("PGOPTIONS", plans.join(" "))
            .args(["--no-vacuum", "--protocol=prepared", "--log"])
            .arg(format!(
                "--log-prefix={}",
                logs.path().join("log").display()
            ))
            .arg(format!("--file={}", self.path.display()))
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={}", time.as_secs()))
            .arg(&stage.database_url)
            .output()
            .await
            .map_err(|error| format!("pgbench, of Postgres' own packages, is needed: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let printed = String::from_utf8(output.stdout)?;
        let per_second = printed
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("pgbench tells no rate")?
            .parse()?;
        let mut latencies = Vec::new();
        for log in fs::read_dir(logs.path())? {
            for line in fs::read_to_string(log?.path())?.lines() {
                // client, transaction, microseconds, ...
                let took = line
                    .split(' ')
                    .nth(2)
                    .ok_or("an odd line in pgbench's log")?;
                latencies.push(Duration::from_micros(took.parse()?));
            }
        }
        Ok(Seen::of(latencies, per_second))
    }
}
