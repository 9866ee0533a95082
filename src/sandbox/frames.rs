//! A child's voice: each frame is out of its hands when it is said.

use super::frame::{Garbled, HEAD_BYTES, Head, Kind, Mark, Order};
use rustix::io::{Errno, write};
use rustix::stdio::stdout;
use serde::Serialize;

/// What a child says, frame by frame.
#[derive(Debug, Default)]
pub struct Frames {
    order: Order,
}

/// It was not said.
#[derive(Debug, thiserror::Error)]
pub enum Unsaid {
    /// It would be refused. Something else, or less, can still be said.
    #[error("it would be refused")]
    Unlawful(#[from] Garbled),
    /// The facts cannot be written as JSON.
    #[error("the facts cannot be written")]
    Facts(#[from] serde_json::Error),
    /// Nobody listens any more.
    #[error("nobody listens")]
    Unheard(#[source] std::io::Error),
}

impl Frames {
    /// Says one frame. It has left the process when this returns.
    ///
    /// The verdict comes first, once, then previews, then texts; there is a
    /// most of each ([`Kind::most`]), and one of all
    /// ([`MAX_ANSWER_BYTES`](super::MAX_ANSWER_BYTES)).
    pub fn say(&mut self, kind: Kind, facts: &impl Serialize, body: &[u8]) -> Result<(), Unsaid> {
        self.send(Mark::Said(kind), facts, body)
    }

    /// Says that the child is confined.
    pub(super) fn begin(&mut self, facts: &impl Serialize) -> Result<(), Unsaid> {
        self.send(Mark::Confined, facts, &[])
    }

    /// Says that all is said.
    pub(super) fn end(&mut self) -> Result<(), Unsaid> {
        self.send(Mark::End, &(), &[])
    }

    fn send(&mut self, mark: Mark, facts: &impl Serialize, body: &[u8]) -> Result<(), Unsaid> {
        let mut front = vec![0; HEAD_BYTES];
        serde_json::to_writer(&mut front, facts)?;
        let head = Head {
            mark,
            header_bytes: front.len() - HEAD_BYTES,
            body_bytes: body.len(),
        };
        let bytes = head.encode().ok_or(Garbled::TooLarge)?;
        self.order.admit(head)?;
        front.splice(..HEAD_BYTES, bytes);
        write_all(&front)?;
        write_all(body)
    }
}

fn write_all(mut bytes: &[u8]) -> Result<(), Unsaid> {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Unsaid::Unheard(errno.into())),
        }
    }
    Ok(())
}
