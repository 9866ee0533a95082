//! Every setting, where it came from, and what is wrong with it.
//!
//! A TOML file, overlaid by `ATTACHMENTS_<SECTION>_<KEY>`, flags last. Nothing
//! else in the service reads the environment. Each module defines the small
//! `Settings` it needs; [`Config::resolve`] fills them or names every fault at once.

mod check;
mod environment;
mod fault;
pub mod flag;
mod load;
mod origin;
mod report;
mod resolve;
mod secret;
mod section;
mod sections;
mod value;

pub use check::{Needs, Telemetry};
pub use fault::{Fault, Faults, What};
pub use load::{Loaded, load};
pub use report::{effective, example};
pub use resolve::{Resolved, Role};
pub use sections::Config;
pub use value::{Human, Secret, TokenKey};
