//! How long `attachments audit` takes over a million attachments.
//!
//! `cargo bench --bench audit` makes a database with a million rows of every
//! status, with journal and events, and an embedded store with the objects of
//! the stored ones; some 6 GB on disk, removed at the end. The command then
//! takes turns with a plain read of both tables and a plain listing of the
//! bucket. `-- --rows 100000` is faster, `-- --deep` reads every object too.
//!
//! One line of JSON a round goes to standard output.

mod ground;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use clap::Parser;
use futures::TryStreamExt as _;
use ground::{ACCESS_KEY, BUCKET, Ground, SECRET};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use std::error::Error;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Times the audit against plain reads of both sides.
#[derive(Debug, Parser)]
struct Args {
    /// Attachments; 92 of 100 are stored and have an object, and one of ten
    /// of those a thumbnail too.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Rounds of all three.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Reads every object in a last round.
    #[arg(long)]
    deep: bool,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let args = Args::parse();
    let began = Instant::now();
    let ground = Ground::seed(args.rows).await?;
    eprintln!(
        "seeded and opened in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    for _ in 0..args.rounds {
        let table = read_table(&ground).await?;
        let (objects, bucket) = list_bucket(&ground).await?;
        let (audit, report, memory) = audit(&ground, &[]).await?;
        println!(
            "{}",
            json!({
                "rows": args.rows, "objects": objects,
                "audit_s": audit.as_secs_f64(),
                "table_read_s": table.as_secs_f64(), "bucket_listed_s": bucket.as_secs_f64(),
                "against_both": audit.as_secs_f64() / (table + bucket).as_secs_f64(),
                "peak_memory_mb": memory, "clean": report["clean"],
            })
        );
    }
    if args.deep {
        let (audit, report, memory) = audit(&ground, &["--deep"]).await?;
        println!(
            "{}",
            json!({
                "rows": args.rows, "deep_audit_s": audit.as_secs_f64(),
                "read_bytes": report["read_bytes"], "peak_memory_mb": memory,
                "clean": report["clean"],
            })
        );
    }
    ground.raze().await;
    Ok(())
}

/// All columns of all rows, as `psql` would copy them.
async fn read_table(ground: &Ground) -> Outcome<Duration> {
    let mut connection = PgConnection::connect(&ground.database_url).await?;
    let began = Instant::now();
    for copy in ["copy attachments to stdout", "copy objects to stdout"] {
        let mut rows = connection.copy_out_raw(copy).await?;
        while rows.try_next().await?.is_some() {}
    }
    Ok(began.elapsed())
}

/// All keys, page after page.
async fn list_bucket(ground: &Ground) -> Outcome<(u64, Duration)> {
    let keys = Credentials::new(ACCESS_KEY, SECRET, None, None, "audit");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{}", ground.store.local_addr()))
        .force_path_style(true)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    let began = Instant::now();
    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .into_paginator()
        .send();
    let mut count = 0;
    while let Some(page) = pages.try_next().await? {
        count += page.contents().len() as u64;
    }
    Ok((count, began.elapsed()))
}

/// Runs the command; gives its time, its report and the most memory it held.
async fn audit(ground: &Ground, flags: &[&str]) -> Outcome<(Duration, Value, f64)> {
    let began = Instant::now();
    let mut process = ground
        .command()
        .args(["audit", "--json"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()?;
    let status = format!("/proc/{}/status", process.id().unwrap_or_default());
    let mut out = process.stdout.take().ok_or("no standard output")?;
    let mut text = String::new();
    let (mut peak, mut ticks) = (0.0, tokio::time::interval(Duration::from_millis(100)));
    {
        let mut reading = std::pin::pin!(out.read_to_string(&mut text));
        loop {
            tokio::select! {
                read = &mut reading => { read?; break; }
                _ = ticks.tick() => peak = peak_memory_mb(&status).unwrap_or(peak),
            }
        }
    }
    process.wait().await?;
    Ok((began.elapsed(), serde_json::from_str(&text)?, peak))
}

fn peak_memory_mb(status: &str) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}
