//! What the contract promises of every RPC, told from outside.

mod bytes;
mod credentials;
mod errors;
mod idempotency;
mod language;
mod links;
mod listing;
mod malformed;
mod outage;
mod put;
mod raw;
mod rules;
mod scopes;
mod served;
pub mod stage;
pub mod status;
pub mod wire;
