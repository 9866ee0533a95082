//! What tests of whole processes stand on, `it` and `faults` alike: databases,
//! a bucket, requests, and the binary in a folder of its own.

#![expect(dead_code, reason = "each of the two binaries uses its part")]

pub mod bucket;
pub mod byte_stream;
pub mod database;
pub mod requests;
pub mod running_service;
pub mod sandbox;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The tenant most tests work for.
pub const TENANT: &str = "acme";
/// Its LINE channel.
pub const LINE: &str = "line-main";
/// Its Slack channel.
pub const SLACK: &str = "slack-main";
/// Its channel for plain URLs.
pub const URL: &str = "url-main";

/// Long enough for a busy machine; no test waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
