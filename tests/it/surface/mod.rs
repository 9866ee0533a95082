//! What the contract promises of every RPC, told from outside.

mod bytes;
mod idempotency;
mod links;
mod listing;
mod malformed;
mod outage;
mod scopes;
pub mod stage;
pub mod status;
pub mod wire;
