//! Where hostile bytes are parsed: in a child process of this same binary,
//! one for a file, never reused.
//!
//! Promises: the child reads its first byte only when it has said which
//! layers hold it (on Linux seccomp always does); whatever it does then ends
//! as an outcome of this one file, and what it had said before that is kept;
//! its answer is checked as a stranger's; it ends with its parent and with
//! whoever asked. What is asked, and what its answers mean, stands in `task`
//! alone: the rest knows of frames.
//!
//! The child has three descriptors. 0 is the file, read-only, read by offset.
//! 1 is a socket: the request comes by it and the answer goes by it, so that
//! no name of a file stands among the arguments, which every process of the
//! machine can read. 2 is a pipe for what a dying process says.

mod answers;
mod child;
#[cfg_attr(target_os = "linux", path = "confine_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "confine_elsewhere.rs")]
mod confine;
mod conversation;
mod descriptor;
mod failure;
#[cfg(target_os = "linux")]
mod filter;
mod frame;
mod frames;
mod launcher;
mod layers;
mod limits;
mod picture;
mod settings;
mod source;
mod spawner;
mod task;

pub use answers::{Answer, Answers};
pub use child::{Call, called};
pub use descriptor::Input;
pub use failure::{Budget, Ended, Failure, Lack};
pub use frame::{Frame, Garbled, Kind, MAX_ANSWER_BYTES};
pub use frames::{Frames, Unsaid};
pub use launcher::Sandbox;
pub use layers::{Layer, Layers};
pub use picture::{Picture, Purpose};
pub use settings::Settings;
pub use source::Source;
pub use task::{Prepared, perform};
