//! The service from outside: over gRPC, HTTP, SQL and S3, on a real Postgres,
//! a real S3 protocol and simulated providers on real sockets.

#![expect(unreachable_pub, reason = "a test binary exports nothing")]

mod story;
mod support;
